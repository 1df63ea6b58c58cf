"""Applying and pruning one object of an application."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coop_core.cluster import drift, kinds
from coop_core.local.controllers.deleting import delete
from coop_core.local.objects import Invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.local.controllers.applications.comparing import Resource
    from coop_core.local.controllers.applications.manifests import Identity, Target
    from coop_core.local.objects import Objects

_OPTIONS = "argocd.argoproj.io/sync-options"


@dataclass(frozen=True, slots=True)
class Wish:
    """How to sync. `create_namespace`: make this namespace first when it is missing; "" for none."""

    prune: bool
    operation: str = ""
    """Names this very operation, on the objects of its hooks."""
    create_namespace: str = ""
    namespace_metadata: Raw | None = None
    options: frozenset[str] = frozenset()
    """syncOptions, e.g. "Replace=true"."""
    own_namespaces: frozenset[str] = frozenset()
    """Namespaces among the manifests themselves: there by the time the rest is applied."""
    forbidden: Mapping[Identity, str] = field(default_factory=dict)
    """Manifests that the project refuses, and why."""
    only: frozenset[Identity] | None = None
    """A selective sync: these objects alone. None for all."""
    dry_run: bool = False

    @property
    def only_changed(self) -> bool:
        return "ApplyOutOfSyncOnly=true" in self.options

    def brings(self, namespace: str) -> bool:
        return namespace in self.own_namespaces

    def takes(self, identity: Identity) -> bool:
        """Whether an object is part of this sync."""
        return self.only is None or identity in self.only


class Refused(Exception):
    """One object cannot be applied. is_final: trying again is of no use."""

    def __init__(self, message: str, *, is_final: bool) -> None:
        super().__init__(message)
        self.is_final = is_final


def apply(objects: Objects, resource: Resource, wish: Wish, *, only_check: bool = False) -> str:
    """Makes an object what Git wants; says what it did. Raises Refused, and what `Objects` raises."""
    target, live = resource.target, resource.live
    assert target is not None, "only what Git wants is applied"
    kind = permitted(objects, target, wish, only_check=only_check)
    name = (
        f"{kind.singular}.{kind.group}/{target.identity[3]}"
        if kind.group
        else f"{kind.singular}/{target.identity[3]}"
    )
    if live is None:
        (objects.admitted if only_check else objects.create)(kind, target.body)
        return f"{name} created"
    if "deletionTimestamp" in live["metadata"]:
        raise Refused(f"{name} is being deleted", is_final=False)
    owner = drift.application_of(kind, live)
    if owner not in (None, drift.application_of(kind, target.body)) and "FailOnSharedResource=true" in wish.options:
        raise Refused(f"{name} is part of application {owner}", is_final=True)
    if resource.is_synced:
        return f"{name} unchanged"
    if "Replace=true" in own_options(target.body) | wish.options:
        return _replace(objects, kind, target, live, wish, name=name, only_check=only_check)
    body = drift.merged(target.body, live)
    body["metadata"].pop("resourceVersion", None)
    (objects.updated if only_check else objects.update)(kind, body)
    return f"{name} configured"


def permitted(objects: Objects, target: Target, wish: Wish, *, only_check: bool) -> Kind:
    """The kind of a target that may be applied. Raises Refused."""
    if target.refused or target.kind is None:
        raise Refused(target.refused, is_final=True)
    if target.identity in wish.forbidden:
        raise Refused(wish.forbidden[target.identity], is_final=True)
    namespace = target.identity[2]
    is_there = not namespace or objects.find(kinds.NAMESPACE, "", namespace) is not None
    if not is_there and not (only_check and wish.brings(namespace)):
        raise Refused(f'namespaces "{namespace}" not found', is_final=False)
    return target.kind


def prune(objects: Objects, resource: Resource, wish: Wish) -> Raw:
    """Deletes what Git no longer has, if that is wished for; its entry in the result."""
    live = resource.live
    assert live is not None and resource.kind is not None, "only what there is can be pruned"
    entry = {
        **{name: resource.to_raw().get(name, "") for name in _NAMES},
        "syncPhase": "Sync",
        "hookPhase": "Succeeded",
    }
    if own_options(live) & {"Prune=false", "Prune=confirm"}:
        return {**entry, "status": "PruneSkipped", "message": "ignored (no prune)"}
    if not wish.prune:
        return {**entry, "status": "PruneSkipped", "message": "ignored (requires pruning)"}
    delete(objects, resource.kind, live)
    return {**entry, "status": "Pruned", "message": "pruned"}


_NAMES = ("group", "version", "kind", "namespace", "name")


def own_options(body: Raw) -> frozenset[str]:
    """An object's own sync options."""
    text = (body["metadata"].get("annotations") or {}).get(_OPTIONS) or ""
    return frozenset(one.strip() for one in str(text).split(",") if one.strip())


def _replace(
    objects: Objects, kind: Kind, target: Target, live: Raw, wish: Wish, *, name: str, only_check: bool
) -> str:
    """Puts the manifest in the place of the object, whatever that had besides; with Force, even as a new object."""
    try:
        (objects.updated if only_check else objects.update)(kind, target.body)
    except Invalid:
        if "Force=true" not in own_options(target.body) | wish.options:
            raise
        if only_check:
            return f"{name} replaced"
        delete(objects, kind, live)
        objects.create(kind, target.body)
    return f"{name} replaced"
