"""Counting a Job's pods, each exactly once, over crashes too. Pure.

A pod carries a finalizer until the status has noted it by its uid, and leaves the notes for the counters once the
finalizer is off. Indexed Jobs note what succeeded, and what failed for good, by index.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.cluster import indexes, job_failures
from coop_core.cluster.job_pods import completions, indexes_of, is_indexed, tracked

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from coop_core.cluster.job_pods import Pods
    from coop_core.cluster.kinds import Raw


def progress(job: Raw, seen: Pods) -> tuple[set[int], set[int]]:
    """The indexes that are done, and those that have failed for good; both empty for a Job without indexes."""
    if not is_indexed(job):
        return set(), set()
    before, below = job.get("status") or {}, completions(job) or 0
    done = indexes.parse(before.get("completedIndexes") or "", below=below)
    done |= {index for index in indexes_of(seen.succeeded) if index < below}
    lost = indexes.parse(before.get("failedIndexes") or "", below=below)
    return done, lost | job_failures.failed_indexes(job, seen.failed)


def noted(job: Raw, pods: Sequence[Raw], seen: Pods, kept: Iterable[Raw]) -> tuple[Raw, tuple[Raw, ...]]:
    """Counters and notes for what has ended, and the pods whose finalizer may go.

    kept: failed pods that are not to be counted yet.
    """
    kept_uids = {pod["metadata"]["uid"] for pod in kept}
    failed = [pod for pod in seen.failed if pod["metadata"]["uid"] not in kept_uids]
    counters, uncounted = _counters(
        job, tracked(pods), {"succeeded": [] if is_indexed(job) else seen.succeeded, "failed": failed}
    )
    state = {**counters, "uncountedTerminatedPods": uncounted}
    if is_indexed(job):
        done, lost = progress(job, seen)
        state |= {"succeeded": len(done), "completedIndexes": indexes.text(done)}
        if job_failures.has_limit_per_index(job):
            state["failedIndexes"] = indexes.text(lost)
    free = {pod["metadata"]["uid"] for pod in (*seen.succeeded, *failed)}
    return state, tuple(pod for pod in tracked(pods) if pod["metadata"]["uid"] in free)


def _counters(job: Raw, held: tuple[Raw, ...], ended: dict[str, list[Raw]]) -> tuple[Raw, Raw]:
    """What has been counted, and the uids of what is noted and still held by its finalizer."""
    before = job.get("status") or {}
    notes = before.get("uncountedTerminatedPods") or {}
    known = {uid for listed in notes.values() for uid in listed or []}
    held_uids = {pod["metadata"]["uid"] for pod in held}
    unknown = held_uids - known
    counters: Raw = {}
    uncounted: Raw = {}
    for name, pods in ended.items():
        listed = list(notes.get(name) or [])
        left = [uid for uid in listed if uid in held_uids]
        counters[name] = int(before.get(name) or 0) + len(listed) - len(left)
        new = [pod for pod in pods if pod["metadata"]["uid"] in unknown]
        fresh = [pod["metadata"]["uid"] for pod in new if name != "failed" or job_failures.is_counted(job, pod)]
        if left or fresh:
            uncounted[name] = left + fresh
    return counters, uncounted


def total(state: Raw, name: str) -> int:
    """All pods that have succeeded or failed, counted already or only noted."""
    noted_uids = (state.get("uncountedTerminatedPods") or {}).get(name) or []
    return int(state.get(name) or 0) + len(noted_uids)
