"""A local platform with something to look at: a Deployment of two revisions, a restarted pod, a CronJob."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coop_core.build.images import ImageStore, Manifest, reference
from coop_core.paths import Home

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from coop_core.cluster.kinds import Raw

NAMESPACE = "dev-ada"
LIMIT_S = 30.0

PROGRAM = """
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204)
        self.end_headers()

print("listening", flush=True)
HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
CRASHES_ONCE = 'if [ -e "{mark}" ]; then echo second run; exec sleep 600; fi; : > "{mark}"; echo first run; exit 1'


@dataclass(frozen=True)
class Scene:
    """admin: kubeconfig of the API server, for everything. viewer: ada's, through the proxy."""

    folder: Path
    admin: Path
    viewer: Path

    def environ(self, kubeconfig: Path) -> dict[str, str]:
        return {
            "KUBECONFIG": str(kubeconfig),
            "HOME": str(self.folder),
            "PATH": os.environ["PATH"],
            "KUBE_EDITOR": str(self.folder / "editor"),
        }

    def run(self, command: list[str], *, given: str = "", kubeconfig: Path | None = None) -> tuple[int, str]:
        """Exit status, and what it wrote, errors included."""
        done = subprocess.run(
            command,
            env=self.environ(kubeconfig or self.admin),
            cwd=self.folder,
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        return done.returncode, done.stdout

    def followed(self, command: list[str], words: str, meanwhile: str, kubeconfig: Path) -> tuple[bool, str]:
        """Whether a command that does not end prints `words`, and all that it printed until then.

        `meanwhile` is a command of kubectl that is run once the first one has printed something.
        """
        output = ""
        with subprocess.Popen(
            command, env=self.environ(kubeconfig), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            guard = threading.Timer(LIMIT_S, process.kill)
            guard.start()
            assert process.stdout is not None
            lines = 0
            for line in process.stdout:
                output, lines = output + line, lines + 1
                if words in output:
                    break
                if meanwhile and lines == 2:
                    self.kubectl(*shlex.split(meanwhile))
            guard.cancel()
            process.terminate()
        return words in output, output

    def kubectl(self, *arguments: str, given: Any = None) -> str:
        """For what must work so that the rest can be tried."""
        status, output = self.run(["kubectl", *arguments], given=json.dumps(given) if given else "")
        assert status == 0, (arguments, output)
        return output


@contextmanager
def playing(folder: Path) -> Iterator[Scene]:
    """The platform with its objects, until the block ends."""
    home = Home.under(folder / "home")
    image = _image(home)
    arguments = ["--port", "0", "--user", "ada", "--until-stdin-closes"]
    home.platform.mkdir(parents=True)
    with subprocess.Popen(
        [sys.executable, "-m", "coop_core.platform", *arguments],
        env={**os.environ, **home.environ()},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as platform:  # leaving the block closes its input, and so ends it
        assert platform.stdout is not None
        assert b"pid" in platform.stdout.readline(), "it says where it listens"
        scene = Scene(folder, home.platform / "agent.kubeconfig", home.platform / "kubeconfig")
        _set(scene, image)
        yield scene


def _set(scene: Scene, image: str) -> None:
    if "dev-ada" not in scene.kubectl("get", "namespaces", "-o", "name"):
        scene.kubectl("apply", "-f", "-", given=_named("v1", "Namespace", NAMESPACE, {}))
    scene.kubectl("config", "set-context", "--current", f"--namespace={NAMESPACE}")
    sleeping = _container(image, ["/bin/sh", "-c", "echo working; exec sleep 600"])
    crashing = _container(image, ["/bin/sh", "-c", CRASHES_ONCE.format(mark=scene.folder / "mark")])
    tidy = {"spec": {"template": _template(_container(image, ["/bin/sh", "-c", "echo tidied"]), "tidy")}}
    tidy["spec"]["template"]["spec"]["restartPolicy"] = "Never"
    for body in (
        _named("apps/v1", "Deployment", "web", {"spec": _deployment(image, "one", "web")}),
        _named("apps/v1", "Deployment", "spare", {"spec": {**_deployment(image, "one", "spare"), "replicas": 0}}),
        _named("v1", "Service", "web", {"spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}),
        _named("v1", "ConfigMap", "settings", {"data": {"greeting": "hello"}}),
        _named("v1", "Pod", "crashed", {"spec": {"containers": [crashing]}}),
        _named("v1", "Pod", "idle", {"spec": {"containers": [sleeping], "terminationGracePeriodSeconds": 0}}),
        _named("batch/v1", "CronJob", "tidy", {"spec": {"schedule": "0 0 1 1 *", "jobTemplate": tidy}}),
    ):
        scene.kubectl("apply", "-f", "-", given=body)
        (scene.folder / f"{body['kind'].lower()}-{body['metadata']['name']}.json").write_text(json.dumps(body))
    scene.kubectl("rollout", "status", "deployment/web")
    second = _named("apps/v1", "Deployment", "web", {"spec": _deployment(image, "two", "web")})
    scene.kubectl("apply", "-f", "-", given=second)
    (scene.folder / "deployment-web.json").write_text(json.dumps(second))
    scene.kubectl("rollout", "status", "deployment/web")
    restarted = "jsonpath={.status.containerStatuses[0].restartCount}=1"
    scene.kubectl("wait", f"--for={restarted}", "pod/crashed", "--timeout=30s")
    scene.kubectl("wait", "--for=condition=Ready", "pod/crashed", "pod/idle", "--timeout=30s")
    _files(scene)


def _files(scene: Scene) -> None:
    """What commands read that are given files."""
    made = _named("v1", "ConfigMap", "made", {"data": {"a": "1"}})
    (scene.folder / "made.json").write_text(json.dumps(made))
    (scene.folder / "more.json").write_text(json.dumps({**made, "data": {"a": "2"}}))
    items = [{**made, "metadata": {**made["metadata"], "name": "listed"}}, _two_containers("listed")]
    (scene.folder / "list.json").write_text(json.dumps(_list(items)))
    items[1]["spec"]["template"]["spec"]["containers"].pop()
    (scene.folder / "shorter-list.json").write_text(json.dumps(_list(items)))
    (scene.folder / "definition.json").write_text(json.dumps(_definition()))
    widget = _named("example.com/v1", "Widget", "small", {"spec": {"size": "small"}})
    (scene.folder / "widget.json").write_text(json.dumps(widget))
    folder = scene.folder / "kustomized"
    folder.mkdir()
    (folder / "kustomization.yaml").write_text("resources: [made.json]\nnamePrefix: my-\n")
    (folder / "made.json").write_text(json.dumps(made))
    editor = scene.folder / "editor"
    editor.write_text('#!/bin/sh\nexec sed -i s/hello/edited/ "$1"\n')
    editor.chmod(0o755)


def _image(home: Home) -> str:
    digest = hashlib.sha256(PROGRAM.encode()).hexdigest()
    images = ImageStore(home.images, home.language_environments)

    def fill(root: Path) -> None:
        (root / "main.py").write_text(PROGRAM)

    images.add(digest, Manifest("web", ""), fill)
    return reference("web", digest)


def _list(items: list[Raw]) -> Raw:
    return {"apiVersion": "v1", "kind": "List", "items": items}


def _two_containers(name: str) -> Raw:
    """A Deployment of no replicas."""
    body = _named("apps/v1", "Deployment", name, {"spec": {**_deployment("image", "one", name), "replicas": 0}})
    body["spec"]["template"]["spec"]["containers"] += [{"name": "aside", "image": "image"}]
    return body


def _definition() -> Raw:
    size = {"type": "string", "description": "how big it is", "enum": ["small", "large"]}
    spec = {"type": "object", "required": ["size"], "properties": {"size": size}}
    schema = {"type": "object", "properties": {"spec": spec}}
    columns = [{"name": "Size", "type": "string", "jsonPath": ".spec.size"}]
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "widgets", "kind": "Widget"}
    versions = [{**version, "additionalPrinterColumns": columns}]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": names, "versions": versions},
    }


def _named(version: str, kind: str, name: str, body: Raw) -> Raw:
    metadata: Raw = {"name": name, **({} if kind == "Namespace" else {"namespace": NAMESPACE})}
    return {"apiVersion": version, "kind": kind, "metadata": {**metadata, "labels": {"app": name}}, **body}


def _container(image: str, command: list[str]) -> Raw:
    return {"name": "main", "image": image, "command": command}


def _template(container: Raw, app: str) -> Raw:
    spec = {"containers": [container], "terminationGracePeriodSeconds": 1}
    return {"metadata": {"labels": {"app": app}}, "spec": spec}


def _deployment(image: str, version: str, app: str) -> Raw:
    container = _container(image, [sys.executable, "-S", "main.py"])
    probe = {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1}
    container |= {"ports": [{"name": "http", "containerPort": 8080}], "readinessProbe": probe}
    container["env"] = [{"name": "VERSION", "value": version}]
    return {"replicas": 1, "selector": {"matchLabels": {"app": app}}, "template": _template(container, app)}
