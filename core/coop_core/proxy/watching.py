"""Watches, answered from a cache: a position in its changes, and what of them one viewer gets to see.

A viewer holds no queue. One that reads slowly falls behind in the changes, and is told to list again once those are
forgotten.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from coop_core.proxy.answers import Refusal, framed
from coop_core.proxy.cache import TooOld

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coop_core.clock import Clock
    from coop_core.cluster.kinds import Raw
    from coop_core.proxy.cache import Change
    from coop_core.proxy.connection import Connection
    from coop_core.proxy.entries import Entry
    from coop_core.proxy.forms import Form
    from coop_core.proxy.keeping import Keeper
    from coop_core.proxy.lenses import Lens
    from coop_core.proxy.queries import Query
    from coop_core.proxy.streams import Pass
    from coop_core.proxy.turns import Turns

BOOKMARK_EVERY_S = 60.0
BATCH_BYTES = 64 * 1024
UNASKED_TIMEOUT_S = (1800, 3600)
"""Between these a watch lasts that did not say for how long, at random, so that not all come back at once."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """after None: the present state first, as ADDED. marks_state: a bookmark says where that ends."""

    after: int | None
    marks_state: bool
    bookmarks: bool
    timeout_s: float

    @classmethod
    def of(cls, query: Query) -> Wanted:
        """Raises Refusal."""
        initial, match = query.get("sendInitialEvents"), query.get("resourceVersionMatch", "")
        if initial is not None and match != "NotOlderThan":
            raise _invalid("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
        if initial is None and match:
            raise _invalid("resourceVersionMatch is forbidden for watch")
        bookmarks = _is_true(query.get("allowWatchBookmarks"))
        revision = int(query.get("resourceVersion", "0"))
        begins_with_state = _is_true(initial) if initial is not None else not revision
        timeout_s = int(query.get("timeoutSeconds", "0")) or random.uniform(*UNASKED_TIMEOUT_S)
        return cls(
            after=None if begins_with_state else revision,
            marks_state=begins_with_state and initial is not None and bookmarks,
            bookmarks=bookmarks,
            timeout_s=timeout_s,
        )


class Watch:
    """One open watch."""

    content_type = "application/json"

    def __init__(
        self,
        connection: Connection,
        keeper: Keeper,
        clock: Clock,
        turns: Turns,
        *,
        right: Pass,
        lens: Lens,
        form: Form,
        wanted: Wanted,
    ) -> None:
        self._connection = connection
        self._turns = turns
        self._keeper = keeper
        self._cache = keeper.cache
        self._lens = lens
        self._form = form
        self._pass = right
        self._bookmarks = wanted.bookmarks
        self._marks_state = wanted.marks_state
        self._is_first = True
        self._is_over = False
        now_s = clock.monotonic_s()
        self._deadline_s = now_s + wanted.timeout_s
        self._bookmark_at_s = now_s + BOOKMARK_EVERY_S
        # After zero is before everything: the present state, or, for whom wants none of it, what comes from now on.
        self._position = wanted.after or self._cache.revision
        self._state: Iterator[Entry] | None = iter(lens.many(self._cache)) if wanted.after is None else None
        keeper.viewers.add(self)
        right.end = self.end

    def resume(self) -> None:
        """Writes what is new, as far as the client can take it."""
        if self._is_over or not self._connection.is_writable:
            return
        if self._state is not None:
            self._send_state(self._state)
        else:
            self._send_changes()

    def news(self) -> None:
        self._connection.go_on()

    def check(self, now_s: float) -> None:
        may_mark = self._bookmarks and self._state is None and self._connection.is_writable
        if now_s >= self._deadline_s:
            if may_mark:
                self._bookmark()
            self.end()
        elif now_s >= self._bookmark_at_s and may_mark:
            self._bookmark_at_s = now_s + BOOKMARK_EVERY_S
            self._bookmark()

    def lost(self) -> None:
        self.end()

    def end(self) -> None:
        """In good order: what was sent is true, there is only no more of it."""
        if not self._is_over:
            self._is_over = True
            self._connection.end_stream()

    def gone(self) -> None:
        self._is_over = True
        self._keeper.viewers.discard(self)
        self._pass.leave()

    def _send_state(self, state: Iterator[Entry]) -> None:
        """A part of it at a time, so that others have their turn in between."""
        batch = self._batch(state)
        if batch:
            self._connection.write(framed(batch))
            self._mind_the_limit()
        else:
            self._state = None
            if self._marks_state:
                self._bookmark({"k8s.io/initial-events-end": "true"})
        self._turns.wait(self._connection.go_on)

    def _batch(self, state: Iterator[Entry]) -> bytes:
        """The next lines of the present state, as many as make a good write."""
        lines, size = [], 0
        for entry in state:
            lines.append(self._line("ADDED", entry, entry.revision))
            size += len(lines[-1])
            if size > BATCH_BYTES:
                break
        return b"".join(lines)

    def _send_changes(self) -> None:
        try:
            changes = self._cache.since(self._position)
        except TooOld:
            status = Refusal(410, "too old resource version; list again").status()
            self._connection.write(framed(b'{"type":"ERROR","object":%s}\n' % msgspec.json.encode(status)))
            self.end()
            return
        for change in changes:
            if not self._connection.is_writable:
                return
            self._position = change.revision
            seen = self._lens.change(change)
            if seen is not None:
                self._connection.write(self._chunk(change, *seen))
        self._mind_the_limit()

    def _chunk(self, change: Change, type_: str, entry: Entry) -> bytes:
        """Encoded once for all viewers that are sent the same."""
        sharing = self._form.sharing
        if not sharing:
            return framed(self._line(type_, entry, change.revision))
        key = (type_, sharing)
        found = change.encoded.get(key)
        if found is None:
            found = change.encoded[key] = framed(self._line(type_, entry, change.revision))
        return found

    def _line(self, type_: str, entry: Entry, revision: int) -> bytes:
        body = self._form.event(entry, revision, is_first=self._is_first)
        self._is_first = False
        return b'{"type":"%s","object":%s}\n' % (type_.encode(), body)

    def _bookmark(self, annotations: Raw | None = None) -> None:
        metadata: Raw = {"resourceVersion": str(self._position), "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = annotations
        body = msgspec.json.encode(self._form.bookmark(metadata))
        self._connection.write(framed(b'{"type":"BOOKMARK","object":%s}\n' % body))

    def _mind_the_limit(self) -> None:
        if self._connection.sent_bytes > self._pass.limit_bytes:
            self.end()


def _is_true(value: str | None) -> bool:
    return value is not None and value not in ("0", "false")


def _invalid(message: str) -> Refusal:
    return Refusal(422, f'ListOptions.meta.k8s.io "" is invalid: {message}')
