"""Which part of a list a client asks for, and the tokens by which it asks for the next one.

The pages of one list show one moment: a continue token carries its revision, and the cache goes back to it as long
as it remembers.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import msgspec

from coop_core.proxy.answers import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from coop_core.proxy.entries import Key
    from coop_core.proxy.queries import Query

_MARK_BYTES = 16


class _Token(msgspec.Struct, array_like=True):
    revision: int
    namespace: str
    name: str


class Tokens:
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
            raise gone()
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
    def of(cls, query: Query, tokens: Tokens, binding: str) -> Self:
        """Raises Refusal."""
        asked, match = int(query.get("resourceVersion", "0")), query.get("resourceVersionMatch", "")
        revision, last = None, None
        if match and ("resourceVersion" not in query or (match == "Exact" and not asked)):
            raise Refusal(422, f"resourceVersionMatch {match} needs a resourceVersion")
        if "continue" in query:
            if asked or match:
                raise Refusal(400, "specifying resource version is not allowed when using continue")
            revision, last = tokens.open(query["continue"], binding)
        elif match == "Exact":
            revision = asked
        counts = "labelSelector" not in query and "fieldSelector" not in query
        limit = int(query.get("limit", "0"))
        return cls(revision, last, limit, asked, counts, lambda at, key: tokens.seal(at, key, binding))


def gone() -> Refusal:
    return Refusal(410, "the continue token or revision is not, or no longer, valid; start the list again")
