"""What the real kubectl sends as protobuf is what it shows as JSON of the same thing."""

from __future__ import annotations

import asyncio
import json
import shlex
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from coop_core.cluster import protobuf
from coop_core.local.api.server import discover
from coop_core.local.catalog import Catalog
from coop_core.local.store import Store
from tests.protobuf import values

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

CREATED = (
    "deployment web --image=web:1 --replicas=0 --port=80 -- sleep 5",
    "configmap settings --from-literal=greeting=hello",
    "secret generic key --from-literal=key=value",
    "secret docker-registry there --docker-username=ada --docker-password=word",
    "service nodeport web --tcp=80:http --node-port=30080",
    "service externalname web --external-name=example.com",
    "job once --image=web:1 -- echo done",
    "cronjob daily --image=web:1 --schedule='@daily' -- echo done",
    "namespace dev-ada",
    "role reader --verb=get,list --resource=pods --resource-name=web",
    "clusterrole reader --verb=get --non-resource-url=/healthz",
    "rolebinding ada --role=reader --user=ada --group=team --serviceaccount=main:web",
    "serviceaccount web",
    "quota small --hard=cpu=500m,memory=1Gi,pods=3 --scopes=BestEffort",
    "priorityclass high --value=1000 --preemption-policy=Never",
    "poddisruptionbudget web --selector=app=web --min-available=50%",
    "poddisruptionbudget web --selector=app=web --max-unavailable=1",
    "ingress web --rule=example.com/shop*=web:80,tls=key --class=nginx --default-backend=web:http",
)


class Ear:
    """A server that knows every kind, takes what it is sent and makes nothing of it."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.url = ""
        self.heard: list[tuple[str, bytes]] = []
        """Each body, and its type."""

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "POST":
            self.heard.append((request.headers["Content-Type"], await request.read()))
            return web.json_response(json.loads(b"{}"), status=201)
        found = discover(self._catalog, request.path, request.headers)
        return found or web.Response(status=404)


@pytest.fixture
async def ear(tmp_path: Path) -> AsyncIterator[Ear]:
    store = Store(tmp_path / "objects.db")
    ear = Ear(Catalog(store))
    runner = web.ServerRunner(web.Server(ear.serve, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    ear.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield ear
    await runner.cleanup()
    store.close()


@pytest.mark.parametrize("command", CREATED)
async def test_what_kubectl_creates_is_what_it_shows(ear: Ear, command: str, tmp_path: Path) -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not on PATH")

    async def run(*flags: str) -> bytes:
        words, dashes, rest = command.partition(" -- ")
        arguments = ["create", *shlex.split(words), *flags, f"--server={ear.url}", *shlex.split(dashes + rest)]
        environment = {"HOME": str(tmp_path), "KUBECONFIG": str(tmp_path / "none")}
        process = await asyncio.create_subprocess_exec(
            kubectl, *arguments, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(20):
            return (await process.communicate())[0]

    await run()
    shown = without_null(json.loads(await run("--dry-run=client", "--output=json")))
    ((media, body),) = ear.heard
    if media != protobuf.MEDIA_TYPE:
        pytest.skip(f"this kubectl is older than 1.32: it sends {media}")
    kinds = {(kind.api_version, kind.name): name for name, kind in values.KINDS.items()}
    assert protobuf.read(body, kinds[shown["apiVersion"], shown["kind"]]) == shown


def without_null(value: Any) -> Any:
    """Which Kubernetes takes for absent."""
    if isinstance(value, dict):
        return {key: without_null(one) for key, one in value.items() if one is not None}
    return [without_null(one) for one in value] if isinstance(value, list) else value
