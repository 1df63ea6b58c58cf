"""What a failed pod means for its Job: `podFailurePolicy`, and the limit of failures per index. Pure.

How often an index has failed is written on its newest pod: the last failed one is kept until another has its place.
Source: Kubernetes pkg/controller/job, pod_failure_policy and indexed_job_utils.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.clock import parse_rfc3339
from coop_core.cluster.containers import ended_s
from coop_core.cluster.job_pods import completions, index_of, indexes_of, tracked

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coop_core.cluster.job_pods import Pods
    from coop_core.cluster.kinds import Raw

FAILURES = "batch.kubernetes.io/job-index-failure-count"
IGNORED_FAILURES = "batch.kubernetes.io/job-index-ignored-failure-count"
"""Annotations of a pod: how often its index has failed before it."""
FIRST_PAUSE_S, LAST_PAUSE_S = 10.0, 600.0
"""Between a failed pod and the next, doubling with each failure in a row."""


def verdict(job: Raw, pod: Raw) -> tuple[str, str]:
    """What the first rule that fits a failed pod does with it: FailJob, FailIndex, Ignore or Count; "" for no rule.

    And why the Job fails, for FailJob.
    """
    for number, rule in enumerate((job["spec"].get("podFailurePolicy") or {}).get("rules") or []):
        why = _fits(rule, pod)
        if why:
            return rule["action"], f"{why} matching {rule['action']} rule at index {number}"
    return "", ""


def failing(job: Raw, failed: Iterable[Raw]) -> str:
    """Why the whole Job fails by its policy; "" when it does not."""
    return next((why for action, why in (verdict(job, pod) for pod in failed) if action == "FailJob"), "")


def is_counted(job: Raw, pod: Raw) -> bool:
    return verdict(job, pod)[0] != "Ignore"


def _fits(rule: Raw, pod: Raw) -> str:
    status, metadata = pod.get("status") or {}, pod["metadata"]
    where = f"{metadata.get('namespace')}/{metadata['name']}"
    codes = rule.get("onExitCodes")
    if codes:
        for one in (*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())):
            ended = (one.get("state") or {}).get("terminated")
            if not ended or not ended["exitCode"] or codes.get("containerName") not in (None, one["name"]):
                continue
            if (ended["exitCode"] in codes["values"]) == (codes["operator"] == "In"):
                return f"Container {one['name']} for pod {where} failed with exit code {ended['exitCode']}"
        return ""
    for condition in status.get("conditions") or ():
        for wanted in rule.get("onPodConditions") or ():
            if (condition["type"], condition["status"]) == (wanted["type"], wanted["status"]):
                return f"Pod {where} has condition {condition['type']}"
    return ""


# Per index


def has_limit_per_index(job: Raw) -> bool:
    return job["spec"].get("backoffLimitPerIndex") is not None


def failed_indexes(job: Raw, failed: Iterable[Raw]) -> set[int]:
    """The indexes that these pods, as far as they are not counted yet, use up."""
    found: set[int] = set()
    limit, below = job["spec"].get("backoffLimitPerIndex"), completions(job) or 0
    if limit is None:
        return found
    for pod in tracked(failed):
        index, action = index_of(pod), verdict(job, pod)[0]
        if index is not None and index < below:
            is_used_up = action != "Ignore" and _failures(pod, FAILURES) >= limit
            if action == "FailIndex" or is_used_up:
                found.add(index)
    return found


def kept(job: Raw, seen: Pods, settled: set[int]) -> dict[int, Raw]:
    """The failed pods that wait for another in their place, by index. settled: indexes that need none."""
    found: dict[int, Raw] = {}
    if not has_limit_per_index(job):
        return found
    settled = settled | indexes_of(seen.active)
    for pod in tracked(seen.failed):
        index = index_of(pod)
        if index is None or index in settled or index >= (completions(job) or 0):
            continue
        before = found.get(index)
        if before is None or (_all_failures(before), failed_s(before)) <= (_all_failures(pod), failed_s(pod)):
            found[index] = pod
    return found


def marks(job: Raw, replaced: Raw | None) -> dict[str, str]:
    """What a new pod has to carry of the failures of its index. replaced: the one whose place it takes."""
    if not has_limit_per_index(job):
        return {}
    counted, ignored = (
        (_failures(replaced, FAILURES), _failures(replaced, IGNORED_FAILURES)) if replaced else (0, 0)
    )
    if replaced and is_counted(job, replaced):
        counted += 1
    elif replaced:
        ignored += 1
    return {FAILURES: str(counted), **({IGNORED_FAILURES: str(ignored)} if ignored else {})}


def pause_s(replaced: Raw, now_s: float) -> float:
    """How long an index has to wait for its next pod; 0 or less: not at all."""
    return failed_s(replaced) + pause_after_s(_all_failures(replaced) + 1) - now_s


def pause_after_s(failures: int) -> float:
    return min(LAST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** (min(failures, 32) - 1))


def failed_s(pod: Raw) -> float:
    """When a pod failed, as far as anybody can tell."""
    metadata = pod["metadata"]
    told = (
        ended_s(pod),
        *(parse_rfc3339(metadata.get(name) or "") for name in ("deletionTimestamp", "creationTimestamp")),
    )
    return next((at_s for at_s in told if at_s is not None), 0.0)


def _all_failures(pod: Raw) -> int:
    return _failures(pod, FAILURES) + _failures(pod, IGNORED_FAILURES)


def _failures(pod: Raw, annotation: str) -> int:
    text = (pod["metadata"].get("annotations") or {}).get(annotation, "")
    return int(text) if text.isdecimal() and len(text) < 10 else 0
