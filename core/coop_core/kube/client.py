"""Requests to a Kubernetes API, one method per verb. Watches that go on for ever are in `following.py`.

Objects go in and come out as plain JSON. Failures are `ApiError`s; no token is ever part of one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import quote

import msgspec

from coop_core.cluster.kinds import Raw
from coop_core.kube import failures, following
from coop_core.kube.configuration import Access, from_kubeconfig, in_cluster
from coop_core.kube.reading import ALL, Listing, LogQuery, Selection, WatchEvent
from coop_core.kube.transport import Call, Transport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from coop_core.cluster.kinds import Kind

MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

PAGE = 500
"""Objects per request of a list."""
JsonPatch = list[Raw]


class _EventLine(msgspec.Struct):
    type: Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]
    object: dict[str, Any]


class KubeClient:
    """One API server, one identity, one pool of connections. Close it, or use it as a context manager."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._transport = Transport(access)

    @classmethod
    async def connect(cls, kubeconfig: Path | None = None, context: str | None = None) -> Self:
        """A client for a kubeconfig's context; kubeconfig None is the identity that a pod has.

        Sends nothing yet. Raises CoopError when the configuration cannot be used.
        """
        access = in_cluster() if kubeconfig is None else await from_kubeconfig(kubeconfig, context)
        return cls(access)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._transport.close()

    async def get(self, kind: Kind, namespace: str | None, name: str) -> Raw:
        return await self._transport.read_json(Call("GET", _path(kind, namespace, name)))

    async def find(self, kind: Kind, namespace: str | None, name: str) -> Raw | None:
        """As `get`, but None when there is no such object."""
        try:
            return await self.get(kind, namespace, name)
        except failures.NotFound:
            return None

    async def list(self, kind: Kind, namespace: str | None = None, *, where: Selection = ALL) -> Listing:
        """All objects, page by page. Starts again once when the pages' revision expires on the way."""
        try:
            return await self._pages(kind, namespace, where)
        except failures.Expired:
            return await self._pages(kind, namespace, where)

    async def create(self, kind: Kind, body: Raw) -> Raw:
        """Into the namespace that the body names."""
        path = _path(kind, body["metadata"].get("namespace"))
        return await self._transport.read_json(Call("POST", path, body=msgspec.json.encode(body)))

    async def update(self, kind: Kind, body: Raw, *, subresource: str = "") -> Raw:
        """Replaces the object; with a resourceVersion in it, only if it is still that one (else Conflict)."""
        metadata = body["metadata"]
        path = _path(kind, metadata.get("namespace"), metadata["name"], subresource)
        return await self._transport.read_json(Call("PUT", path, body=msgspec.json.encode(body)))

    async def patch(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        patch: Raw | JsonPatch,
        *,
        content_type: str = MERGE_PATCH,
        subresource: str = "",
    ) -> Raw:
        path = _path(kind, namespace, name, subresource)
        body = msgspec.json.encode(patch)
        return await self._transport.read_json(Call("PATCH", path, body=body, content_type=content_type))

    async def apply(self, kind: Kind, body: Raw, *, manager: str = "coop") -> Raw:
        """Server-side apply: creates the object, or takes over the fields that `body` states."""
        metadata = body["metadata"]
        return await self._transport.read_json(
            Call(
                "PATCH",
                _path(kind, metadata.get("namespace"), metadata["name"]),
                {"fieldManager": manager, "force": "true"},
                body=msgspec.json.encode({"apiVersion": kind.api_version, "kind": kind.name, **body}),
                content_type=APPLY_PATCH,
            )
        )

    async def delete(self, kind: Kind, namespace: str | None, name: str) -> None:
        """Deletes with its dependents in the background. Finalizers may keep the object for a while."""
        body = msgspec.json.encode({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"})
        await self._transport.read(Call("DELETE", _path(kind, namespace, name), body=body))

    async def post(self, path: str, body: Raw) -> Raw:
        """Reviews and the like, which are created but not kept. `path` is a fixed API path."""
        return await self._transport.read_json(Call("POST", path, body=msgspec.json.encode(body)))

    async def fetch(self, path: str) -> Raw:
        """A document that is no object, e.g. /version. `path` is a fixed API path."""
        return await self._transport.read_json(Call("GET", path))

    async def logs(self, namespace: str, pod: str, query: LogQuery | None = None) -> AsyncGenerator[bytes, None]:
        """The log as it comes, in pieces that need not end with a line. Following ends with the container."""
        path = f"/api/v1/namespaces/{_segment(namespace)}/pods/{_segment(pod)}/log"
        call = Call("GET", path, (query or LogQuery()).query())
        async with self._transport.stream(call) as answer:
            async for piece in answer.pieces():
                yield piece

    async def watch(
        self, kind: Kind, namespace: str | None = None, *, revision: str = "", where: Selection = ALL
    ) -> AsyncGenerator[WatchEvent, None]:
        """One watch request: changes after `revision`, "" for the current state first.

        Ends when the server says so. Raises Expired when the revision is no longer known.
        """
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(following.watch_s()),
            **where.query(),
        }
        if revision:
            query["resourceVersion"] = revision
        call = Call("GET", _path(kind, namespace), query)
        async with self._transport.stream(call) as answer:
            async for line in answer.lines():
                yield _event(line, call)

    def follow(
        self, kind: Kind, namespace: str | None = None, *, where: Selection = ALL
    ) -> AsyncGenerator[following.Seen, None]:
        """Lists, then watches, for ever; see `following`. Close the generator to stop."""
        return following.follow(self, kind, namespace, where)

    async def _pages(self, kind: Kind, namespace: str | None, where: Selection) -> Listing:
        query = {"limit": str(PAGE), **where.query()}
        items: JsonPatch = []
        while True:
            page = await self._transport.read_json(Call("GET", _path(kind, namespace), query))
            metadata = page.get("metadata") or {}
            items += page.get("items") or []
            if not metadata.get("continue"):
                return Listing(items, metadata.get("resourceVersion", ""))
            query["continue"] = metadata["continue"]


def _event(line: bytes, call: Call) -> WatchEvent:
    try:
        event = msgspec.json.decode(line, type=_EventLine)
    except msgspec.DecodeError as error:
        raise failures.Unavailable(call.what, "a watch event that cannot be read") from error
    if event.type == "ERROR":
        code = event.object.get("code")
        raise failures.from_answer(
            call.what, code if isinstance(code, int) else 500, msgspec.json.encode(event.object)
        )
    return WatchEvent(event.type, event.object)


def _path(kind: Kind, namespace: str | None, name: str | None = None, subresource: str = "") -> str:
    return kind.path(_segment(namespace) if namespace else None, _segment(name) if name else None, subresource)


def _segment(name: str) -> str:
    """One path segment. Names come from clusters and Git: a slash in one must never become two segments."""
    if name in (".", ".."):
        raise ValueError(f"{name!r} is no object name")
    return quote(name, safe="")
