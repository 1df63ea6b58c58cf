"""A small platform for tests: a real store, real processes, a real router; programs of a few lines."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import aiohttp

from coop_core.build.images import ImageStore, Manifest, reference
from coop_core.clock import SystemClock
from coop_core.cluster import kinds
from coop_core.git.mirror import Mirror
from coop_core.local.controllers.wiring import Controllers
from coop_core.local.objects import Objects
from coop_core.local.router import Router
from coop_core.local.runtime.runtime import Runtime
from coop_core.local.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from coop_core.cluster.kinds import Kind, Raw

T = TypeVar("T")
PATIENCE_S = 10.0
NAMESPACE = "dev-ada"

SERVER = """
import os, signal, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        if self.path.startswith("/slow"):
            time.sleep(0.4)
        body = (os.environ.get("ANSWER", "hello") + "\\n").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *args):
        pass

class Server(ThreadingHTTPServer):
    request_queue_size = 128

server = Server(("127.0.0.1", int(os.environ["PORT"])), Handler)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
print("listening", flush=True)
server.serve_forever(poll_interval=0.02)
"""


@dataclass
class Bench:
    """A platform in one folder; `start` may be called again after `drop` or `close`, as after a restart."""

    folder: Path
    clock: SystemClock = field(default_factory=SystemClock)

    def __post_init__(self) -> None:
        self.images = ImageStore(self.folder / "images", self.folder / "environments")
        self.open()

    def open(self) -> None:
        self.store = Store(self.folder / "objects.db")
        self.objects = Objects(self.store, self.clock)
        self.router = Router(self.objects)
        self.runtime = Runtime(self.objects, self.images, folder=self.folder / "pods", router=self.router)
        self.controllers = Controllers(self.objects, Mirror(self.folder / "mirror"), self.runtime)

    async def start(self) -> None:
        for name in ("default", kinds.ARGOCD_NAMESPACE, NAMESPACE):
            if self.objects.find(kinds.NAMESPACE, "", name) is None:
                self.objects.create(kinds.NAMESPACE, {"metadata": {"name": name}})
        await self.router.start()
        await self.controllers.start()

    async def close(self, *, keep_pods: bool = False) -> None:
        await self.controllers.close(keep_pods=keep_pods)
        await self.router.close()
        self.objects.close()
        self.store.close()

    def image(self, program: str) -> str:
        """An image whose only file is `main.py`."""
        digest = hashlib.sha256(program.encode()).hexdigest()
        if not self.images.has(digest):

            def fill(root: Path) -> None:
                (root / "main.py").write_text(program)

            self.images.add(digest, Manifest("web", ""), fill)
        return reference("web", digest)

    def container(self, program: str = SERVER, **more: Any) -> Raw:
        return {
            "name": "web",
            "image": self.image(program),
            "command": [sys.executable, "-S", "main.py"],
            **more,
        }

    def pod(self, name: str, *containers: Raw, **spec: Any) -> Raw:
        return self.objects.create(
            kinds.POD,
            {"metadata": {"name": name, "namespace": NAMESPACE}, "spec": {"containers": list(containers), **spec}},
        )

    def get(self, kind: Kind, name: str) -> Raw | None:
        return self.objects.find(kind, NAMESPACE, name)

    async def until(self, look: Callable[[], T | None], patience_s: float = PATIENCE_S) -> T:
        """What `look` finds, looked for at every change of the store."""
        try:
            async with asyncio.timeout(patience_s):
                while True:
                    revision = self.store.revision
                    found = look()
                    if found:
                        return found
                    await self.store.changed(revision)
        except TimeoutError:
            raise AssertionError(f"not found in {patience_s:g} s; {self.sketch()}") from None

    def sketch(self) -> str:
        """What there is, for a failed test."""
        return "\n".join(
            f"{kind.singular} {one['metadata']['name']}: {one.get('status')}"
            for kind in (kinds.DEPLOYMENT, kinds.REPLICA_SET, kinds.POD, kinds.APPLICATION)
            for one in self.objects.select(kind, NAMESPACE)
        )

    async def running_pod(self, name: str) -> Raw:
        return await self.until(lambda: is_ready(self.get(kinds.POD, name)))

    def apply(self, kind: Kind, body: Raw) -> Raw:
        metadata = body["metadata"]
        if self.objects.find(kind, metadata.get("namespace", ""), metadata["name"]):
            return self.objects.update(kind, body)
        return self.objects.create(kind, body)

    async def ask(self, path: str = "/", host: str = "web.localhost") -> tuple[int, str]:
        """Status and text of a GET through the router."""
        url = f"http://127.0.0.1:{self.router.port}{path}"
        async with aiohttp.ClientSession() as session, session.get(url, headers={"Host": host}) as answer:
            return answer.status, await answer.text()


def is_ready(pod: Raw | None) -> Raw | None:
    conditions = ((pod or {}).get("status") or {}).get("conditions") or []
    return pod if any(one["type"] == "Ready" and one["status"] == "True" for one in conditions) else None


def listening(container: Raw, **probe: Any) -> Raw:
    """The container with a port and an HTTP readiness probe on it."""
    return {
        **container,
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1, **probe},
    }


def web(container: Raw, *, replicas: int = 1, **spec: Any) -> tuple[Raw, Raw, Raw]:
    """Deployment, Service and Ingress of a service `web`."""
    labels = {"app.kubernetes.io/name": "web"}
    metadata = {"name": "web", "namespace": NAMESPACE}
    deployment = {
        "metadata": metadata,
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [container], "terminationGracePeriodSeconds": 5},
            },
            **spec,
        },
    }
    service = {
        "metadata": metadata,
        "spec": {"selector": labels, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
    }
    backend = {"service": {"name": "web", "port": {"name": "http"}}}
    rule = {"host": "web.localhost", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    return deployment, service, {"metadata": metadata, "spec": {"rules": [rule]}}
