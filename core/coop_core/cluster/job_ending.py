"""Whether a Job has ended, and how. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.clock import parse_rfc3339
from coop_core.cluster import indexes, job_failures
from coop_core.cluster.containers import restarts
from coop_core.cluster.job_counting import total
from coop_core.cluster.job_pods import completions, is_indexed
from coop_core.cluster.job_status import condition

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coop_core.cluster.job_pods import Pods
    from coop_core.cluster.job_status import Outcome
    from coop_core.cluster.kinds import Raw


def ending(job: Raw, state: Raw, seen: Pods, kept: Iterable[Raw], now_s: float) -> Outcome | None:
    """None while it goes on. kept: failed pods that are not in the counters yet."""
    for said, type_ in (("SuccessCriteriaMet", "Complete"), ("FailureTarget", "Failed")):
        decided = condition(state, said)
        if decided:
            return type_, decided.get("reason", ""), decided.get("message", "")
    why = job_failures.failing(job, seen.failed)
    if why:
        return "Failed", "PodFailurePolicy", why
    waiting = sum(job_failures.is_counted(job, pod) for pod in kept)
    if _is_beyond_limit(job, total(state, "failed") + waiting, seen):
        return "Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit"
    left_s = deadline_in_s(job, state, now_s)
    if left_s is not None and left_s <= 0:
        return "Failed", "DeadlineExceeded", "Job was active longer than specified deadline"
    return _by_index(job, state) or _by_count(job, state, seen)


def _is_beyond_limit(job: Raw, failures: int, seen: Pods) -> bool:
    limit = job["spec"].get("backoffLimit")
    limit = 6 if limit is None else int(limit)
    if failures > limit:
        return True
    if (job["spec"]["template"].get("spec") or {}).get("restartPolicy") != "OnFailure":
        return False
    again = sum(restarts(pod) for pod in seen.active)
    return again >= limit if limit else again > 0


def deadline_in_s(job: Raw, state: Raw, now_s: float) -> float | None:
    """Seconds until the Job has been active too long; None when no clock runs."""
    least_s, since_s = job["spec"].get("activeDeadlineSeconds"), parse_rfc3339(state.get("startTime") or "")
    if least_s is None or since_s is None or job["spec"].get("suspend"):
        return None
    return since_s + float(least_s) - now_s


def _by_index(job: Raw, state: Raw) -> Outcome | None:
    if not is_indexed(job):
        return None
    spec, whole = job["spec"], completions(job) or 0
    done, lost = (
        indexes.parse(state.get(name) or "", below=whole) for name in ("completedIndexes", "failedIndexes")
    )
    most = spec.get("maxFailedIndexes")
    if most is not None and len(lost) > most:
        why = "Job has exceeded the specified maximal number of failed indexes"
        return "Failed", "MaxFailedIndexesExceeded", why
    if lost and len(lost) + len(done) >= whole:
        return "Failed", "FailedIndexes", "Job has failed indexes"
    for number, rule in enumerate((spec.get("successPolicy") or {}).get("rules") or []):
        if done and _is_success(rule, done, whole):
            return "Complete", "SuccessPolicy", f"Matched rules at index {number}"
    return None


def _is_success(rule: Raw, done: set[int], whole: int) -> bool:
    least, text = rule.get("succeededCount"), rule.get("succeededIndexes")
    if text is None:
        return least is not None and len(done) >= least
    wanted = indexes.parse(text, below=whole)
    return bool(wanted) and (wanted <= done or (least is not None and len(wanted & done) >= least))


def _by_count(job: Raw, state: Raw, seen: Pods) -> Outcome | None:
    if job["spec"].get("suspend"):
        return None
    wanted, done = completions(job), total(state, "succeeded")
    is_complete = done > 0 and not seen.active if wanted is None else done >= wanted
    return ("Complete", "CompletionsReached", "Reached expected number of succeeded pods") if is_complete else None
