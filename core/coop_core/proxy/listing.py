"""Whole answers from a cache: one object, or a list in pages.

The pages of one list show one moment: a continue token carries its revision, and the cache goes back to it as long
as it remembers.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import msgspec

from coop_core.cluster import tables
from coop_core.proxy.answers import Refusal, Reply
from coop_core.proxy.cache import TooOld
from coop_core.proxy.watching import table

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from coop_core.cluster.kinds import Raw
    from coop_core.proxy.cache import Cache
    from coop_core.proxy.entries import Entry, Key
    from coop_core.proxy.lenses import Lens
    from coop_core.proxy.queries import Query

_MARK_BYTES = 16
_PIECE_BYTES = 128 * 1024
_ROWS_AT_ONCE = 250
"""Rows cost decoding; other requests have their turn in between."""


class _Token(msgspec.Struct, array_like=True):
    revision: int
    namespace: str
    name: str


class Pages:
    """Continue tokens, bound to the user and the question that they were given for."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def seal(self, revision: int, last: Key, binding: str) -> str:
        token = msgspec.json.encode(_Token(revision, *last))
        return base64.urlsafe_b64encode(self._mark(token, binding) + token).decode()

    def open(self, sealed: str, binding: str) -> tuple[int, Key]:
        """Raises Refusal (410: list again) for a token that was not sealed so."""
        try:
            raw = base64.urlsafe_b64decode(sealed)
        except ValueError:
            raw = b""
        mark, token = raw[:_MARK_BYTES], raw[_MARK_BYTES:]
        if not hmac.compare_digest(mark, self._mark(token, binding)):
            raise _gone()
        opened = msgspec.json.decode(token, type=_Token)
        return opened.revision, (opened.namespace, opened.name)

    def _mark(self, token: bytes, binding: str) -> bytes:
        return hmac.new(self._key, binding.encode() + b"\0" + token, hashlib.sha256).digest()[:_MARK_BYTES]


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list, as of when. revision None: now; last: what the page before ended with.

    not_before: what the client has seen already. counts: whether the number of those left is told.
    """

    revision: int | None
    last: Key | None
    limit: int
    not_before: int
    counts: bool
    seal: Callable[[int, Key], str]

    @classmethod
    def of(cls, query: Query, pages: Pages, binding: str) -> Self:
        """Raises Refusal."""
        wanted, match = int(query.get("resourceVersion", "0")), query.get("resourceVersionMatch", "")
        revision, last = None, None
        if match and ("resourceVersion" not in query or (match == "Exact" and not wanted)):
            raise Refusal(422, f"resourceVersionMatch {match} needs a resourceVersion")
        if "continue" in query:
            if wanted or match:
                raise Refusal(400, "specifying resource version is not allowed when using continue")
            revision, last = pages.open(query["continue"], binding)
        elif match == "Exact":
            revision = wanted
        counts = "labelSelector" not in query and "fieldSelector" not in query
        limit = int(query.get("limit", "0"))
        return cls(revision, last, limit, wanted, counts, lambda at, key: pages.seal(at, key, binding))


def one(cache: Cache, lens: Lens, page: Page, now_s: float) -> Reply:
    """One object. Raises Refusal."""
    _check_future(page, cache)
    entry = lens.one(cache)
    if lens.form == "table":
        return Reply(body=table(entry.revision, tables.columns(lens.kind), [lens.row(entry, now_s)]))
    return Reply(body=lens.encoded(entry))


def many(cache: Cache, lens: Lens, page: Page, now_s: float) -> Reply | Coroutine[None, None, Reply]:
    """A list, or a page of one. Raises Refusal."""
    _check_future(page, cache)
    revision = cache.revision if page.revision is None else page.revision
    try:
        entries = lens.many(cache, page.revision)
    except TooOld:
        raise _gone() from None
    if page.last is not None:
        entries = entries[bisect_right(entries, page.last, key=lambda entry: entry.key) :]
    metadata: Raw = {"resourceVersion": str(revision)}
    if 0 < page.limit < len(entries):
        entries, left = entries[: page.limit], len(entries) - page.limit
        metadata["continue"] = page.seal(revision, entries[-1].key)
        if page.counts:
            metadata["remainingItemCount"] = left
    kind, api_version = lens.list_kind()
    head: Raw = {"kind": kind, "apiVersion": api_version, "metadata": metadata}
    if lens.form == "table":
        head["columnDefinitions"] = tables.columns(lens.kind)
        return _rows(head, entries, lens, now_s)
    begin = msgspec.json.encode(head)[:-1] + b',"items":['
    return Reply(rest=_pieces(begin, entries, lens), length=_length(begin, entries, lens))


def _check_future(page: Page, cache: Cache) -> None:
    if page.not_before > cache.revision:
        message = f"Too large resource version: {page.not_before}, current: {cache.revision}"
        raise Refusal(504, message, reason="Timeout", retry_after_s=1)


def _length(begin: bytes, entries: list[Entry], lens: Lens) -> int:
    """Of `_pieces`: what differs from entry to entry is its revision and its tail."""

    def own(entry: Entry) -> int:
        return len(str(entry.revision)) + (entry.metadata_end if lens.form == "metadata" else len(entry.tail))

    if not entries:
        return len(begin) + len(b"]}\n")
    shared = len(lens.encoded(entries[0])) - own(entries[0])
    return len(begin) + len(entries) * (shared + 1) - 1 + sum(map(own, entries)) + len(b"]}\n")


def _pieces(begin: bytes, entries: list[Entry], lens: Lens) -> Iterator[bytes]:
    """The list's body, made while it is sent: a slow client's answer keeps only objects that all share."""
    pending, size = [begin], 0
    for index, entry in enumerate(entries):
        pending.append(b"," + lens.encoded(entry) if index else lens.encoded(entry))
        size += len(pending[-1])
        if size > _PIECE_BYTES:
            yield b"".join(pending)
            pending, size = [], 0
    yield b"".join([*pending, b"]}\n"])


async def _rows(head: Raw, entries: list[Entry], lens: Lens, now_s: float) -> Reply:
    pieces = [msgspec.json.encode(head)[:-1] + b',"rows":[']
    for start in range(0, len(entries), _ROWS_AT_ONCE):
        if start:
            pieces.append(b",")
            await asyncio.sleep(0)
        pieces.append(b",".join(lens.row(entry, now_s) for entry in entries[start : start + _ROWS_AT_ONCE]))
    pieces.append(b"]}\n")
    return Reply(rest=iter(pieces), length=sum(map(len, pieces)))


def _gone() -> Refusal:
    return Refusal(410, "the continue token or revision is not, or no longer, valid; start the list again")
