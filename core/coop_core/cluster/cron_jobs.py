"""What a CronJob wants now: a Job to start, others to end or to forget, and its status. Pure.

Level-triggered: what is due is told from the last start that the status has, so nothing is started twice and of
several missed times only the latest is made up for.
Source: Kubernetes pkg/controller/cronjob.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from coop_core.clock import parse_rfc3339, rfc3339
from coop_core.cluster import cron
from coop_core.cluster.job_status import finished_as

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coop_core.cluster.cron import Schedule
    from coop_core.cluster.kinds import Raw

SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
_MANY = 100
"""So many missed times are a sign that somebody's clock is wrong."""

Note = tuple[str, str, str]
"""An event: type, reason, message."""


@dataclass(frozen=True, slots=True)
class Step:
    """What to do, in this order. again_s: when to look again although nothing changes; None for never."""

    status: Raw
    notes: tuple[Note, ...] = ()
    end: tuple[Raw, ...] = ()
    """Jobs to delete."""
    start_at_s: float | None = None
    """The scheduled time of the Job to start."""
    again_s: float | None = None


def step(cron_job: Raw, jobs: Sequence[Raw], now_s: float) -> Step:
    """The next step. jobs: all that this CronJob controls."""
    state, notes = _status(cron_job, jobs)
    old = _beyond_history(cron_job["spec"], jobs)
    if "deletionTimestamp" in cron_job["metadata"] or cron_job["spec"].get("suspend"):
        return Step(state, tuple(notes), tuple(old))
    try:
        schedule = schedule_of(cron_job)
    except cron.BadSchedule as bad:
        reason = "UnknownTimeZone" if str(bad).startswith("invalid timeZone") else "UnparseableSchedule"
        return Step(state, (*notes, ("Warning", reason, _unparseable(cron_job, bad))), tuple(old))
    due_s, missed = _due(cron_job, schedule, now_s)
    next_s = schedule.after(now_s)
    again_s = None if next_s is None else next_s - now_s
    if missed > _MANY:
        notes.append(("Warning", "TooManyMissedTimes", _too_many(missed)))
    if due_s is None or any(one["metadata"]["name"] == job_name(cron_job, due_s) for one in jobs):
        return Step(state, tuple(notes), tuple(old), again_s=again_s)
    running = [one for one in jobs if one["metadata"]["uid"] in _active(state)]
    policy = cron_job["spec"].get("concurrencyPolicy")
    if running and policy == "Forbid":
        text = "Not starting job because prior execution is running and concurrency policy is Forbid"
        return Step(state, (*notes, ("Normal", "JobAlreadyActive", text)), tuple(old), again_s=again_s)
    if policy == "Replace":
        old += running
        state["active"] = []
    return Step(state, tuple(notes), tuple(old), due_s, again_s)


def schedule_of(cron_job: Raw) -> Schedule:
    """Raises BadSchedule."""
    return cron.parse(cron_job["spec"].get("schedule") or "", cron_job["spec"].get("timeZone") or "")


def job_name(cron_job: Raw, scheduled_s: float) -> str:
    """One name per scheduled time: a second start of the same one cannot happen."""
    return f"{cron_job['metadata']['name'][:52]}-{int(scheduled_s) // 60}"


def scheduled_note(cron_job: Raw, scheduled_s: float) -> str:
    """The scheduled time for the Job's annotation, in the CronJob's own zone."""
    zone = schedule_of(cron_job).zone
    return datetime.fromtimestamp(scheduled_s, UTC).astimezone(zone).isoformat().replace("+00:00", "Z")


def started(status: Raw, job: Raw, scheduled_s: float) -> Raw:
    """The status once a Job of a scheduled time is there."""
    active = [one for one in status.get("active") or [] if one.get("uid") != job["metadata"]["uid"]]
    return {**status, "active": [*active, reference(job)], "lastScheduleTime": rfc3339(scheduled_s)}


def reference(job: Raw) -> Raw:
    metadata = job["metadata"]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "uid": metadata["uid"],
        "resourceVersion": metadata.get("resourceVersion", ""),
    }


def _status(cron_job: Raw, jobs: Sequence[Raw]) -> tuple[Raw, list[Note]]:
    """The status with what came of the Jobs, and what there is to tell of them."""
    before = cron_job.get("status") or {}
    by_uid = {job["metadata"]["uid"]: job for job in jobs}
    active, notes = [], []
    last_success_s = parse_rfc3339(before.get("lastSuccessfulTime") or "") or 0.0
    last_start_s = parse_rfc3339(before.get("lastScheduleTime") or "") or 0.0
    for one in before.get("active") or []:
        job = by_uid.get(one.get("uid"))
        if job is None:
            notes.append(("Normal", "MissingJob", f"Active job went missing: {one.get('name', '')}"))
        elif finished_as(job) is None:
            active.append(one)
        else:
            text = f"Saw completed job: {job['metadata']['name']}, condition: {finished_as(job)}"
            notes.append(("Normal", "SawCompletedJob", text))
    known = {one.get("uid") for one in before.get("active") or []}
    for job in jobs:
        ended = parse_rfc3339((job.get("status") or {}).get("completionTime") or "")
        last_success_s = max(last_success_s, ended or 0.0)
        at_s = parse_rfc3339((job["metadata"].get("annotations") or {}).get(SCHEDULED, "")) or 0.0
        if at_s:
            # Made by us, maybe just before a crash that kept it out of the status.
            last_start_s = max(last_start_s, at_s)
        if finished_as(job) is None and job["metadata"]["uid"] not in known:
            active.append(reference(job))
            if not at_s:
                text = f"Saw a job that the controller did not create or forgot: {job['metadata']['name']}"
                notes.append(("Warning", "UnexpectedJob", text))
    state = {name: value for name, value in before.items() if name != "active"}
    if active:
        state["active"] = active
    if last_success_s:
        state["lastSuccessfulTime"] = rfc3339(last_success_s)
    if last_start_s:
        state["lastScheduleTime"] = rfc3339(last_start_s)
    return state, notes


def _active(state: Raw) -> set[str]:
    return {one["uid"] for one in state.get("active") or [] if one.get("uid")}


def _due(cron_job: Raw, schedule: Schedule, now_s: float) -> tuple[float | None, int]:
    """The latest time that is due and not yet served, and how many there are."""
    earliest_s = parse_rfc3339(cron_job["metadata"]["creationTimestamp"]) or now_s
    last_s = parse_rfc3339((cron_job.get("status") or {}).get("lastScheduleTime") or "")
    if last_s is not None:
        earliest_s = last_s
    deadline_s = cron_job["spec"].get("startingDeadlineSeconds")
    if deadline_s is not None:
        earliest_s = max(earliest_s, now_s - float(deadline_s))
    return _latest(schedule, earliest_s, now_s)


def _latest(schedule: Schedule, after_s: float, until_s: float) -> tuple[float | None, int]:
    """Counted to a little more than `_MANY`; from there on by halving what is left."""
    found, count = None, 0
    at_s = schedule.after(after_s)
    while at_s is not None and at_s <= until_s:
        found, count = at_s, count + 1
        if count > _MANY:
            # Skip ahead: the later half is sure to hold the latest, if anything is due in it.
            middle_s = (at_s + until_s) / 2
            ahead_s = schedule.after(middle_s)
            at_s = ahead_s if ahead_s is not None and ahead_s <= until_s else schedule.after(at_s)
        else:
            at_s = schedule.after(at_s)
    return found, count


def _beyond_history(spec: Raw, jobs: Sequence[Raw]) -> list[Raw]:
    """The oldest finished Jobs beyond those to be kept."""
    found: list[Raw] = []
    for word, field, default in (
        ("Complete", "successfulJobsHistoryLimit", 3),
        ("Failed", "failedJobsHistoryLimit", 1),
    ):
        limit = default if spec.get(field) is None else int(spec[field])
        over = [job for job in jobs if finished_as(job) == word and "deletionTimestamp" not in job["metadata"]]
        over.sort(key=lambda job: ((job.get("status") or {}).get("startTime") or "", job["metadata"]["name"]))
        found += over[: max(0, len(over) - limit)]
    return found


def _unparseable(cron_job: Raw, bad: cron.BadSchedule) -> str:
    if str(bad).startswith("invalid timeZone"):
        return str(bad)
    return f'unparseable schedule: "{cron_job["spec"].get("schedule", "")}" : {bad}'


def _too_many(missed: int) -> str:
    return (
        f"too many missed start times: {missed}. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
    )
