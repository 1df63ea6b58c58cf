"""What a Deployment's status says of its rollout: counts and conditions, with Kubernetes' own reasons and times.

Pure. `rollout_plan` decides what to do; this tells how far it came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from coop_core.clock import parse_rfc3339, rfc3339
from coop_core.cluster.replica_sets import Bounds, replicas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coop_core.cluster.kinds import Raw

ConditionStatus = Literal["True", "False", "Unknown"]
NO_DEADLINE = 2**31 - 1


def status(deployment: Raw, replica_sets: Sequence[Raw], current: Raw | None, now_s: float) -> Raw:
    """The status to write; equal to the present one when nothing happened.

    current: the ReplicaSet of the present template, None while there is none.
    """
    before = deployment.get("status") or {}
    conditions = {one["type"]: one for one in before.get("conditions") or []}
    after = _counts(deployment, replica_sets, current)
    _note_availability(deployment, after, conditions, now_s)
    _note_progress(deployment, before, after, conditions, current, now_s)
    _note_failure(conditions, current)
    if conditions:
        after["conditions"] = list(conditions.values())
    return after


def overdue_in_s(deployment: Raw, now_s: float) -> float | None:
    """After how many seconds an unfinished rollout misses its deadline; None when no clock runs."""
    deadline_s = deployment["spec"].get("progressDeadlineSeconds")
    progressing = condition(deployment, "Progressing")
    if deadline_s is None or deadline_s == NO_DEADLINE or progressing is None or deployment["spec"].get("paused"):
        return None
    if progressing["status"] == "False" or progressing.get("reason") == "NewReplicaSetAvailable":
        return None
    since_s = parse_rfc3339(progressing.get("lastUpdateTime", "")) or now_s
    return max(0.0, since_s + float(deadline_s) - now_s) + 0.01


def condition(body: Raw, type_: str) -> Raw | None:
    """One condition of an object's status."""
    found: list[Raw] = (body.get("status") or {}).get("conditions") or []
    return next((one for one in found if one.get("type") == type_), None)


def set_condition(
    conditions: dict[str, Raw],
    type_: str,
    status_: ConditionStatus,
    *,
    reason: str,
    message: str,
    now_s: float,
    touch: bool = False,
) -> None:
    """Sets a condition; the transition time moves with the status only, the update time with the reason too.

    touch: move the update time although neither changed.
    """
    before = conditions.get(type_)
    if before and before["status"] == status_ and before.get("reason") == reason and not touch:
        return
    now = rfc3339(now_s)
    moved = before is None or before["status"] != status_
    conditions[type_] = {
        "type": type_,
        "status": status_,
        "lastUpdateTime": now,
        "lastTransitionTime": now if moved or before is None else before["lastTransitionTime"],
        "reason": reason,
        "message": message,
    }


def _counts(deployment: Raw, replica_sets: Sequence[Raw], current: Raw | None) -> Raw:
    def total(field: str) -> int:
        return sum(int((one.get("status") or {}).get(field) or 0) for one in replica_sets)

    available = total("availableReplicas")
    counts = {
        "replicas": total("replicas"),
        "updatedReplicas": int(((current or {}).get("status") or {}).get("replicas") or 0),
        "readyReplicas": total("readyReplicas"),
        "availableReplicas": available,
        "terminatingReplicas": total("terminatingReplicas"),
        "unavailableReplicas": max(0, sum(replicas(one) for one in replica_sets) - available),
    }
    collisions = (deployment.get("status") or {}).get("collisionCount")
    return {
        "observedGeneration": deployment["metadata"]["generation"],
        **{name: count for name, count in counts.items() if count},
        **({"collisionCount": collisions} if collisions else {}),
    }


def _note_availability(deployment: Raw, after: Raw, conditions: dict[str, Raw], now_s: float) -> None:
    least = replicas(deployment) - Bounds.of(deployment).unavailable
    if after.get("availableReplicas", 0) >= least:
        set_condition(
            conditions, "Available", "True", reason="MinimumReplicasAvailable",
            message="Deployment has minimum availability.", now_s=now_s,
        )  # fmt: skip
    else:
        set_condition(
            conditions, "Available", "False", reason="MinimumReplicasUnavailable",
            message="Deployment does not have minimum availability.", now_s=now_s,
        )  # fmt: skip


def _note_progress(
    deployment: Raw, before: Raw, after: Raw, conditions: dict[str, Raw], current: Raw | None, now_s: float
) -> None:
    deadline_s = deployment["spec"].get("progressDeadlineSeconds")
    if deadline_s is None or deadline_s == NO_DEADLINE:
        conditions.pop("Progressing", None)
        return
    if _note_pause(deployment, conditions, now_s):
        return
    seen = conditions.get("Progressing")
    name = current["metadata"]["name"] if current else deployment["metadata"]["name"]

    def note(status_: ConditionStatus, reason: str, message: str, *, touch: bool = False) -> None:
        set_condition(
            conditions, "Progressing", status_, reason=reason, message=message, now_s=now_s, touch=touch
        )  # fmt: skip

    if current is None and seen and seen["status"] == "False" and _is_unobserved(deployment, before):
        note("True", "ReplicaSetUpdated", f'Deployment "{name}" is progressing.')
    elif current is not None and _is_new_rollout(deployment, before, current, seen):
        if current["metadata"].get("creationTimestamp") and not (current.get("status") or {}):
            note("True", "NewReplicaSetCreated", f'Created new replica set "{name}"', touch=True)
        else:
            note("True", "FoundNewReplicaSet", f'Found new replica set "{name}"', touch=True)
    elif _is_complete(deployment, after):
        note("True", "NewReplicaSetAvailable", f'ReplicaSet "{name}" has successfully progressed.')
    elif seen and seen.get("reason") == "NewReplicaSetAvailable" and _is_settled(after):
        return
    elif _has_progressed(before, after):
        note("True", "ReplicaSetUpdated", f'ReplicaSet "{name}" is progressing.', touch=True)
    elif _is_overdue(seen, deadline_s, now_s):
        note("False", "ProgressDeadlineExceeded", f'ReplicaSet "{name}" has timed out progressing.')


def _note_pause(deployment: Raw, conditions: dict[str, Raw], now_s: float) -> bool:
    """Pausing stops the deadline's clock; resuming starts it anew."""
    seen = (conditions.get("Progressing") or {}).get("reason")
    if deployment["spec"].get("paused"):
        if seen != "ProgressDeadlineExceeded":
            set_condition(
                conditions, "Progressing", "Unknown", reason="DeploymentPaused", message="Deployment is paused",
                now_s=now_s,
            )  # fmt: skip
        return True
    if seen == "DeploymentPaused":
        set_condition(
            conditions, "Progressing", "Unknown", reason="DeploymentResumed", message="Deployment is resumed",
            now_s=now_s,
        )  # fmt: skip
        return True
    return False


def _is_new_rollout(deployment: Raw, before: Raw, current: Raw, seen: Raw | None) -> bool:
    """Whether the present template's ReplicaSet is told of for the first time.

    The condition's message names the ReplicaSet it speaks of, which is all the memory that is needed.
    """
    if seen is None:
        return True
    named = f'"{current["metadata"]["name"]}"' in seen.get("message", "")
    return _is_unobserved(deployment, before) and not named


def _is_unobserved(deployment: Raw, before: Raw) -> bool:
    return bool(before.get("observedGeneration", 0) < deployment["metadata"]["generation"])


def _is_complete(deployment: Raw, after: Raw) -> bool:
    wished = replicas(deployment)
    fields = ("updatedReplicas", "replicas", "availableReplicas")
    return all(after.get(field, 0) == wished for field in fields)


def _is_settled(after: Raw) -> bool:
    """No pod of another template is left: a pod lost after the rollout is not a new rollout."""
    return bool(after.get("replicas", 0) == after.get("updatedReplicas", 0))


def _has_progressed(before: Raw, after: Raw) -> bool:
    def old_pods(status_: Raw) -> int:
        return int(status_.get("replicas", 0)) - int(status_.get("updatedReplicas", 0))

    grown = any(
        after.get(field, 0) > before.get(field, 0)
        for field in ("updatedReplicas", "readyReplicas", "availableReplicas")
    )
    return grown or old_pods(after) < old_pods(before)


def _is_overdue(seen: Raw | None, deadline_s: float, now_s: float) -> bool:
    if seen is None or seen.get("reason") == "NewReplicaSetAvailable":
        return False
    if seen.get("reason") == "ProgressDeadlineExceeded":
        return True
    since_s = parse_rfc3339(seen.get("lastUpdateTime", ""))
    return since_s is not None and since_s + deadline_s < now_s


def _note_failure(conditions: dict[str, Raw], current: Raw | None) -> None:
    failure = condition(current, "ReplicaFailure") if current else None
    if failure:
        conditions["ReplicaFailure"] = {**failure, "lastUpdateTime": failure.get("lastTransitionTime")}
    else:
        conditions.pop("ReplicaFailure", None)
