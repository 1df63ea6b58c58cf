"""Watches: the changes after a revision, as a stream of JSON lines that ends at a deadline.

A watcher holds a position in the store's log and nothing else, so a slow one costs no memory and slows nobody
down; one that falls too far behind is told so in its stream.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from coop_core.local.api import statuses
from coop_core.local.api.representing import HEADERS
from coop_core.local.api.requests import is_true, selection, whole_number
from coop_core.local.api.statuses import Refused
from coop_core.local.store import Expired

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coop_core.local.api.representing import Representation
    from coop_core.local.api.requests import Call, Selection
    from coop_core.local.store import Change, Store

BOOKMARK_EVERY_S = 60.0
UNASKED_TIMEOUT_S = (1800, 3600)
"""Between these a watch lasts that did not say for how long, at random, so that not all come back at once."""
CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """after None: from now on."""

    after: int | None
    sends_state: bool
    """Whether the current state comes first, as ADDED."""
    marks_state: bool
    """Whether a bookmark says where the current state ends."""
    bookmarks: bool
    timeout_s: float


def options(call: Call) -> WatchOptions:
    """Reads a watch's query. Raises Refused."""
    query = call.query
    match, revision = query.get("resourceVersionMatch", ""), whole_number(query, "resourceVersion")
    wants_initial = "sendInitialEvents" in query
    if wants_initial and match != "NotOlderThan":
        raise _invalid(
            "resourceVersionMatch",
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        )
    if match and not wants_initial:
        raise _invalid("resourceVersionMatch", "resourceVersionMatch is forbidden for watch")
    begins_with_state = is_true(query, "sendInitialEvents") if wants_initial else not revision
    timeout_s = whole_number(query, "timeoutSeconds")
    bookmarks = is_true(query, "allowWatchBookmarks")
    return WatchOptions(
        after=None if begins_with_state else revision or None,
        sends_state=begins_with_state,
        marks_state=begins_with_state and wants_initial and bookmarks,
        bookmarks=bookmarks,
        timeout_s=float(timeout_s) if timeout_s else random.uniform(*UNASKED_TIMEOUT_S),
    )


def _invalid(field: str, message: str) -> Refused:
    cause = {"reason": "FieldValueForbidden", "message": f"Forbidden: {message}", "field": field}
    details = {"group": "meta.k8s.io", "kind": "ListOptions", "causes": [cause]}
    whole = f'ListOptions.meta.k8s.io "" is invalid: {field}: Forbidden: {message}'
    return Refused(422, "Invalid", whole, details)


class Watches:
    """Every watch that is open on one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._wakers: set[asyncio.Event] = set()
        self._is_closing = False

    def close(self) -> None:
        """Lets every stream end in good order."""
        self._is_closing = True
        for waker in self._wakers:
            waker.set()

    async def serve(self, call: Call, representation: Representation) -> web.StreamResponse:
        wanted = options(call)
        statuses.refuse_future(wanted.after, self._store.revision)
        response = web.StreamResponse(headers={**HEADERS, "Content-Type": "application/json"})
        response.enable_chunked_encoding()
        waker = asyncio.Event()
        stop_listening = self._store.listen(waker.set)
        self._wakers.add(waker)
        try:
            stream = _Stream(self._store, selection(call), representation, wanted)
            await response.prepare(call.http)
            await self._run(stream, response, waker, wanted)
            await response.write_eof()
        finally:
            stop_listening()
            self._wakers.discard(waker)
        return response

    async def _run(
        self, stream: _Stream, response: web.StreamResponse, waker: asyncio.Event, wanted: WatchOptions
    ) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wanted.timeout_s
        bookmark_at = loop.time() + BOOKMARK_EVERY_S
        for chunk in stream.start():
            await response.write(chunk)
        while not self._is_closing:
            waker.clear()
            for chunk in stream.news():
                await response.write(chunk)
            if stream.is_over:
                return
            try:
                async with asyncio.timeout_at(min(deadline, bookmark_at)):
                    await waker.wait()
            except TimeoutError:
                bookmark_at = loop.time() + BOOKMARK_EVERY_S
                if wanted.bookmarks:
                    await response.write(stream.bookmark())
                if loop.time() >= deadline:
                    return


class _Stream:
    """One watcher's position in the log, and the lines that lie ahead of it."""

    def __init__(
        self, store: Store, selected: Selection, representation: Representation, wanted: WatchOptions
    ) -> None:
        self._store = store
        self._selected = selected
        self._representation = representation
        self._wanted = wanted
        self._position = store.revision if wanted.after is None else wanted.after
        self._is_first = True
        self.is_over = False

    def start(self) -> Iterator[bytes]:
        """The current state, if the watch begins with it."""
        if not self._wanted.sends_state:
            return
        # Taken whole before the first line is sent: writes may come between two lines.
        found = [
            stored
            for stored in self._store.stored(self._selected.kind, self._selected.namespace)
            if self._selected.matches(stored.object)
        ]
        self._position = self._store.revision
        yield from _chunks(self._line("ADDED", stored.object, stored.encoded) for stored in found)
        if self._wanted.marks_state:
            yield self._representation.bookmark(self._position, ends_initial=True)

    def news(self) -> Iterator[bytes]:
        """What happened since the last call."""
        try:
            changes = list(self._store.changes(self._position))
        except Expired:
            self.is_over = True
            status = statuses.expired(self._position, self._store.oldest_revision)
            yield b'{"type":"ERROR","object":%s}\n' % msgspec.json.encode(status)
            return
        if changes:
            self._position = changes[-1].revision
            yield from _chunks(line for change in changes if (line := self._seen(change)))

    def bookmark(self) -> bytes:
        return self._representation.bookmark(self._position)

    def _seen(self, change: Change) -> bytes | None:
        """The change as this watcher sees it: leaving the selection is DELETED, entering it is ADDED."""
        group, plural, namespace, _ = change.key
        selected = self._selected
        if (plural, group) != (selected.kind.plural, selected.kind.group):
            return None
        if selected.namespace is not None and namespace != selected.namespace:
            return None
        if selected.is_everything:
            return self._line(change.type, change.object, change.encoded)
        was_in = change.previous is not None and selected.matches(change.previous)
        is_in = change.type != "DELETED" and selected.matches(change.object)
        if is_in:
            return self._line("MODIFIED" if was_in else "ADDED", change.object, change.encoded)
        if not was_in:
            return None
        if change.type == "DELETED":
            return self._line("DELETED", change.object, change.encoded)
        assert change.previous is not None
        metadata = {**change.previous["metadata"], "resourceVersion": str(change.revision)}
        last_seen = {**change.previous, "metadata": metadata}
        return self._line("DELETED", last_seen, msgspec.json.encode(last_seen))

    def _line(self, type_: str, body: dict[str, object], encoded: bytes) -> bytes:
        is_first, self._is_first = self._is_first, False
        return self._representation.event(type_, body, encoded, is_first=is_first)


def _chunks(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Lines joined, so that a thousand of them do not take a thousand writes."""
    pending: list[bytes] = []
    size = 0
    for line in lines:
        pending.append(line)
        size += len(line)
        if size >= CHUNK_BYTES:
            yield b"".join(pending)
            pending, size = [], 0
    if pending:
        yield b"".join(pending)
