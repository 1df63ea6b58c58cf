"""Answers from a cache that show one moment: one object, or a list."""

from __future__ import annotations

from bisect import bisect_right
from itertools import chain
from typing import TYPE_CHECKING

from coop_core.proxy import pages
from coop_core.proxy.answers import Refusal, Reply, framed
from coop_core.proxy.cache import TooOld

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coop_core.cluster.kinds import Raw
    from coop_core.proxy.cache import Cache
    from coop_core.proxy.connection import Connection
    from coop_core.proxy.entries import Entry
    from coop_core.proxy.forms import Form
    from coop_core.proxy.lenses import Lens
    from coop_core.proxy.pages import Page
    from coop_core.proxy.turns import Turns

PIECE_BYTES = 128 * 1024


def one(cache: Cache, lens: Lens, form: Form, not_before: int) -> Reply:
    """One object. Raises Refusal."""
    _check_future(not_before, cache)
    return Reply(body=form.one(lens.one(cache)))


def many(
    cache: Cache, lens: Lens, form: Form, page: Page, *, connection: Connection, turns: Turns
) -> Reply | Listing:
    """A list, or a page of one. Raises Refusal."""
    _check_future(page.not_before, cache)
    revision = cache.revision if page.revision is None else page.revision
    try:
        entries = lens.many(cache, page.revision)
    except TooOld:
        raise pages.gone() from None
    if page.last is not None:
        entries = entries[bisect_right(entries, page.last, key=lambda entry: entry.key) :]
    metadata: Raw = {"resourceVersion": str(revision)}
    if 0 < page.limit < len(entries):
        entries, left = entries[: page.limit], len(entries) - page.limit
        metadata["continue"] = page.seal(revision, entries[-1].key)
        if page.counts:
            metadata["remainingItemCount"] = left
    pieces = _pieces(form.list_head(metadata), entries, form)
    first, second = next(pieces), next(pieces, None)
    return Reply(body=first) if second is None else Listing(connection, turns, chain((first, second), pieces))


class Listing:
    """A long list, made while it is sent.

    However slowly it is read, it holds nothing but one piece and objects that all share.
    """

    content_type = "application/json"

    def __init__(self, connection: Connection, turns: Turns, pieces: Iterator[bytes]) -> None:
        self._connection = connection
        self._turns = turns
        self._pieces = pieces

    def resume(self) -> None:
        if not self._connection.is_writable:
            return
        piece = next(self._pieces, None)
        if piece is None:
            self._connection.end_stream()
        else:
            self._connection.write(framed(piece))
            self._turns.wait(self._connection.go_on)

    def check(self, now_s: float) -> None:
        pass

    def gone(self) -> None:
        self._pieces = iter(())


def _check_future(not_before: int, cache: Cache) -> None:
    if not_before > cache.revision:
        message = f"Too large resource version: {not_before}, current: {cache.revision}"
        raise Refusal(504, message, reason="Timeout", retry_after_s=1)


def _pieces(head: bytes, entries: list[Entry], form: Form) -> Iterator[bytes]:
    pending, size = [head], len(head)
    for index, entry in enumerate(entries):
        pending.append(b"," + form.element(entry) if index else form.element(entry))
        size += len(pending[-1])
        if size > PIECE_BYTES:
            yield b"".join(pending)
            pending, size = [], 0
    yield b"".join([*pending, b"]}\n"])
