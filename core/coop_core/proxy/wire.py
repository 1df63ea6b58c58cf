"""Lists and events as the platform sends them, parsed. Pure.

Whatever does not have exactly the shape that was asked for is `Strange`: nothing of it is taken over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from coop_core.kube import failures
from coop_core.proxy.entries import Strange

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Kind, Raw

_T = TypeVar("_T")


class _ListMetadata(msgspec.Struct, rename={"continue_": "continue"}):
    resourceVersion: str = ""  # noqa: N815 - the wire's name
    continue_: str | None = None


class Page(msgspec.Struct):
    """Part of a list; its items still encoded, so that only one of them at a time is held twice."""

    kind: str
    metadata: _ListMetadata
    items: list[msgspec.Raw] | None = None

    @property
    def next(self) -> str:
        """What to ask for the next page with; "" after the last one."""
        return self.metadata.continue_ or ""


class Event(msgspec.Struct):
    """revision: the platform's, after it."""

    type: str
    object: dict[str, Any]

    @property
    def revision(self) -> str:
        metadata = self.object.get("metadata")
        found = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
        if not isinstance(found, str) or not found:
            raise Strange
        return found


def page(body: bytes, kind: Kind) -> Page:
    """Raises Strange."""
    found = _decoded(body, Page)
    # An empty page that promises more never ends.
    if found.kind != f"{kind.name}List" or not found.metadata.resourceVersion or (found.next and not found.items):
        raise Strange
    return found


def item(raw: msgspec.Raw) -> Raw:
    """Raises Strange."""
    return _decoded(raw, dict[str, Any])


def event(line: bytes, kind: Kind) -> Event:
    """Raises Strange, and what an event of an error says, as an ApiError."""
    found = _decoded(line, Event)
    if found.type == "ERROR":
        code = found.object.get("code")
        body = msgspec.json.encode(found.object)
        raise failures.from_answer("cannot watch", code if isinstance(code, int) else 500, body)
    if found.type not in ("ADDED", "MODIFIED", "DELETED", "BOOKMARK"):
        raise Strange
    if found.object.get("kind", kind.name) != kind.name:
        raise Strange
    return found


def goes_back(before: str, after: str) -> bool:
    """Whether one revision of the platform is older than another; never of those that are no numbers.

    Source: KEP-5504, comparable resource versions: numbers without leading zeros, of any length.
    """
    return before.isdecimal() and after.isdecimal() and (len(after), after) < (len(before), before)


def _decoded(raw: bytes | msgspec.Raw, type_: type[_T]) -> _T:
    try:
        return msgspec.json.decode(raw, type=type_)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Strange from None
