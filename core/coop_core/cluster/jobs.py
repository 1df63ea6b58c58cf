"""How a Job runs: which pods to make, end or let go next, and what its status says. Pure.

One call is one step, decided from what is there; the controller carries it out and asks again. Every ended pod is
counted exactly once, over crashes too: a pod carries a finalizer until its uid is noted in the status, and leaves
the note for the counters once the finalizer is off.
Source: Kubernetes pkg/controller/job.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coop_core.clock import parse_rfc3339
from coop_core.cluster import indexes
from coop_core.cluster.containers import ended_s, restarts
from coop_core.cluster.job_status import condition, is_finished, outcome, status_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coop_core.cluster.job_status import Outcome
    from coop_core.cluster.kinds import Raw

TRACKING = "batch.kubernetes.io/job-tracking"
"""Finalizer of a pod that is not counted yet."""
JOB_NAME = "batch.kubernetes.io/job-name"
CONTROLLER_UID = "batch.kubernetes.io/controller-uid"
FIRST_PAUSE_S, LAST_PAUSE_S = 10.0, 600.0
"""Between a failed pod and the next, doubling with each failure in a row."""


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
    create: tuple[int | None, ...] = ()
    """One new pod each; the number is its completion index, None for a Job without."""
    again_s: float | None = None


@dataclass(frozen=True, slots=True)
class Pods:
    """The pods of a Job by what they are to it."""

    active: list[Raw] = field(default_factory=list)
    terminating: list[Raw] = field(default_factory=list)
    succeeded: list[Raw] = field(default_factory=list)
    failed: list[Raw] = field(default_factory=list)
    """Ended badly, or on their way out."""

    @classmethod
    def of(cls, pods: Sequence[Raw]) -> Pods:
        found = cls()
        for pod in pods:
            phase, is_leaving = (pod.get("status") or {}).get("phase"), "deletionTimestamp" in pod["metadata"]
            if phase == "Succeeded":
                found.succeeded.append(pod)
            elif phase == "Failed" or is_leaving:
                found.failed.append(pod)
                if phase != "Failed":
                    found.terminating.append(pod)
            else:
                found.active.append(pod)
        return found


def step(job: Raw, pods: Sequence[Raw], now_s: float) -> Step:
    """The next step. pods: all that this Job controls."""
    spec, seen = job["spec"], Pods.of(pods)
    if is_finished(job):
        return Step(job["status"], release=_tracked(pods), again_s=expires_in_s(job, now_s))
    noted, release = _noted(job, pods, seen)
    state = status_of(job, noted, active=seen.active, terminating=seen.terminating, now_s=now_s)
    how = _outcome(job, state, seen, now_s)
    if how is not None:
        state = outcome(state, how, is_over=not seen.active and not seen.terminating, now_s=now_s)
        return Step(state, release, end=tuple(seen.active))
    if spec.get("suspend"):
        return Step(state, release, dismiss=tuple(seen.active))
    if "deletionTimestamp" in job["metadata"]:
        return Step(state, release)
    dismiss, create = _fit(job, state, seen)
    wait_s = _pause_s(seen, now_s) if create else 0.0
    again_s = _soonest(wait_s or None, _deadline_in_s(job, state, now_s))
    return Step(state, release, dismiss=dismiss, create=() if wait_s > 0 else create, again_s=again_s)


def expires_in_s(job: Raw, now_s: float) -> float | None:
    """After how many seconds a finished Job is to be deleted; None when it stays."""
    kept_s = job["spec"].get("ttlSecondsAfterFinished")
    over = condition(job.get("status") or {}, "Complete") or condition(job.get("status") or {}, "Failed")
    if kept_s is None or over is None:
        return None
    ended_at_s = parse_rfc3339(over.get("lastTransitionTime") or "")
    return max(0.0, (now_s if ended_at_s is None else ended_at_s) + float(kept_s) - now_s)


def index_of(pod: Raw) -> int | None:
    """The completion index that a pod works on."""
    text = (pod["metadata"].get("annotations") or {}).get(indexes.ANNOTATION, "")
    return int(text) if text.isdecimal() else None


def parallelism(job: Raw) -> int:
    wished = job["spec"].get("parallelism")
    return 1 if wished is None else int(wished)


def completions(job: Raw) -> int | None:
    """How many pods have to succeed; None for a queue, where one is enough once all have ended."""
    spec = job["spec"]
    if spec.get("completions") is None and spec.get("parallelism") is None:
        return 1
    return None if spec.get("completions") is None else int(spec["completions"])


# Counting


def _noted(job: Raw, pods: Sequence[Raw], seen: Pods) -> tuple[Raw, tuple[Raw, ...]]:
    """Counters and notes for what has ended, and the pods whose finalizer may go."""
    before = job.get("status") or {}
    notes = before.get("uncountedTerminatedPods") or {}
    tracked = {pod["metadata"]["uid"] for pod in _tracked(pods)}
    counters: Raw = {}
    fresh = {"succeeded": seen.succeeded, "failed": seen.failed}
    uncounted: Raw = {}
    for name, ended in fresh.items():
        known = [*(notes.get("succeeded") or []), *(notes.get("failed") or [])]
        listed = list(notes.get(name) or [])
        left = [uid for uid in listed if uid in tracked]
        counters[name] = int(before.get(name) or 0) + len(listed) - len(left)
        new = [uid for pod in ended if (uid := pod["metadata"]["uid"]) in tracked and uid not in known]
        if left or new:
            uncounted[name] = left + new
    noted = {**counters, "uncountedTerminatedPods": uncounted}
    if job["spec"].get("completionMode") == "Indexed":
        limit = completions(job) or 0
        done = indexes.parse(before.get("completedIndexes") or "", below=limit)
        done |= {index for pod in seen.succeeded if (index := index_of(pod)) is not None and index < limit}
        noted |= {"completedIndexes": indexes.text(done), "succeeded": len(done)}
        uncounted.pop("succeeded", None)
    noted_uids = {uid for listed in uncounted.values() for uid in listed}
    is_noted = {"Succeeded"} if job["spec"].get("completionMode") == "Indexed" else set()
    release = tuple(
        pod
        for pod in _tracked(pods)
        if pod["metadata"]["uid"] in noted_uids or (pod.get("status") or {}).get("phase") in is_noted
    )
    return noted, release


def _tracked(pods: Sequence[Raw]) -> tuple[Raw, ...]:
    return tuple(pod for pod in pods if TRACKING in (pod["metadata"].get("finalizers") or ()))


def total(state: Raw, name: str) -> int:
    """All pods that have succeeded or failed, counted already or only noted."""
    noted = (state.get("uncountedTerminatedPods") or {}).get(name) or []
    return int(state.get(name) or 0) + len(noted)


# Ending


def _outcome(job: Raw, state: Raw, seen: Pods, now_s: float) -> Outcome | None:
    decided = condition(state, "FailureTarget")
    if decided:
        return "Failed", decided.get("reason", ""), decided.get("message", "")
    if condition(state, "SuccessCriteriaMet"):
        return "Complete", "CompletionsReached", "Reached expected number of succeeded pods"
    if _is_beyond_limit(job, state, seen):
        return "Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit"
    left_s = _deadline_in_s(job, state, now_s)
    if left_s is not None and left_s <= 0:
        return "Failed", "DeadlineExceeded", "Job was active longer than specified deadline"
    if job["spec"].get("suspend"):
        return None
    wanted, done = completions(job), total(state, "succeeded")
    is_complete = done > 0 and not seen.active if wanted is None else done >= wanted
    if is_complete:
        return "Complete", "CompletionsReached", "Reached expected number of succeeded pods"
    return None


def _is_beyond_limit(job: Raw, state: Raw, seen: Pods) -> bool:
    limit = job["spec"].get("backoffLimit")
    limit = 6 if limit is None else int(limit)
    if total(state, "failed") > limit:
        return True
    if (job["spec"]["template"].get("spec") or {}).get("restartPolicy") != "OnFailure":
        return False
    again = sum(restarts(pod) for pod in seen.active)
    return again >= limit if limit else again > 0


def _deadline_in_s(job: Raw, state: Raw, now_s: float) -> float | None:
    """Seconds until the Job has been active too long; None when no clock runs."""
    least_s, since_s = job["spec"].get("activeDeadlineSeconds"), parse_rfc3339(state.get("startTime") or "")
    if least_s is None or since_s is None or job["spec"].get("suspend"):
        return None
    return since_s + float(least_s) - now_s


# Going on


def _fit(job: Raw, state: Raw, seen: Pods) -> tuple[tuple[Raw, ...], tuple[int | None, ...]]:
    """Superfluous pods, and the missing ones."""
    if job["spec"].get("completionMode") == "Indexed":
        return _fit_indexed(job, state, seen)
    wanted, done, size = completions(job), total(state, "succeeded"), parallelism(job)
    if wanted is not None:
        size = min(size, wanted - done)
    elif done:
        size = min(size, len(seen.active))
    # The youngest go first: they have the least to lose.
    surplus = sorted(seen.active, key=lambda pod: pod["metadata"]["creationTimestamp"])[max(0, size) :]
    return tuple(surplus), (None,) * max(0, size - len(seen.active))


def _fit_indexed(job: Raw, state: Raw, seen: Pods) -> tuple[tuple[Raw, ...], tuple[int | None, ...]]:
    whole = completions(job) or 0
    done = indexes.parse(state.get("completedIndexes") or "", below=whole)
    wanted = [index for index in range(whole) if index not in done]
    working: dict[int, Raw] = {}
    surplus = []
    for pod in seen.active:
        index = index_of(pod)
        if index is None or not index < whole or index in done or index in working:
            surplus.append(pod)
        else:
            working[index] = pod
    size = parallelism(job)
    surplus += [working.pop(index) for index in sorted(working)[size:]]
    free = [index for index in wanted if index not in working]
    return tuple(surplus), tuple(free[: max(0, size - len(working))])


def _pause_s(seen: Pods, now_s: float) -> float:
    """How long a new pod has to wait because of the failures since the last success; 0 or less: not at all."""
    last_success_s = max((ended_s(pod) or 0.0 for pod in seen.succeeded), default=0.0)
    failures = [at_s for pod in seen.failed if (at_s := ended_s(pod)) is not None and at_s >= last_success_s]
    if not failures:
        return 0.0
    return max(failures) + min(LAST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** (len(failures) - 1)) - now_s


def _soonest(*times_s: float | None) -> float | None:
    return min((one for one in times_s if one is not None), default=None)
