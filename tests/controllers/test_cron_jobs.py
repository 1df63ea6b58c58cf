from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from coop_core.clock import SystemClock, parse_rfc3339, rfc3339
from coop_core.cluster import cron_jobs, kinds
from coop_core.cluster.job_status import finished_as
from coop_core.cluster.owners import owner_reference
from tests.runtime.running_kit import NAMESPACE, Bench

if TYPE_CHECKING:
    from coop_core.cluster.cron_jobs import Step
    from coop_core.cluster.kinds import Raw

NOON_S = parse_rfc3339("2024-03-01T12:00:00Z") or 0.0


def cron_job(schedule: str = "*/10 * * * *", *, state: Raw | None = None, **spec: Any) -> Raw:
    return {
        "metadata": {
            "name": "tidy", "namespace": NAMESPACE, "uid": "c", "creationTimestamp": rfc3339(NOON_S - 3600),
        },
        "spec": {"schedule": schedule, "jobTemplate": {"spec": {}}, **spec},
        "status": state or {},
    }  # fmt: skip


def job(name: str, *, ended: str = "", at_s: float = 0.0) -> Raw:
    conditions = [{"type": ended, "status": "True"}] if ended else []
    times = {"startTime": rfc3339(NOON_S), **({"completionTime": rfc3339(NOON_S)} if ended == "Complete" else {})}
    annotations = {cron_jobs.SCHEDULED: rfc3339(at_s)} if at_s else {}
    metadata = {"name": name, "namespace": NAMESPACE, "uid": name, "annotations": annotations}
    return {"metadata": metadata, "status": {"conditions": conditions, **times}}


def names(found: tuple[Raw, ...]) -> list[str]:
    return [one["metadata"]["name"] for one in found]


def reasons(step: Step) -> list[str]:
    return [reason for _, reason, _ in step.notes]


def after(at_s: float) -> Raw:
    return {"lastScheduleTime": rfc3339(at_s)}


def test_nothing_starts_before_its_time() -> None:
    step = cron_jobs.step(cron_job(state=after(NOON_S)), [], NOON_S + 599)
    assert (step.start_at_s, step.again_s) == (None, 1.0)


def test_what_is_due_starts_once() -> None:
    body = cron_job(state=after(NOON_S))
    step = cron_jobs.step(body, [], NOON_S + 601)
    assert step.start_at_s == NOON_S + 600
    made = job(cron_jobs.job_name(body, NOON_S + 600), at_s=NOON_S + 600)
    seen = {**body, "status": cron_jobs.started(step.status, made, NOON_S + 600)}
    assert cron_jobs.step(seen, [made], NOON_S + 602).start_at_s is None
    # As after a crash between the Job and the status that speaks of it:
    again = cron_jobs.step(body, [made], NOON_S + 602)
    assert again.start_at_s is None
    assert again.status["lastScheduleTime"] == rfc3339(NOON_S + 600)
    assert [one["uid"] for one in again.status["active"]] == [made["metadata"]["uid"]]


def test_of_several_missed_times_only_the_latest_is_made_up_for() -> None:
    step = cron_jobs.step(cron_job(state=after(NOON_S)), [], NOON_S + 3 * 600 + 5)
    assert step.start_at_s == NOON_S + 1800


def test_a_very_long_pause_is_told_and_made_up_for_once() -> None:
    step = cron_jobs.step(cron_job("* * * * *", state=after(NOON_S)), [], NOON_S + 400 * 86_400 + 5)
    assert step.start_at_s == NOON_S + 400 * 86_400
    assert reasons(step) == ["TooManyMissedTimes"]


def test_what_is_later_than_its_deadline_does_not_start() -> None:
    body = cron_job(state=after(NOON_S), startingDeadlineSeconds=20)
    assert cron_jobs.step(body, [], NOON_S + 630).start_at_s is None
    assert cron_jobs.step(body, [], NOON_S + 615).start_at_s == NOON_S + 600


def test_a_run_that_goes_on_forbids_another_or_is_replaced_or_goes_on_beside_it() -> None:
    state = {**after(NOON_S), "active": [{"uid": "old", "name": "old"}]}
    running = [job("old")]
    forbidden = cron_jobs.step(cron_job(state=state, concurrencyPolicy="Forbid"), running, NOON_S + 601)
    assert (forbidden.start_at_s, reasons(forbidden)) == (None, ["JobAlreadyActive"])
    replaced = cron_jobs.step(cron_job(state=state, concurrencyPolicy="Replace"), running, NOON_S + 601)
    assert (replaced.start_at_s, names(replaced.end)) == (NOON_S + 600, ["old"])
    assert not replaced.status["active"]
    beside = cron_jobs.step(cron_job(state=state), running, NOON_S + 601)
    assert (beside.start_at_s, names(beside.end)) == (NOON_S + 600, [])


def test_a_suspended_one_starts_nothing_but_keeps_its_books() -> None:
    state = {**after(NOON_S), "active": [{"uid": "old", "name": "old"}]}
    step = cron_jobs.step(cron_job(state=state, suspend=True), [job("old", ended="Complete")], NOON_S + 601)
    assert (step.start_at_s, step.again_s, reasons(step)) == (None, None, ["SawCompletedJob"])
    assert "active" not in step.status
    assert step.status["lastSuccessfulTime"] == rfc3339(NOON_S)


def test_the_oldest_finished_jobs_go() -> None:
    done = [job(f"good-{number}", ended="Complete") for number in range(5)]
    bad = [job(f"bad-{number}", ended="Failed") for number in range(3)]
    step = cron_jobs.step(cron_job(state=after(NOON_S)), [*done, *bad], NOON_S + 1)
    assert names(step.end) == ["good-0", "good-1", "bad-0", "bad-1"]
    kept = cron_job(state=after(NOON_S), successfulJobsHistoryLimit=0, failedJobsHistoryLimit=5)
    assert names(cron_jobs.step(kept, [*done, *bad], NOON_S + 1).end) == names(tuple(done))


def test_a_job_that_vanished_and_one_that_somebody_else_made_are_told() -> None:
    state = {**after(NOON_S), "active": [{"uid": "gone", "name": "gone"}]}
    step = cron_jobs.step(cron_job(state=state), [job("by-hand")], NOON_S + 1)
    assert reasons(step) == ["MissingJob", "UnexpectedJob"]
    assert [one["name"] for one in step.status["active"]] == ["by-hand"]


@pytest.mark.parametrize(
    ("spec", "reason"),
    [({"schedule": "whenever"}, "UnparseableSchedule"), ({"timeZone": "Nowhere/City"}, "UnknownTimeZone")],
)
def test_what_cannot_be_read_is_told(spec: Raw, reason: str) -> None:
    body = cron_job()
    step = cron_jobs.step({**body, "spec": {**body["spec"], **spec}}, [], NOON_S)
    assert (step.start_at_s, reasons(step)) == (None, [reason])


def test_the_zone_of_the_schedule_shows_in_the_job() -> None:
    body = cron_job("0 8 * * *", timeZone="Europe/Berlin")
    assert cron_jobs.scheduled_note(body, NOON_S) == "2024-03-01T13:00:00+01:00"
    assert cron_jobs.scheduled_note(cron_job(), NOON_S) == "2024-03-01T12:00:00Z"


class Ahead(SystemClock):
    """A clock that is some seconds ahead."""

    by_s = 0.0

    def now_s(self) -> float:
        return super().now_s() + self.by_s


async def test_a_cron_job_runs_its_jobs_and_forgets_the_oldest(bench: Bench) -> None:
    clock = bench.objects.clock = Ahead()
    container = bench.container("", command=["/bin/sh", "-c", "echo ran"])
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    spec = {
        "schedule": "* * * * *",
        "successfulJobsHistoryLimit": 1,
        "jobTemplate": {"metadata": {"labels": {"app": "tidy"}}, "spec": {"template": template}},
    }
    metadata = {"name": "tidy", "namespace": NAMESPACE}
    body = bench.objects.create(kinds.CRON_JOB, {"metadata": metadata, "spec": spec})
    names: list[str] = []
    for minute in (1, 2):
        clock.by_s = 60.0 * minute
        bench.apply(kinds.CRON_JOB, {"metadata": {**metadata, "labels": {"minute": str(minute)}}, "spec": spec})
        done = await bench.until(lambda: succeeded(bench, names))
        names.append(done["metadata"]["name"])
        assert done["metadata"]["ownerReferences"] == [owner_reference(body)]
    await bench.until(lambda: bench.get(kinds.JOB, names[0]) is None)
    status = bench.objects.get(kinds.CRON_JOB, NAMESPACE, "tidy")["status"]
    assert status["lastSuccessfulTime"] >= status["lastScheduleTime"]
    assert not status.get("active")
    bench.objects.delete(kinds.CRON_JOB, NAMESPACE, "tidy")
    await bench.until(lambda: not bench.objects.select(kinds.JOB, NAMESPACE))
    await bench.until(lambda: not bench.objects.select(kinds.POD, NAMESPACE))


def succeeded(bench: Bench, known: list[str]) -> Raw | None:
    """A finished Job beside those already known, once the CronJob has heard of it."""
    status = bench.objects.get(kinds.CRON_JOB, NAMESPACE, "tidy").get("status") or {}
    return next(
        (
            one
            for one in bench.objects.select(kinds.JOB, NAMESPACE, {"app": "tidy"})
            if finished_as(one) == "Complete" and one["metadata"]["name"] not in known and not status.get("active")
        ),
        None,
    )
