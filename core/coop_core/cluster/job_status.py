"""A Job's status: counts, times and conditions, with Kubernetes' own words. Pure. `jobs` decides what happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.clock import rfc3339
from coop_core.cluster.rollout import condition as condition_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coop_core.cluster.kinds import Raw

Outcome = tuple[str, str, str]
"""How a Job ends: the type of its last condition (Complete or Failed), the reason and the message."""

_FORERUNNERS = {"Complete": "SuccessCriteriaMet", "Failed": "FailureTarget"}
"""Said as soon as the outcome is certain; the last condition follows when no pod is left."""


def condition(state: Raw, type_: str) -> Raw | None:
    """A condition of a status, if it holds."""
    found = condition_of({"status": state}, type_)
    return found if found and found.get("status") == "True" else None


def is_finished(job: Raw) -> bool:
    return finished_as(job) is not None


def finished_as(job: Raw) -> str | None:
    """Complete, Failed, or None while it is neither."""
    state = job.get("status") or {}
    return next((one for one in _FORERUNNERS if condition(state, one)), None)


def status_of(job: Raw, noted: Raw, *, active: Sequence[Raw], terminating: Sequence[Raw], now_s: float) -> Raw:
    """The status while the Job goes on; equal to the present one when nothing happened.

    noted: what `job_counting` says of the pods that have ended.
    """
    before, is_suspended = job.get("status") or {}, bool(job["spec"].get("suspend"))
    counts = {
        "active": len(active),
        "failed": noted["failed"],
        "succeeded": noted["succeeded"],
        "completedIndexes": noted.get("completedIndexes"),
    }
    state = {
        **{name: value for name, value in counts.items() if value},
        "ready": 0 if is_suspended else sum(_is_ready(pod) for pod in active),
        "terminating": len(terminating),
        "uncountedTerminatedPods": noted["uncountedTerminatedPods"],
        # Empty, it says that none has failed.
        **({"failedIndexes": noted["failedIndexes"]} if "failedIndexes" in noted else {}),
    }
    conditions = _suspension(before.get("conditions") or [], is_suspended=is_suspended, now_s=now_s)
    if conditions:
        state["conditions"] = conditions
    if not is_suspended:
        state["startTime"] = before.get("startTime") or rfc3339(now_s)
    return state


def outcome(state: Raw, how: Outcome, *, is_over: bool, now_s: float) -> Raw:
    """`state` with what is certain of the end: all of it once every pod has gone and is counted."""
    type_, reason, message = how
    conditions = list(state.get("conditions") or [])
    if not condition(state, _FORERUNNERS[type_]):
        conditions.append(_condition(_FORERUNNERS[type_], "True", reason, message, now_s))
    is_counted = not any(state["uncountedTerminatedPods"].values())
    if is_over and is_counted:
        conditions.append(_condition(type_, "True", reason, message, now_s))
        if type_ == "Complete":
            state = {**state, "completionTime": rfc3339(now_s)}
    return {**state, "conditions": conditions}


def _is_ready(pod: Raw) -> bool:
    return condition(pod.get("status") or {}, "Ready") is not None


def _suspension(conditions: list[Raw], *, is_suspended: bool, now_s: float) -> list[Raw]:
    """Says that a Job is suspended, and that it no longer is; nothing of one that never was."""
    before = next((one for one in conditions if one.get("type") == "Suspended"), None)
    was_suspended = before is not None and before.get("status") == "True"
    if was_suspended == is_suspended:
        return conditions
    others = [one for one in conditions if one is not before]
    if is_suspended:
        return [*others, _condition("Suspended", "True", "JobSuspended", "Job suspended", now_s)]
    return [*others, _condition("Suspended", "False", "JobResumed", "Job resumed", now_s)]


def _condition(type_: str, status: str, reason: str, message: str, now_s: float) -> Raw:
    now = rfc3339(now_s)
    times = {"lastProbeTime": now, "lastTransitionTime": now}
    return {"type": type_, "status": status, **times, "reason": reason, "message": message}
