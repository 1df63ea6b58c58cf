"""What a Job does next after a failure or a success, without a platform: its policies and limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from coop_core.clock import rfc3339
from coop_core.cluster import defaults, indexes, kinds
from coop_core.cluster.job_failures import FAILURES, IGNORED_FAILURES
from coop_core.cluster.job_pods import TRACKING
from coop_core.cluster.job_status import condition
from coop_core.cluster.jobs import New, Step, step

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw

NOW_S = 1_800_000_000.0


def job(**spec: Any) -> Raw:
    pod = {"restartPolicy": "Never", "containers": [{"name": "web", "image": "web:1"}]}
    body = {
        "metadata": {"name": "work", "namespace": "main", "uid": "job"},
        "spec": {"template": {"spec": pod}, **spec},
    }
    return defaults.defaulted(kinds.JOB, body)


def indexed(**spec: Any) -> Raw:
    return job(**{"completionMode": "Indexed", "completions": 3, "parallelism": 3, **spec})


def pod(name: str = "a", phase: str = "Running", *, index: int | None = None, code: int = 1, **more: Any) -> Raw:
    """A pod that ended a second ago, if it has."""
    marks = {} if index is None else {indexes.ANNOTATION: str(index)}
    ended = {"exitCode": 0 if phase == "Succeeded" else code, "finishedAt": rfc3339(NOW_S - 1)}
    states = [{"name": "web", "state": {"terminated": ended} if phase in ("Failed", "Succeeded") else {}}]
    return {
        "metadata": {
            "name": name,
            "namespace": "main",
            "uid": name,
            "creationTimestamp": rfc3339(NOW_S - 60),
            "finalizers": [TRACKING],
            "annotations": {**marks, **more.pop("annotations", {})},
            **({"deletionTimestamp": rfc3339(NOW_S)} if more.pop("leaves", False) else {}),
        },
        "status": {"phase": phase, "containerStatuses": states, **more},
    }


def names(pods: tuple[Raw, ...]) -> list[str]:
    return [one["metadata"]["name"] for one in pods]


def policy(*rules: Raw) -> Raw:
    return {"podFailurePolicy": {"rules": list(rules)}}


def on_codes(action: str, *values: int, operator: str = "In", **more: Any) -> Raw:
    return {"action": action, "onExitCodes": {"operator": operator, "values": list(values), **more}}


def said(taken: Step, type_: str) -> tuple[str, str]:
    found = condition(taken.status, type_) or {}
    return found.get("reason", ""), found.get("message", "")


def after(body: Raw, taken: Step) -> Raw:
    return {**body, "status": taken.status}


def released(pods: list[Raw]) -> list[Raw]:
    return [{**one, "metadata": {**one["metadata"], "finalizers": []}} for one in pods]


FAILS_ON_42 = policy(on_codes("FailJob", 42))


def test_the_whole_job_is_to_fail_before_it_has() -> None:
    body, running = job(parallelism=2, completions=2, **FAILS_ON_42), pod("b")
    first = step(body, [pod("a", "Failed", code=42), running], NOW_S)
    why = "Container web for pod main/a failed with exit code 42 matching FailJob rule at index 0"
    assert said(first, "FailureTarget") == ("PodFailurePolicy", why)
    assert condition(first.status, "Failed") is None
    assert (names(first.end), names(first.release), first.create) == (["b"], ["a"], ())
    left = [*released([pod("a", "Failed", code=42)]), pod("b", "Failed", code=143)]
    second = step(after(body, first), left, NOW_S)
    third = step(after(body, second), released(left), NOW_S)
    assert condition(second.status, "Failed") is None
    assert said(third, "Failed") == ("PodFailurePolicy", why)
    assert third.status["failed"] == 2


def test_an_ignored_failure_counts_for_nothing() -> None:
    body = job(backoffLimit=0, **policy(on_codes("Ignore", 42)))
    first = step(body, [pod("a", "Failed", code=42)], NOW_S)
    assert names(first.release) == ["a"]
    assert not first.status.get("failed")
    assert not first.status["uncountedTerminatedPods"]
    assert first.again_s == pytest.approx(9)
    again = step(after(body, first), released([pod("a", "Failed", code=42)]), NOW_S + 10)
    assert again.create == (New(),)


@pytest.mark.parametrize(
    ("rules", "ends"),
    [
        ((on_codes("Count", 42), on_codes("FailJob", 42)), False),
        ((on_codes("FailJob", 1, 2), on_codes("FailJob", 42)), True),
        ((on_codes("FailJob", 1, 2, operator="NotIn"),), True),
        ((on_codes("FailJob", 42, operator="NotIn"),), False),
        ((on_codes("FailJob", 42, containerName="web"),), True),
        ((on_codes("FailJob", 42, containerName="other"),), False),
        (({"action": "FailJob", "onPodConditions": [{"type": "DisruptionTarget"}]},), True),
        (({"action": "FailJob", "onPodConditions": [{"type": "DisruptionTarget", "status": "False"}]},), False),
    ],
)
def test_the_first_rule_that_fits_decides(rules: tuple[Raw, ...], ends: bool) -> None:
    conditions = [{"type": "DisruptionTarget", "status": "True"}]
    taken = step(job(**policy(*rules)), [pod("a", "Failed", code=42, conditions=conditions)], NOW_S)
    assert bool(condition(taken.status, "FailureTarget")) == ends


def test_a_condition_is_told_as_the_reason() -> None:
    rule = {"action": "FailJob", "onPodConditions": [{"type": "DisruptionTarget"}]}
    conditions = [{"type": "DisruptionTarget", "status": "True"}]
    taken = step(job(**policy(rule)), [pod("a", "Failed", conditions=conditions)], NOW_S)
    why = "Pod main/a has condition DisruptionTarget matching FailJob rule at index 0"
    assert said(taken, "FailureTarget") == ("PodFailurePolicy", why)


def test_a_container_that_ended_well_fits_no_rule() -> None:
    body = job(**policy(on_codes("FailJob", 5, operator="NotIn")))
    taken = step(body, [pod("a", "Failed", code=0)], NOW_S)
    assert condition(taken.status, "FailureTarget") is None


def test_with_a_policy_a_pod_is_replaced_once_it_has_ended() -> None:
    leaving = pod("a", leaves=True)
    waits = step(job(**FAILS_ON_42), [leaving], NOW_S)
    assert (waits.create, waits.release, waits.status["terminating"]) == ((), (), 1)
    at_once = step(job(), [leaving], NOW_S)
    assert (at_once.create, names(at_once.release)) == ((New(),), ["a"])


# Per index


def test_the_last_failed_pod_of_an_index_waits_for_the_next() -> None:
    body = indexed(backoffLimitPerIndex=2)
    pods = [pod("a", "Failed", index=0), pod("b", index=1), pod("c", index=2)]
    first = step(body, pods, NOW_S)
    assert (first.release, first.create) == ((), ())
    assert not first.status.get("failed")
    assert first.again_s == pytest.approx(9)
    later = step(after(body, first), pods, NOW_S + 10)
    assert later.create == (New(0, {FAILURES: "1"}),)
    there = step(after(body, later), [*pods, pod("d", index=0, annotations={FAILURES: "1"})], NOW_S + 10)
    assert names(there.release) == ["a"]
    assert there.status["uncountedTerminatedPods"] == {"failed": ["a"]}


def test_each_further_failure_of_an_index_waits_twice_as_long() -> None:
    failed = pod("a", "Failed", index=0, annotations={FAILURES: "1", IGNORED_FAILURES: "1"})
    taken = step(indexed(completions=1, backoffLimitPerIndex=5), [failed], NOW_S)
    assert taken.again_s == pytest.approx(39)


def test_an_ignored_failure_of_an_index_is_written_down_apart() -> None:
    body = indexed(completions=1, backoffLimitPerIndex=0, **policy(on_codes("Ignore", 42)))
    failed = pod("a", "Failed", index=0, code=42)
    assert step(body, [failed], NOW_S + 60).create == (New(0, {FAILURES: "0", IGNORED_FAILURES: "1"}),)


def test_an_index_that_used_up_its_limit_has_failed() -> None:
    failed = pod("a", "Failed", index=1, annotations={FAILURES: "1"})
    taken = step(indexed(backoffLimitPerIndex=1), [failed], NOW_S)
    assert taken.status["failedIndexes"] == "1"
    assert names(taken.release) == ["a"]
    assert [new.index for new in taken.create] == [0, 2]


def test_a_job_without_failed_indexes_says_so() -> None:
    assert step(indexed(backoffLimitPerIndex=1), [], NOW_S).status["failedIndexes"] == ""
    assert "failedIndexes" not in step(indexed(), [], NOW_S).status


def test_an_index_fails_at_once_by_policy() -> None:
    body = indexed(backoffLimitPerIndex=9, **policy(on_codes("FailIndex", 42)))
    taken = step(body, [pod("a", "Failed", index=2, code=42)], NOW_S)
    assert taken.status["failedIndexes"] == "2"
    assert condition(taken.status, "FailureTarget") is None


def test_too_many_failed_indexes_end_the_job() -> None:
    body = indexed(backoffLimitPerIndex=0, maxFailedIndexes=1)
    one = step(body, [pod("a", "Failed", index=0), pod("b", index=1)], NOW_S)
    assert condition(one.status, "FailureTarget") is None
    two = step(body, [pod("a", "Failed", index=0), pod("b", "Failed", index=1), pod("c", index=2)], NOW_S)
    assert said(two, "FailureTarget") == (
        "MaxFailedIndexesExceeded",
        "Job has exceeded the specified maximal number of failed indexes",
    )
    assert names(two.end) == ["c"]


def test_a_job_with_a_failed_index_fails_when_all_have_ended() -> None:
    pods = [pod("a", "Failed", index=0), pod("b", "Succeeded", index=1), pod("c", "Succeeded", index=2)]
    taken = step(indexed(backoffLimitPerIndex=0), pods, NOW_S)
    assert said(taken, "FailureTarget") == ("FailedIndexes", "Job has failed indexes")
    assert sorted(names(taken.release)) == ["a", "b", "c"]


def test_the_limit_of_the_whole_job_holds_beside_that_of_an_index() -> None:
    body = indexed(backoffLimit=0, backoffLimitPerIndex=5)
    taken = step(body, [pod("a", "Failed", index=0)], NOW_S)
    assert said(taken, "FailureTarget")[0] == "BackoffLimitExceeded"
    assert names(taken.release) == ["a"]


# Success


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([{"succeededIndexes": "0-1"}], ""),
        ([{"succeededIndexes": "0-1"}, {"succeededIndexes": "0"}], "Matched rules at index 1"),
        ([{"succeededCount": 1}], "Matched rules at index 0"),
        ([{"succeededCount": 2}], ""),
        ([{"succeededIndexes": "0-2", "succeededCount": 1}], "Matched rules at index 0"),
        ([{"succeededIndexes": "1-2", "succeededCount": 1}], ""),
    ],
)
def test_a_success_policy_is_met_by_its_first_rule_that_is(rules: list[Raw], message: str) -> None:
    pods = [pod("a", "Succeeded", index=0), pod("b", index=1)]
    taken = step(indexed(successPolicy={"rules": rules}), pods, NOW_S)
    assert said(taken, "SuccessCriteriaMet") == (("SuccessPolicy", message) if message else ("", ""))
    assert names(taken.dismiss) == (["b"] if message else [])
    assert taken.end == ()


def test_what_is_sure_to_succeed_does_not_fail_any_more() -> None:
    ends_all = policy(on_codes("FailJob", 143))
    body = indexed(successPolicy={"rules": [{"succeededCount": 1}]}, **ends_all)
    first = step(body, [pod("a", "Succeeded", index=0), pod("b", index=1)], NOW_S)
    left = [*released([pod("a", "Succeeded", index=0)]), *released([pod("b", "Failed", index=1, code=143)])]
    second = step(after(body, first), left, NOW_S)
    assert said(second, "Complete") == ("SuccessPolicy", "Matched rules at index 0")
    assert not second.status.get("failed")


@pytest.mark.parametrize(
    "body", [job(parallelism=2000, completions=2000), indexed(parallelism=2000, completions=2000)]
)
def test_one_step_makes_so_many_pods_and_the_next_goes_on(body: Raw) -> None:
    made = [pod(str(number), index=number) for number in range(len(step(body, [], NOW_S).create))]
    assert len(made) == 500
    assert len(step(body, made, NOW_S).create) == 500


def test_an_index_that_nobody_could_count_to_is_none() -> None:
    odd = pod(annotations={indexes.ANNOTATION: "9" * 5000})
    assert names(step(indexed(), [odd], NOW_S).dismiss) == ["a"]
