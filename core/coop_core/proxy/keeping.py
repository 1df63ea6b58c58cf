"""Keeps a cache in step with the platform: one list, then one watch, for as long as the proxy runs.

A cache counts as current from the moment a watch that goes on from it is open until that watch breaks. Whoever asks
in between waits for the next attempt, and is refused when it fails: old news is not given out as new.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from coop_core.cluster import kinds
from coop_core.kube import failures, following
from coop_core.kube.transport import Call
from coop_core.proxy.answers import Refusal, upstream
from coop_core.proxy.cache import Cache
from coop_core.proxy.entries import Strange, entry

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.kube.transport import Transport
    from coop_core.proxy.cache import Revisions
    from coop_core.proxy.entries import Entry

log = logging.getLogger("coop.proxy")

CACHE_LIMIT_BYTES = 512 * 1024 * 1024
"""Per kind. More than that is refused, rather than the whole proxy ended by the kernel."""
PAGE = 500
WAIT_S = 20.0
"""For a request to wait until the cache is current; a first list of ten thousand objects takes seconds."""
SILENCE_S = 150.0
"""Bookmarks come every minute. A watch without any is dead, whatever its connection says."""
SOONEST_RETRY_S = 0.2
SHORT_WATCH_S = 1.0
"""A server that ends a watch sooner is in trouble: do not hammer it."""


class Viewer(Protocol):
    """Somebody who follows a cache."""

    def news(self) -> None:
        """There are changes."""

    def lost(self) -> None:
        """The cache is not current any more."""


class _Event(msgspec.Struct):
    type: str
    object: dict[str, Any]


class _Page(msgspec.Struct):
    kind: str
    metadata: dict[str, Any]
    items: list[msgspec.Raw] | None = None


class Keeper:
    """One kind's cache, and the task that keeps it; the task starts with the first who asks."""

    def __init__(self, kind: Kind, transport: Transport, revisions: Revisions) -> None:
        self.cache = Cache(kind, revisions)
        self.is_current = False
        self.viewers: set[Viewer] = set()
        self._kind = kind
        self._path = kind.path(kinds.ARGOCD_NAMESPACE if kind == kinds.APPLICATION else None)
        self._transport = transport
        self._task: asyncio.Task[None] | None = None
        self._outcome: asyncio.Future[failures.ApiError | None] | None = None
        self._hurry = asyncio.Event()
        self._is_told = False

    async def current(self) -> Cache:
        """The cache, once it is current. Raises Refusal when that cannot be had now."""
        if self.is_current:
            return self.cache
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        if self._outcome is None:
            self._outcome = asyncio.get_running_loop().create_future()
        self._hurry.set()
        try:
            async with asyncio.timeout(WAIT_S):
                error = await asyncio.shield(self._outcome)
        except TimeoutError:
            raise Refusal(503, "the platform's API takes too long to answer", retry_after_s=2) from None
        if error is not None:
            raise upstream(error)
        return self.cache

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        backoff = following.Backoff(first_s=SOONEST_RETRY_S)
        while True:
            try:
                revision = await self._list()
                await self._watch(revision, backoff)
            except failures.Expired:
                self.is_current = False
                await asyncio.sleep(backoff.next_s())
            except failures.ApiError as error:
                self._settle(error)
                await self._pause(backoff.next_s())
            except Strange:
                self._settle(
                    failures.Unavailable("cannot read the platform", "it answered something else", code=502)
                )
                await self._pause(backoff.next_s())

    async def _pause(self, pause_s: float) -> None:
        """No longer than until somebody asks, but never too short."""
        await asyncio.sleep(SOONEST_RETRY_S)
        if self._outcome is None:
            self._hurry.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._hurry.wait()

    async def _list(self) -> str:
        """Everything there is, page by page; only what is kept of a page outlives it."""
        found: list[Entry] = []
        size, query = 0, {"limit": str(PAGE)}
        while True:
            page = _page(await self._transport.read(Call("GET", self._path, query)))
            if page.kind != f"{self._kind.name}List":
                raise Strange
            for raw in page.items or []:
                kept = self._entry(msgspec.json.decode(raw))
                size += len(kept.tail)
                found.append(kept)
            if size > CACHE_LIMIT_BYTES:
                raise failures.Unavailable("cannot keep this", "there is too much of it", code=503)
            token = page.metadata.get("continue")
            if not token:
                break
            query["continue"] = str(token)
        self.cache.replace(found)
        self._tell()
        return str(page.metadata.get("resourceVersion", ""))

    async def _watch(self, revision: str, backoff: following.Backoff) -> None:
        """Watch after watch, each from where the last one ended; raises when one breaks."""
        while True:
            query = {
                "watch": "true",
                "allowWatchBookmarks": "true",
                "timeoutSeconds": str(following.watch_s()),
                "resourceVersion": revision,
            }
            opened_s = time.monotonic()
            async with self._transport.stream(Call("GET", self._path, query)) as answer:
                self._settle(None)
                async with aclosing(answer.lines()) as lines:
                    while line := await _next(lines, self._kind):
                        revision = self._take(line)
            self.is_current = False
            if time.monotonic() - opened_s < SHORT_WATCH_S:
                await asyncio.sleep(backoff.next_s())
            else:
                backoff.reset()

    def _take(self, line: bytes) -> str:
        """One event. The platform's revision after it."""
        try:
            event = msgspec.json.decode(line, type=_Event)
        except msgspec.DecodeError:
            raise Strange from None
        if event.type == "ERROR":
            raise _error(event.object)
        if event.object.get("kind", self._kind.name) != self._kind.name:
            raise Strange
        if event.type in ("ADDED", "MODIFIED"):
            self.cache.put(self._entry(event.object))
        elif event.type == "DELETED":
            self.cache.drop(entry(self._kind, event.object).key)
        elif event.type != "BOOKMARK":
            raise Strange
        if self.cache.size_bytes > CACHE_LIMIT_BYTES:
            raise failures.Unavailable("cannot keep this", "there is too much of it", code=503)
        self._tell()
        return str((event.object.get("metadata") or {}).get("resourceVersion", ""))

    def _entry(self, body: Any) -> Entry:
        """What is known already is not made anew: a list after a broken watch is mostly that."""
        metadata = body.get("metadata") if isinstance(body, dict) else None
        if isinstance(metadata, dict):
            known = self.cache.get(str(metadata.get("namespace", "")), str(metadata.get("name", "")))
            if known is not None and known.upstream == metadata.get("resourceVersion"):
                return known
        return entry(self._kind, body)

    def _tell(self) -> None:
        """Once for all the changes that came together."""
        if not self._is_told:
            self._is_told = True
            asyncio.get_running_loop().call_soon(self._tell_now)

    def _tell_now(self) -> None:
        self._is_told = False
        for viewer in tuple(self.viewers):
            viewer.news()

    def _settle(self, error: failures.ApiError | None) -> None:
        """An attempt is over: whoever waits goes on, and without success those who follow are let go."""
        self.is_current = error is None
        outcome, self._outcome = self._outcome, None
        if outcome is not None:
            outcome.set_result(error)
        if error is not None:
            log.warning("the cache of %s is not current: %s", self._kind.plural, error.why)
            for viewer in tuple(self.viewers):
                viewer.lost()


async def _next(lines: AsyncGenerator[bytes, None], kind: Kind) -> bytes:
    """The next event, empty at the end of the watch."""
    try:
        async with asyncio.timeout(SILENCE_S):
            return await anext(lines, b"")
    except TimeoutError:
        log.warning("the watch of %s said nothing for %.0f s", kind.plural, SILENCE_S)
        return b""


def _page(body: bytes) -> _Page:
    try:
        return msgspec.json.decode(body, type=_Page)
    except msgspec.DecodeError:
        raise Strange from None


def _error(status: Raw) -> failures.ApiError:
    code = status.get("code")
    return failures.from_answer("cannot watch", code if isinstance(code, int) else 500, msgspec.json.encode(status))
