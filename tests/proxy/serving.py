"""The proxy over a real API server, with objects of two developers and canaries where secrets hide."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from coop_core.clock import SystemClock
from coop_core.cluster import kinds, labels
from coop_core.cluster.protobuf import MEDIA_TYPE
from coop_core.local.tokens import PROXIES, Identity
from coop_core.proxy.server import TICK_S, ProxyServer

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

    from coop_core.cluster.kinds import Raw
    from tests.kube.serving import Api

CANARY = "canary-5f2d"
WHOLE_SECOND_S = 1_800_000_000.0
PROXY = Identity("coop-proxy", (PROXIES,))


def developer(name: str) -> Identity:
    return Identity(name, audiences=("coop-proxy",))


class SetClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self._passed_s = 0.0

    def now_s(self) -> float:
        return WHOLE_SECOND_S + self._passed_s

    def monotonic_s(self) -> float:
        return self._passed_s

    def move(self, seconds: float) -> None:
        self._passed_s += seconds


async def pass_time(server: ProxyServer, clock: SetClock, seconds: float) -> None:
    """Lets time pass as the server sees it: in its own steps, with its own look around at each."""
    for _ in range(round(seconds / TICK_S)):
        clock.move(TICK_S)
        await server.tick()


async def until(check: Callable[[], Awaitable[bool]]) -> None:
    """Waits for something that follows soon, but not at once."""
    async with asyncio.timeout(10):
        while not await check():
            await asyncio.sleep(0.01)


@dataclass
class Viewer:
    """A developer with a token, speaking HTTP to the proxy."""

    url: str
    token: str
    tls: ssl.SSLContext
    session: aiohttp.ClientSession

    async def ask(
        self, path: str, *, method: str = "GET", accept: str = "application/json", body: Any = None
    ) -> tuple[int, Any]:
        """Status and decoded body. body: bytes of protobuf, or what becomes JSON."""
        headers = {"Authorization": f"Bearer {self.token}", "Accept": accept}
        if isinstance(body, bytes):
            headers["Content-Type"] = MEDIA_TYPE
        given = {"data": body} if isinstance(body, bytes) else {"json": body}
        async with self.session.request(
            method, f"{self.url}{path}", headers=headers, ssl=self.tls, allow_redirects=False, **given
        ) as response:
            text = await response.text()
            return response.status, json.loads(text) if text.startswith("{") else text

    async def events(self, path: str, *, accept: str = "application/json") -> AsyncGenerator[Raw, None]:
        """The events of a watch, as they come."""
        headers = {"Authorization": f"Bearer {self.token}", "Accept": accept}
        async with self.session.get(f"{self.url}{path}", headers=headers, ssl=self.tls) as response:
            assert response.status == 200
            async for line in response.content:
                yield json.loads(line)


async def exchange(port: int, tls: ssl.SSLContext | None, request: bytes) -> bytes:
    """Bytes in, bytes out, until the server closes, or a moment after a whole answer came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    writer.write(request)
    answer = b""
    try:
        while True:
            async with asyncio.timeout(0.02 if _is_whole(answer) else 1):
                piece = await reader.read(65536)
            if not piece:
                break
            answer += piece
    except (TimeoutError, ConnectionError):
        pass
    writer.close()
    return answer


def _is_whole(answer: bytes) -> bool:
    head, found, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: ([0-9]+)", head)
    return bool(found) and length is not None and len(body) >= int(length[1])


def pod(namespace: str, name: str, **env: str) -> Raw:
    container = {
        "name": "web",
        "image": f"coop.local/{name}@sha256:{'0' * 64}",
        "env": [{"name": key, "value": value} for key, value in env.items()],
        "args": [f"--password={CANARY}", "--verbose"],
    }
    metadata: Raw = {
        "name": name,
        "namespace": namespace,
        "labels": {labels.NAME: name},
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": f'{{"password": "{CANARY}"}}'},
        "managedFields": [{"manager": CANARY}],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}


def application(environment: str, service: str) -> Raw:
    source = {
        "repoURL": f"https://bot:{CANARY}@git.example.org/{service}.git",
        "path": service,
        "targetRevision": f"refs/heads/env/{environment}",
        "helm": {"parameters": [{"name": "password", "value": CANARY}], "values": CANARY},
        "plugin": {"env": [{"name": "x", "value": CANARY}]},
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {
            "name": f"{environment}-{service}",
            "namespace": "argocd",
            "labels": {labels.NAME: service, labels.ENVIRONMENT: environment},
        },
        "spec": {
            "project": "coop",
            "source": source,
            "destination": {"server": "https://kubernetes.default.svc", "namespace": environment},
        },
        "status": {
            "sync": {"status": "Synced", "revision": "a" * 40, "comparedTo": {"source": source}},
            "health": {"status": "Healthy"},
            "history": [{"id": 1, "revision": "a" * 40, "source": source}],
            "conditions": [{"type": "ComparisonError", "message": f"cannot fetch https://bot:{CANARY}@x/y"}],
            "operationState": {
                "phase": "Succeeded",
                "message": f"cloned https://bot:{CANARY}@x/y",
                "operation": {"sync": {"revision": "a" * 40, "source": source, "manifests": [CANARY]}},
                "syncResult": {"revision": "a" * 40, "source": source},
            },
        },
    }


def furnish(api: Api) -> None:
    """Two developers' environments."""
    for name in ("main", "argocd", "coop-ci", "dev-ada", "dev-bob", "kube-system"):
        api.objects.create(kinds.NAMESPACE, {"metadata": {"name": name}})
    for namespace in ("main", "dev-ada", "dev-bob"):
        api.objects.create(kinds.POD, pod(namespace, "web", API_TOKEN=CANARY, GREETING="hello"))
        api.objects.create(kinds.APPLICATION, application(namespace, "web"))
        api.objects.create(
            kinds.SECRET,
            {"metadata": {"name": "keys", "namespace": namespace}, "data": {"key": CANARY}},
        )


@pytest.fixture
def clock() -> SystemClock | SetClock:
    """The proxy's; a test that drives time overrides it."""
    return SystemClock()


@pytest.fixture
async def proxy(api: Api, clock: SystemClock | SetClock) -> AsyncIterator[ProxyServer]:
    furnish(api)
    server = ProxyServer(api.access(PROXY), clock=clock, tls=api.certificate.server_context())
    await server.start()
    yield server
    await server.close()


@pytest.fixture
async def ada(api: Api, proxy: ProxyServer) -> AsyncIterator[Viewer]:
    async with aiohttp.ClientSession() as session:
        yield Viewer(
            f"https://127.0.0.1:{proxy.port}",
            api.tokens.token_for(developer("ada")),
            api.certificate.client_context(),
            session,
        )
