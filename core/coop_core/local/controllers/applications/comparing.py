"""What Git wants beside what there is: per object, and together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.cluster import drift, health, kinds
from coop_core.local.controllers.applications import hooks, ignoring, options, server_side
from coop_core.local.controllers.applications.deciding import sync_options
from coop_core.local.controllers.applications.ignoring import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.local.controllers.applications.ignoring import Ignored
    from coop_core.local.controllers.applications.manifests import Identity, Target, Targets
    from coop_core.local.objects import Objects

DERIVED = frozenset({kinds.EVENT, kinds.ENDPOINTS, kinds.ENDPOINT_SLICE, kinds.REPLICA_SET})
"""Kinds whose objects controllers make, or make of others: they are not looked at for a tracking id."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One object of an application. `target` None: only live, to be pruned. `live` None: missing."""

    target: Target | None
    live: Raw | None
    kind: Kind | None
    is_synced: bool
    ignored: Ignored = NOTHING

    @property
    def identity(self) -> Identity:
        if self.target is not None:
            return self.target.identity
        assert self.kind is not None and self.live is not None, "what is not in Git was found in the store"
        return identity_of(self.kind, self.live)

    def to_raw(self) -> Raw:
        """Its entry in status.resources; a hook's has no sync status, for nobody keeps it in sync."""
        group, kind, namespace, name = self.identity
        version = self.target.version if self.target else self.kind.version if self.kind else ""
        entry: Raw = {"version": version, "kind": kind, "name": name}
        if self.live is not None and self.target is None and hooks.of(self.live):
            entry["hook"] = True
        else:
            entry["status"] = "Synced" if self.is_synced else "OutOfSync"
        wave = hooks.wave(self.target.body if self.target else self.live or {})
        if wave:
            entry["syncWave"] = wave
        if group:
            entry["group"] = group
        if namespace:
            entry["namespace"] = namespace
        return {**entry, **({"requiresPruning": True} if self.target is None and "hook" not in entry else {})}


@dataclass(frozen=True, slots=True)
class Comparison:
    """All objects of an application, those to be pruned last."""

    resources: tuple[Resource, ...]
    hooks: tuple[Resource, ...] = ()
    """What is left of hooks; it counts for nothing."""

    @property
    def is_synced(self) -> bool:
        return all(resource.is_synced for resource in self.resources)

    @property
    def health(self) -> health.Health:
        return health.application(
            (one.live, True) for one in self.resources if one.target is not None
        )  # what is to be pruned does not count


def compare(objects: Objects, application: Raw, targets: Targets) -> Comparison:
    """Reads the store; changes nothing."""
    found = [_beside(objects, application, target) for target in targets.items]
    left, wanted = [], targets.identities
    for kind, live in tracked(objects, application["metadata"]["name"]):
        if hooks.of(live):
            left.append(Resource(None, live, kind, is_synced=True))
        elif identity_of(kind, live) not in wanted:
            found.append(Resource(None, live, kind, is_synced=False))
    return Comparison(tuple(found), tuple(left))


def identity_of(kind: Kind, live: Raw) -> Identity:
    metadata = live["metadata"]
    return (kind.group, kind.name, metadata.get("namespace", ""), metadata["name"])


def tracked(objects: Objects, application: str) -> Iterator[tuple[Kind, Raw]]:
    """Live objects that belong to the application, dependants first."""
    for kind in reversed(objects.catalog.stored):
        if kind in DERIVED:
            continue
        for live in objects.select(kind):
            if drift.application_of(kind, live) == application:
                yield kind, live


def images(objects: Objects, comparison: Comparison) -> list[str]:
    """Images of all live pods of the application's workloads, old and new."""
    roots = {resource.live["metadata"]["uid"] for resource in comparison.resources if resource.live}
    namespaces = {
        resource.live["metadata"].get("namespace", "") for resource in comparison.resources if resource.live
    }
    found = set()
    for namespace in namespaces:
        for replica_set in objects.select(kinds.REPLICA_SET, namespace):
            if _owners(replica_set) & roots:
                roots.add(replica_set["metadata"]["uid"])
        for pod in objects.select(kinds.POD, namespace):
            if pod["metadata"]["uid"] in roots or _owners(pod) & roots:
                found |= {container.get("image", "") for container in pod["spec"].get("containers") or []}
    return sorted(found)


def external_urls(comparison: Comparison) -> list[str]:
    """Where the application's Ingresses answer."""
    return sorted(
        f"http://{rule['host']}/"
        for resource in comparison.resources
        if resource.live and resource.kind is kinds.INGRESS
        for rule in resource.live["spec"].get("rules") or []
        if rule.get("host")
    )


def _beside(objects: Objects, application: Raw, target: Target) -> Resource:
    if target.kind is None:
        return Resource(target, None, None, is_synced=False)
    live = objects.find(target.kind, target.identity[2], target.identity[3])
    if live is None or target.refused:
        return Resource(target, live, target.kind, is_synced=False)
    ignored, given = ignoring.ignored(application, target.identity), frozenset(sync_options(application))
    if options.is_server_side(options.own(target.body), given):
        migrates = "ClientSideApplyMigration=false" not in options.own(target.body) | given
        differs = server_side.differs(objects, target.kind, target.given, live, ignored, migrates=migrates)
    else:
        wanted, there = (ignored.without(objects, target.kind, one, live) for one in (target.body, live))
        differs = drift.differs(wanted, there)
    return Resource(target, live, target.kind, not differs, ignored)


def _owners(body: Raw) -> set[str]:
    return {owner["uid"] for owner in body["metadata"].get("ownerReferences") or []}
