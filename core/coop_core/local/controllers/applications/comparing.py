"""What Git wants beside what there is: per object, and together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.cluster import drift, health, kinds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.local.controllers.applications.manifests import Target, Targets
    from coop_core.local.objects import Objects

_DERIVED = (kinds.EVENT, kinds.ENDPOINTS, kinds.ENDPOINT_SLICE, kinds.REPLICA_SET)
TRACKED = tuple(kind for kind in kinds.ALL if kind not in _DERIVED)
"""Kinds whose objects are looked at for a tracking id; the others are made by controllers, or made of such."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One object of an application. `target` None: only live, to be pruned. `live` None: missing."""

    target: Target | None
    live: Raw | None
    kind: Kind | None
    is_synced: bool

    def to_raw(self) -> Raw:
        """Its entry in status.resources."""
        if self.target is not None:
            group, kind, namespace, name = self.target.identity
            version = self.target.version
        else:
            assert self.kind is not None and self.live is not None, "what is not in Git was found in the store"
            metadata = self.live["metadata"]
            group, kind, version = self.kind.group, self.kind.name, self.kind.version
            namespace, name = metadata.get("namespace", ""), metadata["name"]
        entry = {
            "version": version,
            "kind": kind,
            "name": name,
            "status": "Synced" if self.is_synced else "OutOfSync",
        }
        if group:
            entry["group"] = group
        if namespace:
            entry["namespace"] = namespace
        return {**entry, **({"requiresPruning": True} if self.target is None else {})}


@dataclass(frozen=True, slots=True)
class Comparison:
    """All objects of an application, those to be pruned last."""

    resources: tuple[Resource, ...]

    @property
    def is_synced(self) -> bool:
        return all(resource.is_synced for resource in self.resources)

    @property
    def health(self) -> health.Health:
        return health.application(
            (one.live, True) for one in self.resources if one.target is not None
        )  # what is to be pruned does not count


def compare(objects: Objects, application: str, targets: Targets) -> Comparison:
    """Reads the store; changes nothing."""
    found = [_beside(objects, target) for target in targets.items]
    wanted = targets.identities
    for kind, live in tracked(objects, application):
        metadata = live["metadata"]
        if (kind.group, kind.name, metadata.get("namespace", ""), metadata["name"]) not in wanted:
            found.append(Resource(None, live, kind, is_synced=False))
    return Comparison(tuple(found))


def tracked(objects: Objects, application: str) -> Iterator[tuple[Kind, Raw]]:
    """Live objects that belong to the application, dependants first."""
    for kind in reversed(TRACKED):
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


def _beside(objects: Objects, target: Target) -> Resource:
    if target.kind is None:
        return Resource(target, None, None, is_synced=False)
    live = objects.find(target.kind, target.identity[2], target.identity[3])
    is_synced = live is not None and not target.refused and not drift.differs(target.body, live)
    return Resource(target, live, target.kind, is_synced)


def _owners(body: Raw) -> set[str]:
    return {owner["uid"] for owner in body["metadata"].get("ownerReferences") or []}
