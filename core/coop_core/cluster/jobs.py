"""How a Job runs: which pods to make, end or let go next, and what its status says. Pure.

One call is one step, decided from what is there; the controller carries it out and asks again.
Source: Kubernetes pkg/controller/job.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coop_core.clock import parse_rfc3339
from coop_core.cluster import job_failures
from coop_core.cluster.containers import ended_s
from coop_core.cluster.job_counting import noted, progress, total
from coop_core.cluster.job_ending import deadline_in_s, ending
from coop_core.cluster.job_pods import (
    Pods,
    completions,
    index_of,
    indexes_of,
    is_indexed,
    parallelism,
    replaces_ended_only,
    tracked,
)
from coop_core.cluster.job_status import condition, is_finished, outcome, status_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coop_core.cluster.kinds import Raw

JOB_NAME = "batch.kubernetes.io/job-name"
CONTROLLER_UID = "batch.kubernetes.io/controller-uid"
_AT_ONCE = 500
"""Pods that one step makes, as in Kubernetes; their own news bring the next step."""


@dataclass(frozen=True, slots=True)
class New:
    """A pod to make. index: its completion index, None for a Job without."""

    index: int | None = None
    annotations: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """What to do, in this order. again_s: when to look again although nothing changes; None for never."""

    status: Raw
    release: tuple[Raw, ...] = ()
    """Ended pods that the status has noted: take their finalizer off."""
    end: tuple[Raw, ...] = ()
    """Pods to delete; they count as failed."""
    dismiss: tuple[Raw, ...] = ()
    """Pods to take the finalizer off and delete: superfluous, so they count for nothing."""
    create: tuple[New, ...] = ()
    again_s: float | None = None


def step(job: Raw, pods: Sequence[Raw], now_s: float) -> Step:
    """The next step. pods: all that this Job controls."""
    seen = Pods.of(job, pods)
    if is_finished(job):
        return Step(job["status"], release=tracked(pods), again_s=expires_in_s(job, now_s))
    done, lost = progress(job, seen)
    kept = job_failures.kept(job, seen, done | lost)
    state, release = _state(job, pods, seen, kept, now_s)
    how = ending(job, state, seen, kept.values(), now_s)
    if how is not None:
        # Nothing takes the place of a failed pod any more: all are counted.
        state, release = _state(job, pods, seen, {}, now_s)
        state = outcome(state, how, is_over=not seen.active and not seen.terminating, now_s=now_s)
        superfluous = tuple(seen.active)
        if how[0] == "Complete":
            return Step(state, release, dismiss=superfluous)
        return Step(state, release, end=superfluous)
    if job["spec"].get("suspend"):
        return Step(state, release, dismiss=tuple(seen.active))
    if "deletionTimestamp" in job["metadata"]:
        return Step(state, release)
    dismiss, missing = _fit(job, state, seen, done | lost)
    create, wait_s = _new(job, seen, missing, kept, now_s)
    again_s = _soonest(wait_s, deadline_in_s(job, state, now_s))
    return Step(state, release, dismiss=dismiss, create=create, again_s=again_s)


def _state(
    job: Raw, pods: Sequence[Raw], seen: Pods, kept: dict[int, Raw], now_s: float
) -> tuple[Raw, tuple[Raw, ...]]:
    counted, release = noted(job, pods, seen, kept.values())
    return status_of(job, counted, active=seen.active, terminating=seen.terminating, now_s=now_s), release


def expires_in_s(job: Raw, now_s: float) -> float | None:
    """After how many seconds a finished Job is to be deleted; None when it stays."""
    kept_s = job["spec"].get("ttlSecondsAfterFinished")
    over = condition(job.get("status") or {}, "Complete") or condition(job.get("status") or {}, "Failed")
    if kept_s is None or over is None:
        return None
    ended_at_s = parse_rfc3339(over.get("lastTransitionTime") or "")
    return max(0.0, (now_s if ended_at_s is None else ended_at_s) + float(kept_s) - now_s)


# Going on


def _fit(job: Raw, state: Raw, seen: Pods, settled: set[int]) -> tuple[tuple[Raw, ...], tuple[int | None, ...]]:
    """Superfluous pods, and the missing ones by their index. settled: indexes that need no pod."""
    ending_too = len(seen.terminating) if replaces_ended_only(job) else 0
    if is_indexed(job):
        return _fit_indexed(job, seen, settled, ending_too)
    wanted, done, size = completions(job), total(state, "succeeded"), parallelism(job)
    if wanted is not None:
        size = min(size, wanted - done)
    elif done:
        size = min(size, len(seen.active))
    # The youngest go first: they have the least to lose.
    surplus = sorted(seen.active, key=lambda pod: pod["metadata"]["creationTimestamp"])[max(0, size) :]
    return tuple(surplus), (None,) * min(_AT_ONCE, max(0, size - len(seen.active) - ending_too))


def _fit_indexed(
    job: Raw, seen: Pods, settled: set[int], ending_too: int
) -> tuple[tuple[Raw, ...], tuple[int | None, ...]]:
    whole, size = completions(job) or 0, parallelism(job)
    working: dict[int, Raw] = {}
    surplus = []
    for pod in seen.active:
        index = index_of(pod)
        if index is None or not index < whole or index in settled or index in working:
            surplus.append(pod)
        else:
            working[index] = pod
    surplus += [working.pop(index) for index in sorted(working)[size:]]
    taken = settled | working.keys() | (indexes_of(seen.terminating) if ending_too else set())
    free = [index for index in range(whole) if index not in taken]
    return tuple(surplus), tuple(free[: min(_AT_ONCE, max(0, size - len(working) - ending_too))])


def _new(
    job: Raw, seen: Pods, missing: Sequence[int | None], kept: dict[int, Raw], now_s: float
) -> tuple[tuple[New, ...], float | None]:
    """The pods to make now, and after how many seconds another may be; None when none has to wait."""
    if not job_failures.has_limit_per_index(job):
        wait_s = _pause_s(seen, now_s) if missing else 0.0
        return ((), wait_s) if wait_s > 0 else (tuple(New(index) for index in missing), None)
    replaced = {index: None if index is None else kept.get(index) for index in missing}
    waits_s = {index: job_failures.pause_s(pod, now_s) for index, pod in replaced.items() if pod}
    ready = [index for index in missing if waits_s.get(index, 0.0) <= 0]
    late_s = [wait_s for wait_s in waits_s.values() if wait_s > 0]
    return tuple(New(index, job_failures.marks(job, replaced[index])) for index in ready), min(late_s, default=None)


def _pause_s(seen: Pods, now_s: float) -> float:
    """How long a new pod has to wait because of the failures since the last success; 0 or less: not at all."""
    last_success_s = max((ended_s(pod) or 0.0 for pod in seen.succeeded), default=0.0)
    failures = [at_s for pod in seen.failed if (at_s := ended_s(pod)) is not None and at_s >= last_success_s]
    return max(failures) + job_failures.pause_after_s(len(failures)) - now_s if failures else 0.0


def _soonest(*times_s: float | None) -> float | None:
    return min((one for one in times_s if one is not None), default=None)
