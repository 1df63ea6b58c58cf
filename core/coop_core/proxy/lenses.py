"""What one user gets to see of a kind. Pure.

Selectors work on what is shown, so they tell nothing about what is hidden.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.cluster import kinds, selectors
from coop_core.proxy.answers import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coop_core.cluster.kinds import Kind
    from coop_core.proxy.cache import Cache, Change
    from coop_core.proxy.entries import Entry
    from coop_core.proxy.queries import Query

_NAMES = ("metadata.name", "metadata.namespace")
TERMS_LIMIT = 64
"""Of selectors: each is tried on each object, while everybody else waits."""


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
        if (labels and len(labels.requirements) > TERMS_LIMIT) or (fields and len(fields.terms) > TERMS_LIMIT):
            raise Refusal(400, f"a selector may have {TERMS_LIMIT} terms at most")
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
    """namespaces: those that the user sees. namespace, name: those asked for, "" for all of them."""

    kind: Kind
    namespaces: frozenset[str]
    namespace: str = ""
    name: str = ""
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

    def _where(self) -> Iterable[str] | None:
        """The namespaces to look in at all."""
        if self.namespace or not self.kind.namespaced:
            return [self.namespace]
        return None if self.kind == kinds.APPLICATION else self.namespaces

    def _not_found(self) -> Refusal:
        resource = f"{self.kind.plural}.{self.kind.group}" if self.kind.group else self.kind.plural
        return Refusal(404, f'{resource} "{self.name}" not found')
