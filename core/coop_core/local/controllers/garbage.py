"""The garbage collector: what belonged to an object goes with it, in the way its deletion asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.local.controllers.deleting import delete
from coop_core.local.controllers.loop import Controller, Key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.local.store import Change

ORPHAN = "orphan"
"""Finalizer of an owner whose dependents shall stay."""
FOREGROUND = "foregroundDeletion"
"""Finalizer of an owner that goes after its dependents."""


class GarbageCollector(Controller):
    """Looks at an object when it appears with owners, when an owner goes, and when its own deletion waits."""

    name = "garbage"
    watches = None

    def keys(self, kind: Kind, body: Raw) -> Iterable[Key]:
        metadata = body["metadata"]
        if metadata.get("ownerReferences") or _is_waiting(metadata):
            yield (kind.group, kind.plural, metadata.get("namespace", ""), metadata["name"])

    def changed(self, kind: Kind, change: Change) -> Iterable[Key]:
        if change.type == "DELETED":
            yield from self._of_dependents(change.object)
            yield from self._of_waiting_owners(change.object)
            return
        before = (change.previous or {}).get("metadata") or {}
        metadata = change.object["metadata"]
        # Most changes are of status; only a change of owners, or of what a deletion waits for, can matter here.
        if before.get("ownerReferences") != metadata.get("ownerReferences") or _is_waiting(metadata):
            yield from self.keys(kind, change.object)

    async def reconcile(self, key: Key) -> float | None:
        kind = self._kind(key[0], key[1])
        body = self.objects.find(kind, key[2], key[3]) if kind else None
        if kind is None or body is None:
            return None
        if _is_waiting(body["metadata"]):
            self._finish(kind, body)
        owners = body["metadata"].get("ownerReferences") or []
        if owners and not any(self._exists(body, owner) for owner in owners):
            delete(self.objects, kind, body)
        return None

    def _kind(self, group: str, plural: str) -> Kind | None:
        """None for a kind whose definition has gone meanwhile."""
        stored = self.objects.catalog.stored
        return next((one for one in stored if (one.group, one.plural) == (group, plural)), None)

    def _finish(self, kind: Kind, owner: Raw) -> None:
        """Does what the finalizers of an owner under deletion ask for, then lets it go."""
        finalizers = owner["metadata"]["finalizers"]
        dependents = list(self._dependents(owner))
        if ORPHAN in finalizers:
            for other_kind, body in dependents:
                self._disown(other_kind, body, owner["metadata"]["uid"])
        elif dependents:
            for other_kind, body in dependents:
                delete(self.objects, other_kind, body)
            if any(True for _ in self._dependents(owner)):
                return
        left = [one for one in finalizers if one not in (ORPHAN, FOREGROUND)]
        self.objects.update(kind, {**owner, "metadata": {**owner["metadata"], "finalizers": left}})

    def _disown(self, kind: Kind, body: Raw, uid: str) -> None:
        metadata = body["metadata"]
        left = [one for one in metadata["ownerReferences"] if one["uid"] != uid]
        self.objects.update(kind, {**body, "metadata": {**metadata, "ownerReferences": left}})

    def _exists(self, body: Raw, owner: Raw) -> bool:
        kind = self.objects.catalog.named(owner["apiVersion"], owner["kind"])
        if kind is None:
            return True  # of a kind that is not kept here: not ours to judge
        found = self.objects.find(kind, body["metadata"].get("namespace", ""), owner["name"])
        return found is not None and found["metadata"]["uid"] == owner["uid"]

    def _dependents(self, owner: Raw) -> Iterator[tuple[Kind, Raw]]:
        uid = owner["metadata"]["uid"]
        for kind in self.objects.catalog.stored:
            for body in self.objects.select(kind, owner["metadata"].get("namespace") or None):
                if any(one["uid"] == uid for one in body["metadata"].get("ownerReferences") or []):
                    yield kind, body

    def _of_dependents(self, owner: Raw) -> Iterator[Key]:
        for kind, body in self._dependents(owner):
            yield (kind.group, kind.plural, body["metadata"].get("namespace", ""), body["metadata"]["name"])

    def _of_waiting_owners(self, gone: Raw) -> Iterator[Key]:
        for owner in gone["metadata"].get("ownerReferences") or []:
            kind = self.objects.catalog.named(owner["apiVersion"], owner["kind"])
            if kind is not None:
                yield (kind.group, kind.plural, gone["metadata"].get("namespace", ""), owner["name"])


def _is_waiting(metadata: Raw) -> bool:
    """Whether a deletion waits for this collector."""
    finalizers = metadata.get("finalizers") or ()
    return "deletionTimestamp" in metadata and (ORPHAN in finalizers or FOREGROUND in finalizers)
