"""The real kubectl against the server."""

from __future__ import annotations

import asyncio
import json
import os
from typing import TYPE_CHECKING

import pytest
import yaml

from coop_core.cluster.kinds import DEPLOYMENT, POD
from tests.local_api.api_client import DEPLOYMENTS, PODS, Api, Lines, deployment, pod
from tests.local_api.conftest import ADMIN

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from coop_core.local.api import ApiServer
    from coop_core.local.objects import Objects
    from coop_core.local.tls import Certificate
    from coop_core.local.tokens import Tokens

    Kubectl = Callable[..., Coroutine[None, None, str]]

MANIFEST = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {greeting: hello}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: "web:1", ports: [{containerPort: 8080, name: http}], env: [{name: A, value: b}]}
"""


@pytest.fixture
def environment(server: ApiServer, tokens: Tokens, certificate: Certificate, tmp_path: Path) -> dict[str, str]:
    """Variables that point kubectl at the server, with a home of its own."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "x",
        "clusters": [
            {
                "name": "x",
                "cluster": {
                    "server": f"https://localhost:{server.port}",
                    "certificate-authority": str(certificate.ca_file),
                },
            }
        ],
        "users": [{"name": "x", "user": {"token": tokens.token_for(ADMIN)}}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x", "namespace": "main"}}],
    }
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return {"KUBECONFIG": str(path), "HOME": str(tmp_path), "PATH": os.environ["PATH"]}


@pytest.fixture
def kubectl(kubectl_path: str, environment: dict[str, str]) -> Kubectl:
    async def run(*arguments: str, stdin: str = "", fails: bool = False) -> str:
        process = await asyncio.create_subprocess_exec(
            kubectl_path,
            *arguments,
            env=environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(20):
            output, _ = await process.communicate(stdin.encode())
        assert (process.returncode != 0) is fails, output.decode()
        return output.decode()

    return run


def finish_rollout(objects: Objects, name: str) -> None:
    """Writes the status that a deployment controller would write in the end."""
    current = objects.get(DEPLOYMENT, "main", name)
    count = current["spec"]["replicas"]
    conditions = [
        {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"},
        {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
    ]
    names = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    status = dict.fromkeys(names, count) | {
        "observedGeneration": current["metadata"]["generation"],
        "conditions": conditions,
    }
    objects.update_status(DEPLOYMENT, {**current, "status": status})


async def test_apply_creates_changes_and_leaves_alone(kubectl: Kubectl, objects: Objects) -> None:
    assert "deployment.apps/web created" in await kubectl("apply", "-f", "-", stdin=MANIFEST)
    revision = objects.store.revision
    again = await kubectl("apply", "-f", "-", stdin=MANIFEST)
    assert "configmap/settings unchanged" in again
    assert "deployment.apps/web unchanged" in again
    assert objects.store.revision == revision
    changed = await kubectl(
        "apply", "-f", "-", stdin=MANIFEST.replace("web:1", "web:2").replace("value: b", "value: c")
    )
    assert "deployment.apps/web configured" in changed
    container = objects.get(DEPLOYMENT, "main", "web")["spec"]["template"]["spec"]["containers"][0]
    assert (container["image"], container["env"]) == ("web:2", [{"name": "A", "value": "c"}])


async def test_apply_takes_away_what_is_gone_from_a_list_of_objects(kubectl: Kubectl, objects: Objects) -> None:
    """kubectl reads from the schema that containers are told apart by name, and asks for that in version 2."""
    first, second = deployment("web"), deployment("web", strategy={"type": "Recreate"})
    first["spec"]["template"]["spec"]["containers"] += [{"name": "aside", "image": "aside:1"}]
    for body, done in ((first, "created"), (second, "configured")):
        manifest = {"apiVersion": "v1", "kind": "List", "items": [body]}
        output = await kubectl("apply", "-f", "-", stdin=json.dumps(manifest))
        assert output == f"deployment.apps/web {done}\n"
    spec = objects.get(DEPLOYMENT, "main", "web")["spec"]
    assert spec["strategy"] == {"type": "Recreate"}
    assert [one["name"] for one in spec["template"]["spec"]["containers"]] == ["web"]


async def test_server_side_apply_works(kubectl: Kubectl, objects: Objects) -> None:
    applied = await kubectl("apply", "--server-side", "-f", "-", stdin=MANIFEST)
    assert "deployment.apps/web serverside-applied" in applied
    assert objects.get(DEPLOYMENT, "main", "web")["metadata"]["managedFields"][0]["manager"] == "kubectl"


async def test_get_shows_the_columns_of_the_real_server(kubectl: Kubectl, api: Api) -> None:
    await api.made(PODS, pod("web-1"))
    await api.made(DEPLOYMENTS, deployment("web", replicas=2))
    plain, wide = await asyncio.gather(kubectl("get", "pods"), kubectl("get", "deploy", "-o", "wide"))
    assert plain.splitlines()[0].split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert plain.splitlines()[1].split()[:4] == ["web-1", "0/1", "Pending", "0"]
    assert wide.splitlines()[0].split() == (
        ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE", "CONTAINERS", "IMAGES", "SELECTOR"]
    )
    row = wide.splitlines()[1].split()
    assert (row[:4], row[5:]) == (["web", "0/2", "0", "0"], ["web", "web:1", "app=web"])


async def test_get_all_yaml_and_names(kubectl: Kubectl, api: Api) -> None:
    await api.made(DEPLOYMENTS, deployment("web"))
    everything, as_yaml, names, resources = await asyncio.gather(
        kubectl("get", "all", "-A"),
        kubectl("get", "deploy", "web", "-o", "yaml"),
        kubectl("get", "deploy", "-o", "name"),
        kubectl("api-resources", "--no-headers"),
    )
    assert "deployment.apps/web" in everything
    assert yaml.safe_load(as_yaml)["spec"]["strategy"]["rollingUpdate"]["maxSurge"] == "25%"
    assert names.strip() == "deployment.apps/web"
    assert any(line.split()[:3] == ["deployments", "deploy", "apps/v1"] for line in resources.splitlines())


async def test_describe_reads_pods_deployments_and_their_events(kubectl: Kubectl, api: Api) -> None:
    made = await api.made(PODS, pod("web-1"))
    await api.made(DEPLOYMENTS, deployment("web"))
    about = {"kind": "Pod", "name": "web-1", "namespace": "main", "uid": made["metadata"]["uid"]}
    event = {"metadata": {"name": "web-1.1"}, "involvedObject": about, "reason": "Pulled", "message": "got it"}
    await api.made("/api/v1/namespaces/main/events", event)
    of_pod, of_deployment = await asyncio.gather(
        kubectl("describe", "pod", "web-1"), kubectl("describe", "deploy", "web")
    )
    assert "got it" in of_pod
    assert "1 desired | 0 updated | 0 total" in of_deployment


async def test_get_watch_prints_changes_as_they_come(
    kubectl_path: str, environment: dict[str, str], api: Api
) -> None:
    await api.made(PODS, pod("a"))
    process = await asyncio.create_subprocess_exec(
        kubectl_path, "get", "pods", "-w", "--no-headers", env=environment, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(15):
            assert (await process.stdout.readline()).split()[:3] == [b"a", b"0/1", b"Pending"]
            await api.patch(f"{PODS}/a/status", {"status": {"phase": "Running"}})
            assert (await process.stdout.readline()).split()[:3] == [b"a", b"0/1", b"Running"]
    finally:
        process.terminate()
        await process.communicate()


async def test_scale_rollout_status_and_wait(kubectl: Kubectl, api: Api, objects: Objects) -> None:
    await api.made(DEPLOYMENTS, deployment("web"))
    assert "scaled" in await kubectl("scale", "deploy", "web", "--replicas=3")
    assert objects.get(DEPLOYMENT, "main", "web")["spec"]["replicas"] == 3
    rollout = asyncio.create_task(kubectl("rollout", "status", "deploy/web", "--timeout=15s"))
    waiting = asyncio.create_task(kubectl("wait", "--for=condition=Available", "deploy/web", "--timeout=15s"))
    async with asyncio.timeout(10):
        while len(objects.store._listeners) < 2 and not rollout.done():
            await asyncio.sleep(0.02)
    finish_rollout(objects, "web")
    assert 'deployment "web" successfully rolled out' in await rollout
    assert "condition met" in await waiting


async def test_delete_waits_for_a_pod_to_end(kubectl: Kubectl, api: Api, objects: Objects) -> None:
    await api.made(PODS, pod("a"))
    await api.patch(f"{PODS}/a", {"spec": {"nodeName": "local"}})
    deleting = asyncio.create_task(kubectl("delete", "pod", "a"))
    async with asyncio.timeout(10):
        while "deletionTimestamp" not in objects.get(POD, "main", "a")["metadata"]:
            await asyncio.sleep(0.02)
    objects.delete(POD, "main", "a", grace_s=0)
    assert 'pod "a" deleted' in await deleting
    assert "NotFound" in await kubectl("delete", "pod", "a", fails=True)


async def test_logs_and_questions_of_access(kubectl: Kubectl, api: Api, objects: Objects, lines: Lines) -> None:
    await api.made(PODS, pod("a"))
    await api.patch(f"{PODS}/a", {"spec": {"nodeName": "local"}})
    lines.written.put_nowait(b"hello\n")
    lines.written.put_nowait(None)
    logs, may, who, listed = await asyncio.gather(
        kubectl("logs", "a", "--tail=5"),
        kubectl("auth", "can-i", "delete", "pods"),
        kubectl("auth", "whoami", "-o", "json"),
        kubectl("auth", "can-i", "--list"),
    )
    assert logs == "hello\n"
    assert lines.requests[0].tail_lines == 5
    assert may.strip() == "yes"
    assert '"username": "admin"' in who
    assert "*.*" in listed


async def test_a_mistake_in_a_manifest_is_told_in_the_words_of_kubernetes(kubectl: Kubectl) -> None:
    output = await kubectl("apply", "-f", "-", stdin=MANIFEST.replace('image: "web:1", ', ""), fails=True)
    assert 'The Deployment "web" is invalid: spec.template.spec.containers[0].image: Required value' in output
