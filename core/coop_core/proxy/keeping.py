"""Keeps a cache in step with the platform: one list, then one watch, for as long as the proxy runs.

A cache counts as current from the moment a watch that goes on from it is open until that watch breaks. Whoever asks
in between waits for the next attempt, and is refused when it fails: old news is not given out as new.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import AsyncExitStack, aclosing, suppress
from typing import TYPE_CHECKING, Any, Protocol

from coop_core.cluster import kinds
from coop_core.kube import failures, following
from coop_core.kube.transport import Call
from coop_core.proxy import wire
from coop_core.proxy.answers import Refusal, upstream
from coop_core.proxy.cache import Cache
from coop_core.proxy.entries import Strange, entry

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from coop_core.cluster.kinds import Kind
    from coop_core.kube.transport import Answer, Transport
    from coop_core.proxy.cache import Revisions
    from coop_core.proxy.entries import Entry, Key

log = logging.getLogger("coop.proxy")

CACHE_LIMIT_BYTES = 512 * 1024 * 1024
"""Per kind. More than that is refused, rather than the whole proxy ended by the kernel."""
PAGE = 500
WAIT_S = 20.0
"""For a request to wait until the cache is current; a first list of ten thousand objects takes seconds."""
SILENCE_S = 150.0
"""Bookmarks come every minute. A watch without any is dead, whatever its connection says."""
OPEN_LIMIT_S = 30.0
"""For the platform to begin the answer of a watch, which it does at once."""
SOONEST_RETRY_S = 0.2
SHORT_WATCH_S = 1.0
"""A server that ends a watch sooner is in trouble: do not hammer it."""


class Viewer(Protocol):
    """Somebody who follows a cache."""

    def news(self) -> None:
        """There are changes."""

    def lost(self) -> None:
        """The cache is not current any more."""


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
                await self._watch(await self._list(), backoff)
            except failures.Expired:
                self.is_current = False
                await asyncio.sleep(backoff.next_s())
            except failures.ApiError as error:
                self._settle(error)
                await self._pause(backoff.next_s())
            except Strange:
                self._settle(_strange())
                await self._pause(backoff.next_s())
            except Exception:  # a worker's door: were it to end here, its cache would grow old and count as current
                log.exception("keeping %s failed", self._kind.plural)
                self._settle(_strange())
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
        found: dict[Key, Entry] = {}
        size, query = 0, {"limit": str(PAGE)}
        while True:
            page = wire.page(await self._transport.read(Call("GET", self._path, query)), self._kind)
            for raw in page.items or []:
                kept = self._entry(wire.item(raw))
                size += len(kept.tail)
                found[kept.key] = kept
            if size > CACHE_LIMIT_BYTES:
                raise _too_much()
            if not page.next:
                break
            query["continue"] = page.next
        self.cache.replace(list(found.values()))
        self._tell()
        return page.metadata.resourceVersion

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
            async with AsyncExitStack() as stack:
                answer = await self._opened(Call("GET", self._path, query), stack)
                self._settle(None)
                lines = await stack.enter_async_context(aclosing(answer.lines()))
                while line := await _next(lines, self._kind):
                    revision = self._take(wire.event(line, self._kind), revision)
            self.is_current = False
            if time.monotonic() - opened_s < SHORT_WATCH_S:
                await asyncio.sleep(backoff.next_s())
            else:
                backoff.reset()

    async def _opened(self, call: Call, stack: AsyncExitStack) -> Answer:
        try:
            async with asyncio.timeout(OPEN_LIMIT_S):
                return await stack.enter_async_context(self._transport.stream(call))
        except TimeoutError:
            raise failures.Unavailable(call.what, f"no answer within {OPEN_LIMIT_S:.0f} s") from None

    def _take(self, event: wire.Event, after: str) -> str:
        """One event. The platform's revision after it."""
        revision = event.revision
        if wire.goes_back(after, revision):
            # The platform was restored from a backup, perhaps: what is known of it is not true any more.
            raise Strange
        if event.type in ("ADDED", "MODIFIED"):
            self.cache.put(self._entry(event.object))
        elif event.type == "DELETED":
            self.cache.drop(entry(self._kind, event.object).key)
        if self.cache.size_bytes > CACHE_LIMIT_BYTES:
            raise _too_much()
        self._tell()
        return revision

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


def _strange() -> failures.ApiError:
    return failures.Unavailable("cannot read the platform", "it answered something else", code=502)


def _too_much() -> failures.ApiError:
    return failures.Unavailable("cannot keep this", "there is too much of it", code=503)
