"""Applying and pruning one object of an application."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coop_core.cluster import drift, kinds
from coop_core.local.controllers.applications import options, server_side
from coop_core.local.controllers.deleting import delete
from coop_core.local.fields import unknown_fields
from coop_core.local.objects import Invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.local.controllers.applications.comparing import Resource
    from coop_core.local.controllers.applications.manifests import Identity, Target
    from coop_core.local.objects import Objects

_SHOWN_FIELDS = 10


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
    is_approved: bool = False
    """Whether somebody has approved of pruning what asks for that."""

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
    group = f".{kind.group}" if kind.group else ""
    name = f"{kind.singular}{group}/{target.identity[3]}"
    own = options.own(target.body)
    is_server_side = options.is_server_side(own, wish.options)
    if live is None:
        body = server_side.applied(objects, kind, target.given, None) if is_server_side else target.body
        (objects.admitted if only_check else objects.create)(kind, body)
        return f"{name} {'serverside-applied' if is_server_side else 'created'}"
    if "deletionTimestamp" in live["metadata"]:
        raise Refused(f"{name} is being deleted", is_final=False)
    owner = drift.application_of(kind, live)
    if owner not in (None, drift.application_of(kind, target.body)) and "FailOnSharedResource=true" in wish.options:
        raise Refused(f"{name} is part of application {owner}", is_final=True)
    if resource.is_synced and not is_server_side:
        return f"{name} unchanged"
    body, given = target.body, target.given
    if "RespectIgnoreDifferences=true" in wish.options:
        body, given = (resource.ignored.keeping(objects, kind, one, live) for one in (body, given))
    if "Replace=true" in own | wish.options:
        done = "replaced"
    elif is_server_side:
        migrates = "ClientSideApplyMigration=false" not in own | wish.options
        body, done = server_side.applied(objects, kind, given, live, migrates=migrates), "serverside-applied"
    else:
        body, done = drift.merged(body, live), "configured"
    _put(objects, kind, body, live, is_forced="Force=true" in own | wish.options, only_check=only_check)
    return f"{name} {done}"


def _put(objects: Objects, kind: Kind, body: Raw, live: Raw, *, is_forced: bool, only_check: bool) -> None:
    """Writes an object. is_forced: as a new one, where the one that is there may not change so."""
    metadata = {name: one for name, one in body["metadata"].items() if name != "resourceVersion"}
    body = {**body, "metadata": metadata}
    try:
        (objects.updated if only_check else objects.update)(kind, body)
    except Invalid:
        if not is_forced:
            raise
        if not only_check:
            delete(objects, kind, live)
            objects.create(kind, body)


def permitted(objects: Objects, target: Target, wish: Wish, *, only_check: bool) -> Kind:
    """The kind of a target that may be applied. Raises Refused."""
    if target.refused or target.kind is None:
        raise Refused(target.refused, is_final=True)
    if "Validate=false" not in options.own(target.body) | wish.options:
        _refuse_unknown(objects, target, target.kind)
    if target.identity in wish.forbidden:
        raise Refused(wish.forbidden[target.identity], is_final=True)
    namespace = target.identity[2]
    is_there = not namespace or objects.find(kinds.NAMESPACE, "", namespace) is not None
    if not is_there and not (only_check and wish.brings(namespace)):
        raise Refused(f'namespaces "{namespace}" not found', is_final=False)
    return target.kind


def _refuse_unknown(objects: Objects, target: Target, kind: Kind) -> None:
    """A field that nobody knows is a mistake in the manifest; on a cluster it would be lost."""
    unknown = unknown_fields(kind, objects.catalog.custom(kind), target.given)
    if unknown:
        listed = ", ".join(f'unknown field "{path}"' for path in unknown[:_SHOWN_FIELDS])
        what = f'{kind.name} in version "{kind.version}" cannot be handled as a {kind.name}'
        raise Refused(f"{what}: strict decoding error: {listed}", is_final=True)


def prune(objects: Objects, resource: Resource, wish: Wish) -> Raw:
    """Deletes what Git no longer has, if that is wished for; its entry in the result."""
    live = resource.live
    assert live is not None and resource.kind is not None, "only what there is can be pruned"
    entry = {
        **{name: resource.to_raw().get(name, "") for name in _NAMES},
        "syncPhase": "Sync",
        "hookPhase": "Succeeded",
    }
    if not wish.prune:
        return {**entry, "status": "PruneSkipped", "message": "ignored (requires pruning)"}
    if "Prune=false" in options.own(live):
        return {**entry, "status": "PruneSkipped", "message": "ignored (no prune)"}
    delete(objects, resource.kind, live)
    return {**entry, "status": "Pruned", "message": "pruned"}


_NAMES = ("group", "version", "kind", "namespace", "name")
