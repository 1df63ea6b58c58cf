from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from coop_core.cluster import indexes, kinds
from coop_core.cluster.job_pods import TRACKING
from coop_core.cluster.job_status import condition, finished_as
from tests.runtime.running_kit import NAMESPACE, Bench

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw


def job(bench: Bench, script: str, *, policy: str = "Never", name: str = "work", **spec: Any) -> Raw:
    container = bench.container("", command=["/bin/sh", "-c", script])
    template = {"spec": {"restartPolicy": policy, "terminationGracePeriodSeconds": 1, "containers": [container]}}
    metadata = {"name": name, "namespace": NAMESPACE}
    return bench.objects.create(kinds.JOB, {"metadata": metadata, "spec": {"template": template, **spec}})


def status(bench: Bench, name: str = "work") -> Raw:
    found: Raw = (bench.get(kinds.JOB, name) or {}).get("status") or {}
    return found


def ended(bench: Bench, name: str = "work") -> Raw | None:
    found = bench.get(kinds.JOB, name)
    return found if found and finished_as(found) else None


def pods(bench: Bench) -> list[Raw]:
    return bench.objects.select(kinds.POD, NAMESPACE)


def reason(body: Raw, type_: str) -> str:
    return str((condition(body["status"], type_) or {}).get("reason"))


def told(bench: Bench) -> set[str]:
    bench.controllers.flush()
    return {event["reason"] for event in bench.objects.select(kinds.EVENT, NAMESPACE)}


async def test_a_job_runs_to_its_end_and_says_so(bench: Bench) -> None:
    job(bench, "echo done")
    found = await bench.until(lambda: ended(bench))
    assert found["status"]["succeeded"] == 1
    assert found["status"]["completionTime"] >= found["status"]["startTime"]
    assert reason(found, "Complete") == reason(found, "SuccessCriteriaMet") == "CompletionsReached"
    assert [pod["status"]["phase"] for pod in pods(bench)] == ["Succeeded"]
    assert not pods(bench)[0]["metadata"].get("finalizers")
    assert {"SuccessfulCreate", "Completed"} <= told(bench)


async def test_several_pods_at_once_until_enough_have_succeeded(bench: Bench) -> None:
    job(bench, "sleep 0.05", completions=5, parallelism=2)
    most = 0

    def count() -> Raw | None:
        nonlocal most
        most = max(most, status(bench).get("active", 0))
        return ended(bench)

    assert (await bench.until(count))["status"]["succeeded"] == 5
    assert most == 2
    assert len(pods(bench)) == 5


async def test_each_index_of_an_indexed_job_is_done_once(bench: Bench) -> None:
    script = 'echo "$JOB_COMPLETION_INDEX" >> "$OUT"'
    out = bench.folder / "out"
    container = bench.container("", command=["/bin/sh", "-c", script], env=[{"name": "OUT", "value": str(out)}])
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    spec = {"completionMode": "Indexed", "completions": 4, "parallelism": 2, "template": template}
    bench.objects.create(kinds.JOB, {"metadata": {"name": "work", "namespace": NAMESPACE}, "spec": spec})
    found = await bench.until(lambda: ended(bench))
    assert found["status"]["completedIndexes"] == "0-3"
    assert found["status"]["succeeded"] == 4
    assert sorted(out.read_text().split()) == ["0", "1", "2", "3"]
    assert {pod["spec"]["hostname"] for pod in pods(bench)} == {f"work-{index}" for index in range(4)}


async def test_a_job_without_a_second_chance_fails_at_once(bench: Bench) -> None:
    job(bench, "echo no; exit 3", backoffLimit=0)
    found = await bench.until(lambda: ended(bench))
    assert reason(found, "Failed") == reason(found, "FailureTarget") == "BackoffLimitExceeded"
    assert found["status"]["failed"] == 1
    assert "completionTime" not in found["status"]
    (pod,) = pods(bench)
    assert pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 3
    assert "BackoffLimitExceeded" in told(bench)


async def test_after_a_failure_the_next_pod_waits(bench: Bench) -> None:
    job(bench, "exit 1", backoffLimit=1)
    await bench.until(lambda: status(bench).get("failed") == 1)
    assert len(pods(bench)) == 1
    assert not ended(bench)


async def test_a_container_that_may_start_again_uses_up_the_limit_too(bench: Bench) -> None:
    job(bench, "exit 1", policy="OnFailure", backoffLimit=0)
    found = await bench.until(lambda: ended(bench), patience_s=20)
    assert reason(found, "Failed") == "BackoffLimitExceeded"
    assert not pods(bench)


async def test_a_job_that_takes_too_long_is_ended(bench: Bench) -> None:
    job(bench, "sleep 60", activeDeadlineSeconds=1)
    found = await bench.until(lambda: ended(bench))
    assert reason(found, "Failed") == "DeadlineExceeded"
    assert found["status"]["failed"] == 1
    assert not pods(bench)


async def test_a_finished_job_goes_when_its_time_is_up(bench: Bench) -> None:
    job(bench, "true", ttlSecondsAfterFinished=0)
    await bench.until(lambda: not bench.get(kinds.JOB, "work") and not pods(bench))


async def test_a_suspended_job_waits_and_goes_on(bench: Bench) -> None:
    body = job(bench, "sleep 60")
    await bench.until(lambda: status(bench).get("ready") == 1)
    bench.objects.update(kinds.JOB, {**body, "metadata": _name(body), "spec": {**body["spec"], "suspend": True}})
    await bench.until(lambda: condition(status(bench), "Suspended") and not pods(bench))
    assert "startTime" not in status(bench)
    assert not status(bench).get("failed")
    bench.objects.update(kinds.JOB, {**body, "metadata": _name(body), "spec": {**body["spec"], "suspend": False}})
    await bench.until(lambda: status(bench).get("active") == 1)
    (found,) = [one for one in status(bench)["conditions"] if one["type"] == "Suspended"]
    assert (found["status"], found["reason"]) == ("False", "JobResumed")
    assert {"Suspended", "Resumed"} <= told(bench)


async def test_a_pod_that_is_taken_away_counts_as_failed_and_is_replaced(bench: Bench) -> None:
    job(bench, "sleep 60")
    await bench.until(lambda: status(bench).get("ready") == 1)
    (first,) = pods(bench)
    bench.objects.delete(kinds.POD, NAMESPACE, first["metadata"]["name"], grace_s=1)
    await bench.until(lambda: status(bench).get("failed") == 1)
    await bench.until(lambda: bench.get(kinds.POD, first["metadata"]["name"]) is None)


async def test_with_a_job_go_its_pods(bench: Bench) -> None:
    job(bench, "sleep 60")
    await bench.until(lambda: status(bench).get("ready") == 1)
    assert TRACKING in pods(bench)[0]["metadata"]["finalizers"]
    bench.objects.delete(kinds.JOB, NAMESPACE, "work")
    await bench.until(lambda: not pods(bench))


async def test_a_policy_ends_a_job_that_cannot_succeed(bench: Bench) -> None:
    rule = {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}
    job(bench, "exit 42", podFailurePolicy={"rules": [rule]})
    found = await bench.until(lambda: ended(bench))
    assert reason(found, "Failed") == reason(found, "FailureTarget") == "PodFailurePolicy"
    (pod,) = pods(bench)
    what = f"Container web for pod {NAMESPACE}/{pod['metadata']['name']} failed with exit code 42"
    message = (condition(found["status"], "Failed") or {})["message"]
    assert message == f"{what} matching FailJob rule at index 0"
    assert "PodFailurePolicy" in told(bench)


async def test_a_policy_that_waits_for_the_end_of_a_pod_counts_it_once_it_has_ended(bench: Bench) -> None:
    rule = {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [143]}}
    job(bench, "exec sleep 60", podFailurePolicy={"rules": [rule]})
    await bench.until(lambda: status(bench).get("ready") == 1)
    bench.objects.delete(kinds.POD, NAMESPACE, pods(bench)[0]["metadata"]["name"], grace_s=5)
    found = await bench.until(lambda: ended(bench))
    assert reason(found, "Failed") == "PodFailurePolicy"
    assert found["status"]["failed"] == 1


def indexed(bench: Bench, script: str, **spec: Any) -> Raw:
    return job(bench, script, completionMode="Indexed", completions=3, parallelism=3, **spec)


async def test_an_index_that_fails_does_not_hold_up_the_others(bench: Bench) -> None:
    indexed(bench, '[ "$JOB_COMPLETION_INDEX" != 1 ]', backoffLimitPerIndex=0)
    found = await bench.until(lambda: ended(bench))
    assert reason(found, "Failed") == reason(found, "FailureTarget") == "FailedIndexes"
    assert (found["status"]["completedIndexes"], found["status"]["failedIndexes"]) == ("0,2", "1")
    assert (found["status"]["succeeded"], found["status"]["failed"]) == (2, 1)


async def test_a_success_policy_ends_a_job_early(bench: Bench) -> None:
    script = '[ "$JOB_COMPLETION_INDEX" = 2 ] || exec sleep 60'
    indexed(bench, script, successPolicy={"rules": [{"succeededIndexes": "2"}]})
    found = await bench.until(lambda: ended(bench))
    assert reason(found, "Complete") == reason(found, "SuccessCriteriaMet") == "SuccessPolicy"
    assert (condition(found["status"], "Complete") or {})["message"] == "Matched rules at index 0"
    assert (found["status"]["succeeded"], found["status"].get("failed")) == (1, None)
    assert [pod["status"]["phase"] for pod in pods(bench)] == ["Succeeded"]


async def test_a_success_that_only_the_shell_saw_is_no_second_run(bench: Bench) -> None:
    """The program ends while no platform is there to see it."""
    out = bench.folder / "out"
    job(bench, f"echo once >> {out}; until test -e {out}.go; do sleep 0.01; done")
    await bench.until(lambda: status(bench).get("ready") == 1)
    await bench.close(keep_pods=True)
    (bench.folder / "out.go").touch()
    (pod_folder,) = (bench.folder / "pods").iterdir()
    async with asyncio.timeout(5):
        while not list(pod_folder.glob("*.exit")):
            await asyncio.sleep(0.01)
    bench.open()
    await bench.start()
    found = await bench.until(lambda: ended(bench))
    assert found["status"]["succeeded"] == 1
    assert not found["status"].get("failed")
    assert out.read_text() == "once\n"


async def test_an_end_that_was_recorded_but_not_told_is_no_second_run(bench: Bench) -> None:
    out = bench.folder / "out"
    job(bench, f"echo once >> {out}")
    await bench.until(lambda: ended(bench))
    await bench.close()
    bench.open()
    # As a crash would have left it: the process has ended, and neither the pod nor the Job says so.
    (pod,) = pods(bench)
    running = {"running": {"startedAt": pod["status"]["startTime"]}}
    told_last = {**pod["status"]["containerStatuses"][0], "state": running, "ready": True}
    bench.objects.update_status(
        kinds.POD, {**pod, "status": {**pod["status"], "phase": "Running", "containerStatuses": [told_last]}}
    )
    tracked = {**bench.objects.get(kinds.POD, NAMESPACE, pod["metadata"]["name"])}
    bench.objects.update(kinds.POD, {**tracked, "metadata": {**tracked["metadata"], "finalizers": [TRACKING]}})
    found = bench.objects.get(kinds.JOB, NAMESPACE, "work")
    bench.objects.update_status(
        kinds.JOB, {**found, "status": {"active": 1, "startTime": pod["status"]["startTime"]}}
    )
    await bench.start()
    found = await bench.until(lambda: ended(bench))
    assert found["status"]["succeeded"] == 1
    assert out.read_text() == "once\n"


@pytest.mark.parametrize(
    ("numbers", "text"), [((), ""), ((3,), "3"), ((0, 1), "0,1"), ((0, 1, 2, 5, 7, 8), "0-2,5,7,8")]
)
def test_indexes_are_written_in_runs(numbers: tuple[int, ...], text: str) -> None:
    assert indexes.text(numbers) == text
    assert indexes.parse(text, below=100) == set(numbers)


def test_indexes_beyond_the_job_are_not_believed() -> None:
    assert indexes.parse("0-99999999999,x,-,7", below=3) == {0, 1, 2}
    assert indexes.parse(f"3,1-4,{'9' * 5000},5", below=9) == {3, 5}


def _name(body: Raw) -> Raw:
    return {key: body["metadata"][key] for key in ("name", "namespace")}
