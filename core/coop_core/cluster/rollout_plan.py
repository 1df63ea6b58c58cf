"""How a Deployment rolls out: which ReplicaSets to make, scale or drop next, decided from what is there now.

Pure. One call is one step; the controller carries it out and asks again when a ReplicaSet changes, so a rollout
goes on from wherever it stands. The rules are those of Kubernetes' own deployment controller; what the status
says of it is in `rollout_status`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.cluster.replica_sets import (
    DESIRED_REPLICAS,
    Bounds,
    age_order,
    annotations_for,
    made,
    replicas,
    revision_of,
    sizes,
    without_hash,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coop_core.cluster.kinds import Raw


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


def plan(deployment: Raw, replica_sets: Sequence[Raw]) -> Plan:
    """The next step. replica_sets: all that this Deployment owns."""
    ordered = sorted(replica_sets, key=age_order)
    current = find_current(deployment, ordered)
    old = [one for one in ordered if one is not current]
    if deployment["spec"].get("paused"):
        return Plan(tuple(_rescaled(deployment, current, old)), current, None)
    revision = str(max((revision_of(one) for one in old), default=0) + 1)
    if current is not None and revision_of(current) > int(revision):
        revision = str(revision_of(current))
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


def find_current(deployment: Raw, replica_sets: Sequence[Raw]) -> Raw | None:
    """The oldest ReplicaSet of the Deployment's template, so that a rollback finds the one it had."""
    wished = deployment["spec"]["template"]
    for one in replica_sets:
        if without_hash(one["spec"]["template"]) == without_hash(wished):
            return one
    return None


def is_complete(deployment: Raw, replica_sets: Sequence[Raw], current: Raw) -> bool:
    """Whether every pod there is runs the present template and is available."""
    wished = replicas(deployment)
    total = sum(_status(one, "replicas") for one in replica_sets)
    return _status(current, "replicas") == wished == total and _status(current, "availableReplicas") == wished


def _roll(deployment: Raw, current: Raw | None, old: list[Raw], revision: str) -> list[Action]:
    wished = replicas(deployment)
    bounds = Bounds.of(deployment)
    total = sum(replicas(one) for one in old)
    if current is None:
        size = max(0, min(wished, wished + bounds.surge - total))
        return [Create(made(deployment, size, revision))]
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
        return [Create(made(deployment, replicas(deployment), revision))]
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
    return Scale(replica_set, size, {**before, **sizes(deployment)})


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
        newest = current if current is not None else max(old, key=revision_of, default=None)
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
    return sizes(deployment).items() <= (replica_set["metadata"].get("annotations") or {}).items()


def _beyond_history(deployment: Raw, old: list[Raw]) -> list[Action]:
    limit = deployment["spec"].get("revisionHistoryLimit")
    empty = [
        one
        for one in sorted(old, key=revision_of)
        if not replicas(one) and not _status(one, "replicas") and "deletionTimestamp" not in one["metadata"]
    ]
    return [Drop(one) for one in empty[: max(0, len(empty) - (10 if limit is None else limit))]]


def _status(body: Raw, field: str) -> int:
    return int((body.get("status") or {}).get(field) or 0)
