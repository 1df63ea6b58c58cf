"""A platform that remembers what it was asked, and answers with objects full of canaries."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from coop_core.cluster import kinds
from coop_core.proxy.policy import READABLE

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Kind, Raw

TOKEN = "adas-token"
OWN = "the-proxys-own"
CANARY = "canary-5f2d"
BOBS = "bobs-affair"
HEADERS_SENT = {"host", "accept", "accept-encoding", "authorization", "user-agent"}

_KINDS = {
    kind.path(kinds.ARGOCD_NAMESPACE if kind == kinds.APPLICATION else None): kind
    for kind in (readable.kind for readable in READABLE)
}
_OWN_QUESTION = re.compile(
    r"limit=500|watch=true&allowWatchBookmarks=true&timeoutSeconds=[0-9]{3}&resourceVersion=1"
)
_LOG = re.compile(r"/api/v1/namespaces/(main|coop-ci|dev-ada)/pods/web/log(\?[A-Za-z0-9=&:.-]*)?")


@dataclass
class Recorder:
    """heard: everything but the reviews of tokens."""

    heard: list[web.BaseRequest] = field(default_factory=list)
    reviewed: list[str] = field(default_factory=list)
    port: int = 0
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, http: web.BaseRequest) -> web.StreamResponse:
        if http.method == "POST" and http.raw_path == "/apis/authentication.k8s.io/v1/tokenreviews":
            return await self._review(http)
        self.heard.append(http)
        path, _, query = http.raw_path.partition("?")
        if path == "/version":
            return web.json_response({"major": "1", "minor": "34", "gitVersion": "v1.34.0"})
        if path.endswith("/log"):
            return web.Response(text="a line\n")
        kind = _KINDS.get(path)
        if kind is None:
            return web.json_response({"kind": "SecretList", "items": [{"data": CANARY}]})
        if "watch=true" in query:
            return await self._watch(http)
        listing: Raw = {"kind": f"{kind.name}List", "metadata": {"resourceVersion": "1"}, "items": _items(kind)}
        return web.json_response(listing, headers={"Set-Cookie": "a=b"})

    def assert_harmless(self) -> None:
        """Nothing was asked but the proxy's own fixed questions, in its own name, and logs in sight."""
        for heard in self.heard:
            assert heard.method == "GET"
            path, _, query = heard.raw_path.partition("?")
            is_own = path == "/version" or (path in _KINDS and _OWN_QUESTION.fullmatch(query))
            assert is_own or _LOG.fullmatch(heard.raw_path), heard.raw_path
            assert {name.lower() for name in heard.headers} <= HEADERS_SENT
            assert heard.headers["Authorization"] == f"Bearer {OWN}"
            assert heard.headers["Accept-Encoding"] == "identity"

    async def _review(self, http: web.BaseRequest) -> web.Response:
        token = msgspec.json.decode(await http.read())["spec"]["token"]
        self.reviewed.append(token)
        user = {TOKEN: "ada", "bobs-token": "bob", "admins-token": "system:admin"}.get(token)
        # One token is authentic, and for somebody else.
        audiences = ["https://kubernetes.default.svc"] if token == "other-audience" else ["coop-proxy"]
        status = {
            "authenticated": bool(user) or token == "other-audience",
            "user": {"username": user or "ada"},
            "audiences": audiences,
        }
        return web.json_response({"status": status}, status=201)

    async def _watch(self, http: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        await response.prepare(http)
        await response.write(b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"1"}}}\n')
        await self.closing.wait()
        return response


def _items(kind: Kind) -> list[Raw]:
    namespaces = ("main", "dev-ada", "dev-bob", "kube-system")
    if not kind.namespaced:
        return [{"metadata": _metadata(name, "")} for name in namespaces]
    if kind == kinds.APPLICATION:
        return [
            {
                "metadata": _metadata(f"{name}-web", "argocd"),
                "spec": {
                    "project": "coop",
                    "destination": {"namespace": name},
                    "source": {"repoURL": f"https://x:{CANARY}@git/x", "helm": {"values": CANARY}},
                },
                "status": {"sync": {"comparedTo": {"source": {"helm": {"values": CANARY}}}}},
            }
            for name in namespaces
        ]
    pod = {
        "containers": [
            {"name": "web", "env": [{"name": "DB_PASSWORD", "value": CANARY}], "args": [f"--password={CANARY}"]}
        ]
    }
    template = {"template": {"spec": pod}}
    spec = {kinds.POD: pod, kinds.CRON_JOB: {"jobTemplate": {"spec": template}}}.get(kind, template)
    return [{"metadata": _metadata("web", name), "spec": spec} for name in namespaces]


def _metadata(name: str, namespace: str) -> Raw:
    whose = BOBS if "bob" in f"{name}{namespace}" or "kube-system" in f"{name}{namespace}" else "fine"
    metadata: Raw = {
        "name": name,
        "uid": f"{namespace}-{name}",
        "resourceVersion": "1",
        "labels": {"whose": whose},
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": CANARY, "api-token": CANARY},
        "managedFields": [{"manager": CANARY}],
    }
    return {**metadata, "namespace": namespace} if namespace else metadata
