"""The Namespace controller: a new namespace gets its `default` ServiceAccount, an ending one is emptied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.cluster import kinds
from coop_core.local.controllers.deleting import delete
from coop_core.local.controllers.loop import Controller, Key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coop_core.cluster.kinds import Kind, Raw


class NamespaceController(Controller):
    """Watches all that lives in namespaces, so that an emptied one goes at once."""

    name = "namespaces"
    watches = None

    def keys(self, kind: Kind, body: Raw) -> Iterable[Key]:
        metadata = body["metadata"]
        if kind is kinds.NAMESPACE:
            yield (metadata["name"],)
        elif kind.namespaced and self._is_ending(metadata.get("namespace", "")):
            yield (metadata["namespace"],)

    async def reconcile(self, key: Key) -> float | None:
        namespace = self.objects.find(kinds.NAMESPACE, "", key[0])
        if namespace is None:
            return None
        if "deletionTimestamp" in namespace["metadata"]:
            self._empty(namespace)
        elif self.objects.find(kinds.SERVICE_ACCOUNT, key[0], "default") is None:
            self.objects.create(kinds.SERVICE_ACCOUNT, {"metadata": {"name": "default", "namespace": key[0]}})
        return None

    def _is_ending(self, name: str) -> bool:
        namespace = self.objects.find(kinds.NAMESPACE, "", name)
        return namespace is not None and "deletionTimestamp" in namespace["metadata"]

    def _empty(self, namespace: Raw) -> None:
        name = namespace["metadata"]["name"]
        namespaced = [kind for kind in self.objects.catalog.stored if kind.namespaced]
        content = [(kind, body) for kind in namespaced for body in self.objects.select(kind, name)]
        for kind, body in content:
            delete(self.objects, kind, body)
        if any(self.objects.select(kind, name) for kind in namespaced):
            return
        spec = {**(namespace.get("spec") or {}), "finalizers": []}
        self.objects.update(kinds.NAMESPACE, {**namespace, "spec": spec})
