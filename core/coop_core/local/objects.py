"""What a write means: identity, generations, optimistic locking, finalizers.

The HTTP server and the controllers write through here, so both get the same rules. Owns no I/O of its own.
"""

from __future__ import annotations

import secrets
import uuid
from typing import TYPE_CHECKING

from coop_core.clock import Clock, rfc3339

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.local.store import Store

_NAME_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_OWNED_BY_SERVER = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds")


class NotFound(Exception):
    """There is no such object."""


class AlreadyExists(Exception):
    """Create, and the name is taken."""


class Conflict(Exception):
    """The object changed since it was read, or it is another one of the same name."""


class Objects:
    """Objects with Kubernetes' write semantics. What is returned is shared: copy before changing."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock

    def find(self, kind: Kind, namespace: str, name: str) -> Raw | None:
        return self.store.get(kind, namespace, name)

    def get(self, kind: Kind, namespace: str, name: str) -> Raw:
        found = self.store.get(kind, namespace, name)
        if found is None:
            raise NotFound(f'{kind.plural} "{name}" not found')
        return found

    def select(self, kind: Kind, namespace: str | None = None, labels: dict[str, str] | None = None) -> list[Raw]:
        """Objects that carry all of `labels`, in order of namespace and name."""
        wanted = (labels or {}).items()
        return [
            found
            for found in self.store.objects(kind, namespace)
            if wanted <= (found["metadata"].get("labels") or {}).items()
        ]

    def create(self, kind: Kind, body: Raw) -> Raw:
        """Stores a new object. `metadata.generateName` gives it a name of its own when it has none."""
        metadata = dict(body.get("metadata") or {})
        if not metadata.get("name"):
            metadata["name"] = metadata.get("generateName", "") + "".join(
                secrets.choice(_NAME_ALPHABET) for _ in range(5)
            )
        if self.store.get(kind, metadata.get("namespace", ""), metadata["name"]) is not None:
            raise AlreadyExists(f'{kind.plural} "{metadata["name"]}" already exists')
        for field in (*_OWNED_BY_SERVER, "resourceVersion", "selfLink"):
            metadata.pop(field, None)
        metadata |= {
            "uid": str(uuid.uuid4()),
            "creationTimestamp": rfc3339(self.clock.now_s()),
            "generation": 1,
        }
        new = {"apiVersion": kind.api_version, "kind": kind.name, **body, "metadata": metadata}
        if kind.has_status and kind.name != "Namespace":
            new["status"] = body.get("status") or {}
        return self.store.put(kind, new)

    def update(self, kind: Kind, body: Raw) -> Raw:
        """Replaces everything but what the server owns, and but status where that is a subresource.

        Raises Conflict when `body` carries a resourceVersion or uid that is not the current one. A write that
        changes nothing is not a change: same revision, no event.
        """
        old = self._current(kind, body)
        new = {**body, "metadata": self._kept(old, body)}
        if kind.has_status:
            new.pop("status", None)
            if "status" in old:
                new["status"] = old["status"]
        if _meaning(new, kind) != _meaning(old, kind):
            new["metadata"]["generation"] = old["metadata"].get("generation", 1) + 1
        return self._settle(kind, old, new)

    def update_status(self, kind: Kind, body: Raw) -> Raw:
        """Replaces status alone."""
        old = self._current(kind, body)
        return self._settle(kind, old, {**old, "status": body.get("status") or {}})

    def delete(self, kind: Kind, namespace: str, name: str, *, grace_s: int = 0) -> Raw:
        """Deletes, or marks as being deleted while finalizers (or, for a pod, its process) keep it.

        Dependents are collected by the garbage collector, not here.
        """
        old = self.get(kind, namespace, name)
        metadata = old["metadata"]
        if not metadata.get("finalizers") and not grace_s:
            return self.store.remove(kind, namespace, name) or old
        if "deletionTimestamp" in metadata:
            return old
        marked = {
            **metadata,
            "deletionTimestamp": rfc3339(self.clock.now_s() + grace_s),
            "deletionGracePeriodSeconds": grace_s,
            "generation": metadata.get("generation", 1) + 1,
        }
        return self.store.put(kind, {**old, "metadata": marked})

    def _current(self, kind: Kind, body: Raw) -> Raw:
        metadata = body["metadata"]
        old = self.get(kind, metadata.get("namespace", ""), metadata["name"])
        for field in ("resourceVersion", "uid"):
            claimed = metadata.get(field)
            if claimed and claimed != old["metadata"][field]:
                raise Conflict(
                    f'Operation cannot be fulfilled on {kind.plural} "{metadata["name"]}": the object has been '
                    "modified; please apply your changes to the latest version and try again"
                )
        return old

    def _kept(self, old: Raw, body: Raw) -> Raw:
        kept: Raw = dict(body["metadata"])
        for field in _OWNED_BY_SERVER:
            kept.pop(field, None)
            if field in old["metadata"]:
                kept[field] = old["metadata"][field]
        kept["resourceVersion"] = old["metadata"]["resourceVersion"]
        return kept

    def _settle(self, kind: Kind, old: Raw, new: Raw) -> Raw:
        if new == old:
            return old
        metadata = new["metadata"]
        is_over = "deletionTimestamp" in metadata and not metadata.get("finalizers")
        if is_over and old["metadata"].get("finalizers"):
            self.store.put(kind, new)
            return self.store.remove(kind, metadata.get("namespace", ""), metadata["name"]) or new
        return self.store.put(kind, new)


def _meaning(body: Raw, kind: Kind) -> Raw:
    """What a generation counts: all but metadata and, where it is a subresource, status."""
    ignored = {"metadata", "apiVersion", "kind"} | ({"status"} if kind.has_status else set())
    return {name: value for name, value in body.items() if name not in ignored}
