"""How a Deployment rolls out: which ReplicaSets to make, scale or drop next, decided from what is there now.

Pure. One call is one step; the controller carries it out and asks again when a ReplicaSet changes, so a rollout
goes on from wherever it stands. The rules are those of Kubernetes' own deployment controller; what the status
says of it is in `rollout_status`.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.cluster.labels import POD_TEMPLATE_HASH, REVISION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coop_core.cluster.kinds import Raw

DESIRED_REPLICAS = "deployment.kubernetes.io/desired-replicas"
MAX_REPLICAS = "deployment.kubernetes.io/max-replicas"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

_SAFE = "bcdfghjklmnpqrstvwxz2456789"
"""Kubernetes' alphabet for generated names: no vowels, so no words."""


@dataclass(frozen=True, slots=True)
class Create:
    """Make this ReplicaSet."""

    replica_set: Raw


@dataclass(frozen=True, slots=True)
class Scale:
    """Set a ReplicaSet's size, and its annotations with it."""

    replica_set: Raw
    replicas: int
    annotations: dict[str, str]


@dataclass(frozen=True, slots=True)
class Drop:
    """Delete a ReplicaSet that is beyond the revision history limit."""

    replica_set: Raw


Action = Create | Scale | Drop


@dataclass(frozen=True, slots=True)
class Plan:
    """One step. `current` is the ReplicaSet of the present template; None until it is made."""

    actions: tuple[Action, ...]
    current: Raw | None
    revision: str | None
    """What the Deployment's revision annotation should say; None leaves it alone."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a rollout may stray from the wished number of pods."""

    surge: int
    unavailable: int

    @classmethod
    def of(cls, deployment: Raw) -> Bounds:
        """Percentages round up for surge and down for unavailable; both zero would stall, so then one may go."""
        spec = deployment["spec"]
        strategy = spec.get("strategy") or {}
        if strategy.get("type") == "Recreate":
            return cls(0, 0)
        rolling = strategy.get("rollingUpdate") or {}
        wished = replicas(deployment)
        surge = _share(rolling.get("maxSurge", "25%"), wished, up=True)
        unavailable = _share(rolling.get("maxUnavailable", "25%"), wished, up=False)
        if not surge and not unavailable:
            unavailable = 1
        return cls(surge, min(unavailable, wished))


def plan(deployment: Raw, replica_sets: Sequence[Raw]) -> Plan:
    """The next step. replica_sets: all that this Deployment owns."""
    ordered = sorted(replica_sets, key=age_order)
    current = find_current(deployment, ordered)
    old = [one for one in ordered if one is not current]
    if deployment["spec"].get("paused"):
        return Plan(tuple(_rescaled(deployment, current, old)), current, None)
    revision = str(max((_revision(one) for one in old), default=0) + 1)
    if current is not None and _revision(current) > int(revision):
        revision = str(_revision(current))
    if current is not None and _was_resized(deployment, [current, *old]):
        actions = _rescaled(deployment, current, old)
        if actions:
            return Plan(tuple(actions), current, revision)
    recreate = (deployment["spec"].get("strategy") or {}).get("type") == "Recreate"
    step = _recreate if recreate else _roll
    actions = step(deployment, current, old, revision)
    if not actions and current is not None and is_complete(deployment, ordered, current):
        actions = _beyond_history(deployment, old)
    return Plan(tuple(actions), current, revision)


def replicas(body: Raw) -> int:
    """The wished number of pods of a Deployment or ReplicaSet."""
    wished = body["spec"].get("replicas")
    return 1 if wished is None else int(wished)


def find_current(deployment: Raw, replica_sets: Sequence[Raw]) -> Raw | None:
    """The oldest ReplicaSet of the Deployment's template, so that a rollback finds the one it had."""
    wished = deployment["spec"]["template"]
    for one in replica_sets:
        if _without_hash(one["spec"]["template"]) == _without_hash(wished):
            return one
    return None


def is_complete(deployment: Raw, replica_sets: Sequence[Raw], current: Raw) -> bool:
    """Whether every pod there is runs the present template and is available."""
    wished = replicas(deployment)
    total = sum(_status(one, "replicas") for one in replica_sets)
    return _status(current, "replicas") == wished == total and _status(current, "availableReplicas") == wished


def template_hash(template: Raw, collisions: int = 0) -> str:
    """Ten safe characters that depend on the template's content alone."""
    text = json.dumps(_without_hash(template), sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(f"{text}{collisions or ''}".encode()).digest()
    return "".join(_SAFE[byte % len(_SAFE)] for byte in digest[:10])


def annotations_for(deployment: Raw, revision: str, before: dict[str, str] | None = None) -> dict[str, str]:
    """A ReplicaSet's annotations: the Deployment's own (no tool's, no controller's) and the bookkeeping."""
    kept = dict(before or {})
    for name, value in (deployment["metadata"].get("annotations") or {}).items():
        if name != LAST_APPLIED and not name.startswith("deployment.kubernetes.io/"):
            kept[name] = value
    earlier = kept.get(REVISION)
    if earlier and earlier != revision:
        kept[REVISION_HISTORY] = ",".join(filter(None, (kept.get(REVISION_HISTORY), earlier)))
    kept[REVISION] = revision
    return kept | _sizes(deployment)


def _sizes(deployment: Raw) -> dict[str, str]:
    wished = replicas(deployment)
    return {DESIRED_REPLICAS: str(wished), MAX_REPLICAS: str(wished + Bounds.of(deployment).surge)}


def _roll(deployment: Raw, current: Raw | None, old: list[Raw], revision: str) -> list[Action]:
    wished = replicas(deployment)
    bounds = Bounds.of(deployment)
    total = sum(replicas(one) for one in old)
    if current is None:
        size = max(0, min(wished, wished + bounds.surge - total))
        return [Create(_new(deployment, size, revision))]
    have = replicas(current)
    if have > wished:
        target = wished
    else:
        room = wished + bounds.surge - total - have
        target = have + max(0, min(room, wished - have))
    actions = _settled(deployment, current, target, revision)
    return actions or _shrink_old(deployment, current, old)


def _shrink_old(deployment: Raw, current: Raw, old: list[Raw]) -> list[Action]:
    """Takes old pods away: first those that never became available, then as many as the new ones make up for."""
    least = replicas(deployment) - Bounds.of(deployment).unavailable
    total = replicas(current) + sum(replicas(one) for one in old)
    lacking = replicas(current) - _status(current, "availableReplicas")
    spare = total - least - lacking
    if spare <= 0:
        return []
    target = {one["metadata"]["name"]: replicas(one) for one in old}
    for one in old:
        broken = max(0, replicas(one) - _status(one, "availableReplicas"))
        cut = min(spare, broken)
        target[one["metadata"]["name"]] -= cut
        spare -= cut
    available = sum(_status(one, "availableReplicas") for one in [current, *old])
    surplus = min(spare, available - least)
    for one in old:
        cut = max(0, min(surplus, target[one["metadata"]["name"]]))
        target[one["metadata"]["name"]] -= cut
        surplus -= cut
    return [
        _scale(deployment, one, target[one["metadata"]["name"]])
        for one in old
        if target[one["metadata"]["name"]] != replicas(one)
    ]


def _recreate(deployment: Raw, current: Raw | None, old: list[Raw], revision: str) -> list[Action]:
    """All old pods go, then, when the last of them has gone, the new ones come."""
    running = [one for one in old if replicas(one)]
    if running:
        return [_scale(deployment, one, 0) for one in running]
    if any(_status(one, "replicas") or _status(one, "terminatingReplicas") for one in old):
        return []
    if current is None:
        return [Create(_new(deployment, replicas(deployment), revision))]
    return _settled(deployment, current, replicas(deployment), revision)


def _settled(deployment: Raw, current: Raw, target: int, revision: str) -> list[Action]:
    """Brings the present ReplicaSet's size and annotations where they belong."""
    before = current["metadata"].get("annotations") or {}
    annotations = annotations_for(deployment, revision, before)
    if target == replicas(current) and annotations == before:
        return []
    return [Scale(current, target, annotations)]


def _scale(deployment: Raw, replica_set: Raw, size: int) -> Scale:
    before = replica_set["metadata"].get("annotations") or {}
    return Scale(replica_set, size, {**before, **_sizes(deployment)})


def _was_resized(deployment: Raw, replica_sets: Sequence[Raw]) -> bool:
    wished = str(replicas(deployment))
    return any(
        (one["metadata"].get("annotations") or {}).get(DESIRED_REPLICAS, wished) != wished
        for one in replica_sets
        if replicas(one)
    )


def _rescaled(deployment: Raw, current: Raw | None, old: list[Raw]) -> list[Action]:
    """A change of size alone: one active ReplicaSet takes it all, several share it by their present sizes."""
    every = ([current] if current is not None else []) + old
    active = [one for one in every if replicas(one)]
    wished = replicas(deployment)
    if len(active) <= 1:
        newest = current if current is not None else max(old, key=_revision, default=None)
        only = active[0] if active else newest
        return [] if only is None or replicas(only) == wished else [_scale(deployment, only, wished)]
    allowed = wished + Bounds.of(deployment).surge if wished else 0
    # The largest first, so that what rounding leaves over goes where it changes least.
    active.sort(key=lambda one: (-replicas(one), age_order(one)))
    sizes = _shared(active, allowed, sum(replicas(one) for one in active))
    return [
        _scale(deployment, one, size)
        for one, size in zip(active, sizes, strict=True)
        if size != replicas(one) or not _has_sizes(deployment, one)
    ]


def _shared(active: list[Raw], allowed: int, total: int) -> list[int]:
    sizes = [replicas(one) * allowed // total for one in active]
    sizes[0] += allowed - sum(sizes)
    return sizes


def _has_sizes(deployment: Raw, replica_set: Raw) -> bool:
    return _sizes(deployment).items() <= (replica_set["metadata"].get("annotations") or {}).items()


def _beyond_history(deployment: Raw, old: list[Raw]) -> list[Action]:
    limit = deployment["spec"].get("revisionHistoryLimit")
    empty = [
        one
        for one in sorted(old, key=_revision)
        if not replicas(one) and not _status(one, "replicas") and "deletionTimestamp" not in one["metadata"]
    ]
    return [Drop(one) for one in empty[: max(0, len(empty) - (10 if limit is None else limit))]]


def _new(deployment: Raw, size: int, revision: str) -> Raw:
    metadata, spec = deployment["metadata"], deployment["spec"]
    collisions = (deployment.get("status") or {}).get("collisionCount") or 0
    digest = template_hash(spec["template"], collisions)
    template = spec["template"]
    labels = {**((template.get("metadata") or {}).get("labels") or {}), POD_TEMPLATE_HASH: digest}
    selector = spec["selector"]
    return {
        "metadata": {
            "name": f"{metadata['name']}-{digest}",
            "namespace": metadata["namespace"],
            "labels": labels,
            "annotations": annotations_for(deployment, revision),
            "ownerReferences": [owner_reference(deployment)],
        },
        "spec": {
            "replicas": size,
            **({"minReadySeconds": spec["minReadySeconds"]} if spec.get("minReadySeconds") else {}),
            "selector": {
                **selector,
                "matchLabels": {**(selector.get("matchLabels") or {}), POD_TEMPLATE_HASH: digest},
            },
            "template": {**template, "metadata": {**(template.get("metadata") or {}), "labels": labels}},
        },
    }


def owner_reference(owner: Raw) -> Raw:
    """What makes an object belong to `owner` and go with it."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _without_hash(template: Raw) -> Raw:
    metadata = template.get("metadata") or {}
    labels = {name: value for name, value in (metadata.get("labels") or {}).items() if name != POD_TEMPLATE_HASH}
    return {**template, "metadata": {**metadata, "labels": labels}}


def _share(value: int | str, whole: int, *, up: bool) -> int:
    """An absolute number, or a percentage of `whole`."""
    if isinstance(value, int):
        return value
    portion = whole * float(value.rstrip("%")) / 100
    return math.ceil(portion) if up else math.floor(portion)


def _status(body: Raw, field: str) -> int:
    return int((body.get("status") or {}).get(field) or 0)


def _revision(replica_set: Raw) -> int:
    text = (replica_set["metadata"].get("annotations") or {}).get(REVISION, "0")
    return int(text) if text.isdigit() else 0


def age_order(body: Raw) -> tuple[str, int]:
    """Oldest first; two of one second in the order of their revision."""
    return body["metadata"].get("creationTimestamp", ""), _revision(body)
