"""What one user gets to see of a kind, and in which form: object, Table or metadata alone. Pure.

Selectors work on what is shown, so they tell nothing about what is hidden.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec

from coop_core.cluster import kinds, selectors, tables
from coop_core.proxy.answers import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coop_core.cluster.kinds import Kind
    from coop_core.proxy.cache import Cache, Change
    from coop_core.proxy.entries import Entry
    from coop_core.proxy.queries import Query

Form = Literal["object", "table", "metadata"]

_METADATA_TYPES = ("PartialObjectMetadata", "PartialObjectMetadataList")
_NAMES = ("metadata.name", "metadata.namespace")


def form(accept: str) -> Form:
    """What the client would rather have, of what there is. Raises Refusal when it takes no JSON at all."""
    for clause in accept.split(","):
        media, _, rest = clause.partition(";")
        parameters = dict(part.strip().partition("=")[::2] for part in rest.split(";") if part.strip())
        if media.strip().lower() not in ("application/json", "application/*", "*/*", ""):
            continue
        wanted = parameters.get("as", "")
        if not wanted:
            return "object"
        if parameters.get("g") != "meta.k8s.io" or parameters.get("v") != "v1":
            continue
        if wanted == "Table":
            return "table"
        if wanted in _METADATA_TYPES:
            return "metadata"
    raise Refusal(406, "only application/json is spoken here")


@dataclass(frozen=True, slots=True)
class Selection:
    """Label and field selectors; both None select everything."""

    labels: selectors.LabelSelector | None = None
    fields: selectors.FieldSelector | None = None

    @classmethod
    def of(cls, query: Query, kind: Kind) -> Selection:
        """Raises Refusal."""
        try:
            labels = selectors.parse_labels(query["labelSelector"]) if "labelSelector" in query else None
            fields = selectors.parse_fields(query["fieldSelector"], kind) if "fieldSelector" in query else None
        except selectors.BadSelector as error:
            raise Refusal(400, str(error)) from error
        return cls(labels, fields)

    def matches(self, entry: Entry) -> bool:
        if self.fields is not None and not self._fields_match(entry, self.fields):
            return False
        return self.labels is None or self.labels.matches(entry.labels())

    def _fields_match(self, entry: Entry, fields: selectors.FieldSelector) -> bool:
        if all(term.path in _NAMES for term in fields.terms):
            return fields.matches({"metadata": {"name": entry.name, "namespace": entry.namespace}})
        return fields.matches(entry.body())


EVERYTHING = Selection()


@dataclass(frozen=True, slots=True)
class Lens:
    """namespaces: those that the user sees. namespace, name: those asked for, "" for all of them.

    include: what a Table's rows carry: None, Metadata or Object.
    """

    kind: Kind
    namespaces: frozenset[str]
    namespace: str = ""
    name: str = ""
    form: Form = "object"
    include: str = "Metadata"
    selection: Selection = EVERYTHING

    def shows(self, entry: Entry | None) -> bool:
        return (
            entry is not None
            and entry.sight in self.namespaces
            and (not self.namespace or entry.namespace == self.namespace)
            and (not self.name or entry.name == self.name)
            and (self.selection is EVERYTHING or self.selection.matches(entry))
        )

    def one(self, cache: Cache) -> Entry:
        """The one object asked for. Raises Refusal: what is hidden and what is not there read the same."""
        entry = cache.get(self.namespace, self.name)
        if entry is None or not self.shows(entry):
            raise self._not_found()
        return entry

    def many(self, cache: Cache, revision: int | None = None) -> list[Entry]:
        """All that is shown, now or as of a revision. Raises TooOld."""
        where = self._where()
        entries = cache.entries(where) if revision is None else cache.at(revision, where)
        return [entry for entry in entries if self.shows(entry)]

    def change(self, change: Change) -> tuple[str, Entry] | None:
        """A change as this user sees it; None when it concerns nothing that they see.

        What leaves their sight or selection is gone for them, as it last was.
        """
        before, after = self.shows(change.before), self.shows(change.after)
        if after:
            assert change.after is not None
            return ("MODIFIED" if before else "ADDED"), change.after
        if before:
            assert change.before is not None
            return "DELETED", change.before
        return None

    def encoded(self, entry: Entry, revision: int = 0) -> bytes:
        """In the form of an object or of metadata."""
        return entry.metadata(revision) if self.form == "metadata" else entry.whole(revision)

    def list_kind(self) -> tuple[str, str]:
        """`kind` and `apiVersion` of a list in this form."""
        match self.form:
            case "table":
                return "Table", "meta.k8s.io/v1"
            case "metadata":
                return "PartialObjectMetadataList", "meta.k8s.io/v1"
            case "object":
                return f"{self.kind.name}List", self.kind.api_version

    def row(self, entry: Entry, now_s: float, revision: int = 0) -> bytes:
        """A Table's row."""
        match self.include:
            case "None":
                body = b"null"
            case "Object":
                body = entry.whole(revision)
            case _:
                body = entry.metadata(revision)
        return b'{"cells":%s,"object":%s}' % (msgspec.json.encode(cells(entry, now_s)), body)

    def _where(self) -> Iterable[str] | None:
        """The namespaces to look in at all."""
        if self.namespace or not self.kind.namespaced:
            return [self.namespace]
        return None if self.kind == kinds.APPLICATION else self.namespaces

    def _not_found(self) -> Refusal:
        resource = f"{self.kind.plural}.{self.kind.group}" if self.kind.group else self.kind.plural
        return Refusal(404, f'{resource} "{self.name}" not found')


def cells(entry: Entry, now_s: float) -> list[object]:
    """A row's cells. An object whose fields have odd types shows its name alone."""
    try:
        return tables.cells(entry.kind, entry.body(), now_s)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return [entry.name, *["<unknown>"] * (len(tables.columns(entry.kind)) - 1)]
