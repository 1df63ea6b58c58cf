"""The forms in which objects are written: whole, as their metadata alone, or as rows of a Table. Pure.

Source: Kubernetes "API concepts", resource representations.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Literal

import msgspec

from coop_core.cluster import tables
from coop_core.proxy.answers import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.proxy.entries import Entry

Name = Literal["object", "metadata", "table"]

_META = "meta.k8s.io/v1"
_METADATA_TYPES = ("PartialObjectMetadata", "PartialObjectMetadataList")


@lru_cache(256)
def wanted(accept: str) -> Name:
    """What a client would rather have, of what there is. Raises Refusal when it takes no JSON at all."""
    for clause in accept.split(","):
        media, _, rest = clause.partition(";")
        parameters = dict(part.strip().partition("=")[::2] for part in rest.split(";") if part.strip())
        if media.strip().lower() not in ("application/json", "application/*", "*/*", ""):
            continue
        as_ = parameters.get("as", "")
        if not as_:
            return "object"
        if parameters.get("g") != "meta.k8s.io" or parameters.get("v") != "v1":
            continue
        if as_ == "Table":
            return "table"
        if as_ in _METADATA_TYPES:
            return "metadata"
    raise Refusal(406, "only application/json is spoken here")


class Form:
    """Objects whole. Other forms differ from it in some ways.

    sharing: what it writes is the same for everybody who is told the same under this name; "" when it is not.
    """

    sharing: str = "object"

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    def element(self, entry: Entry, revision: int = 0) -> bytes:
        """One of a list. `revision` instead of the entry's own when given, as in news of its end."""
        return entry.whole(revision)

    def one(self, entry: Entry) -> bytes:
        """A whole answer."""
        return self.element(entry)

    def event(self, entry: Entry, revision: int, *, is_first: bool) -> bytes:
        """What a watch brings. is_first: nothing came before it over the same watch."""
        return self.element(entry, revision)

    def list_head(self, metadata: Raw) -> bytes:
        """Everything of a list before its first element; behind the last one comes `]}`."""
        return _open({"kind": f"{self.kind.name}List", "apiVersion": self.kind.api_version, "metadata": metadata})

    def bookmark(self, metadata: Raw) -> Raw:
        return {"kind": self.kind.name, "apiVersion": self.kind.api_version, "metadata": metadata}


class Metadata(Form):
    sharing = "metadata"

    def element(self, entry: Entry, revision: int = 0) -> bytes:
        return entry.metadata(revision)

    def list_head(self, metadata: Raw) -> bytes:
        return _open({"kind": "PartialObjectMetadataList", "apiVersion": _META, "metadata": metadata})

    def bookmark(self, metadata: Raw) -> Raw:
        return {"kind": "PartialObjectMetadata", "apiVersion": _META, "metadata": metadata}


class Table(Form):
    """include: what rows carry beside their cells: None, Metadata or Object. now_s: as of when ages are told."""

    sharing = ""

    def __init__(self, kind: Kind, include: str, now_s: Callable[[], float]) -> None:
        super().__init__(kind)
        self._include = include
        self._now_s = now_s

    def element(self, entry: Entry, revision: int = 0) -> bytes:
        match self._include:
            case "None":
                body = b"null"
            case "Object":
                body = entry.whole(revision)
            case _:
                body = entry.metadata(revision)
        return b'{"cells":%s,"object":%s}' % (msgspec.json.encode(cells(entry, self._now_s())), body)

    def one(self, entry: Entry) -> bytes:
        return self.event(entry, entry.revision, is_first=True)

    def event(self, entry: Entry, revision: int, *, is_first: bool) -> bytes:
        # Only the first event of a watch names the columns.
        columns = tables.columns(self.kind) if is_first else None
        return self._head({"resourceVersion": str(revision)}, columns) + self.element(entry, revision) + b"]}"

    def list_head(self, metadata: Raw) -> bytes:
        return self._head(metadata, tables.columns(self.kind))

    def bookmark(self, metadata: Raw) -> Raw:
        return {"kind": "Table", "apiVersion": _META, "metadata": metadata, "columnDefinitions": None, "rows": []}

    def _head(self, metadata: Raw, columns: object) -> bytes:
        head = {"kind": "Table", "apiVersion": _META, "metadata": metadata, "columnDefinitions": columns}
        return _open(head, "rows")


@cache
def _plain(name: Name, kind: Kind) -> Form:
    return Metadata(kind) if name == "metadata" else Form(kind)


def of(accept: str, kind: Kind, include: str, now_s: Callable[[], float]) -> Form:
    """The form that a request asks for. Raises Refusal."""
    name = wanted(accept)
    return Table(kind, include, now_s) if name == "table" else _plain(name, kind)


def cells(entry: Entry, now_s: float) -> list[object]:
    """A row's cells. An object whose fields have odd types shows its name alone."""
    try:
        return tables.cells(entry.kind, entry.body(), now_s)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return [entry.name, *["<unknown>"] * (len(tables.columns(entry.kind)) - 1)]


def _open(head: Raw, elements: str = "items") -> bytes:
    return b'%s,"%s":[' % (msgspec.json.encode(head)[:-1], elements.encode())
