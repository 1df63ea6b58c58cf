"""What a Job may wish for: its policies, and its limits per index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coop_core.cluster import kinds, shapes, validation
from tests.controllers.test_job_policies import FAILS_ON_42, indexed, job, on_codes, policy

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw

ONE_IS_ENOUGH = {"rules": [{"succeededCount": 1}]}


def mistakes(body: Raw) -> list[tuple[str, str]]:
    assert shapes.misfit(kinds.JOB, body) is None
    return [(one.field, one.message) for one in validation.causes(kinds.JOB, body)]


def test_what_makes_sense_is_taken() -> None:
    rules = (on_codes("FailIndex", 1, 2), on_codes("Ignore", 0, 3, operator="NotIn", containerName="web"))
    wishes = {"backoffLimitPerIndex": 0, "maxFailedIndexes": 3, "successPolicy": ONE_IS_ENOUGH, **policy(*rules)}
    assert mistakes(indexed(**wishes)) == []


@pytest.mark.parametrize(
    ("spec", "field", "words"),
    [
        ({"backoffLimitPerIndex": 1}, "backoffLimitPerIndex", "requires indexed completion mode"),
        ({"successPolicy": ONE_IS_ENOUGH}, "successPolicy", "requires indexed completion mode"),
        ({"completionMode": "Indexed", "parallelism": 1}, "completions", "when completion mode is Indexed"),
        ({"completionMode": "Indexed", "completions": 100_001,
          "successPolicy": {"rules": [{"succeededCount": 1, "succeededIndexes": "0-99999999999"}]}},
         "completions", "must be less than or equal to 100000"),
        ({**FAILS_ON_42, "podReplacementPolicy": "TerminatingOrFailed"},
         "podReplacementPolicy", 'supported values: "Failed"'),
    ],
)  # fmt: skip
def test_a_job_that_makes_no_sense_is_refused(spec: Raw, field: str, words: str) -> None:
    assert [(at, words in why) for at, why in mistakes(job(**spec))] == [(f"spec.{field}", True)]


@pytest.mark.parametrize(
    ("rule", "field", "words"),
    [
        (on_codes("FailIndex", 1), ".action", "requires the backoffLimitPerIndex to be set"),
        (on_codes("Retry", 1), ".action", "supported values"),
        (on_codes("Count", 0), ".onExitCodes.values[0]", "must not be 0 for the In operator"),
        (on_codes("Count", 2, 1), ".onExitCodes.values", "must be ordered"),
        (on_codes("Count", 1, 1), ".onExitCodes.values[1]", "Duplicate value: 1"),
        (on_codes("Count", *[1] * 256), ".onExitCodes.values", "Too many: 256: must have at most 255 items"),
        (on_codes("Count"), ".onExitCodes.values", "at least one value is required"),
        (on_codes("Count", 1, operator="Is"), ".onExitCodes.operator", "supported values"),
        (on_codes("Count", 1, containerName="db"), ".onExitCodes.containerName", "must be one of the container or"),
        ({"action": "Count"}, "", "specifying one of OnExitCodes and OnPodConditions is required"),
        ({**on_codes("Count", 1), "onPodConditions": [{"type": "A"}]}, "", "specifying both OnExitCodes and"),
        ({"action": "Count", "onPodConditions": [{"type": "A", "status": "Maybe"}]},
         ".onPodConditions[0].status", "supported values"),
    ],
)  # fmt: skip
def test_a_rule_for_failures_that_makes_no_sense_is_refused(rule: Raw, field: str, words: str) -> None:
    found = mistakes(job(**policy(rule)))
    assert [(at, words in why) for at, why in found] == [(f"spec.podFailurePolicy.rules[0]{field}", True)]


@pytest.mark.parametrize(
    ("spec", "field", "words"),
    [
        ({"maxFailedIndexes": 1}, "backoffLimitPerIndex", "when maxFailedIndexes is specified"),
        (
            {"maxFailedIndexes": 4, "backoffLimitPerIndex": 1},
            "maxFailedIndexes",
            "less than or equal to completions",
        ),
        ({"successPolicy": {"rules": []}}, "successPolicy.rules", "at least one rules must be specified"),
    ],
)
def test_an_indexed_job_that_makes_no_sense_is_refused(spec: Raw, field: str, words: str) -> None:
    assert [(at, words in why) for at, why in mistakes(indexed(**spec))] == [(f"spec.{field}", True)]


@pytest.mark.parametrize(
    ("rule", "field", "words"),
    [
        ({}, "", "at least one of succeededCount or succeededIndexes must be specified"),
        ({"succeededCount": 4}, ".succeededCount", "equal to 3 (the number of specified completions)"),
        ({"succeededCount": 2, "succeededIndexes": "1"}, ".succeededCount", "equal to 1 (the number of indexes in"),
        ({"succeededIndexes": "2,1"}, ".succeededIndexes", "non-increasing order"),
        ({"succeededIndexes": "0-3"}, ".succeededIndexes", 'too large index: "3"'),
        ({"succeededIndexes": "a"}, ".succeededIndexes", "cannot convert string to integer"),
        ({"succeededIndexes": "9" * 5000}, ".succeededIndexes", "cannot convert string to integer"),
    ],
)
def test_a_rule_for_success_that_makes_no_sense_is_refused(rule: Raw, field: str, words: str) -> None:
    found = mistakes(indexed(successPolicy={"rules": [rule]}))
    assert [(at, words in why) for at, why in found] == [(f"spec.successPolicy.rules[0]{field}", True)]


@pytest.mark.parametrize("wish", ["podFailurePolicy", "backoffLimitPerIndex"])
def test_policies_are_for_pods_that_never_start_again(wish: str) -> None:
    body = indexed(backoffLimitPerIndex=1) if wish == "backoffLimitPerIndex" else job(**FAILS_ON_42)
    body["spec"]["template"]["spec"]["restartPolicy"] = "OnFailure"
    ((field, why),) = mistakes(body)
    assert field == "spec.template.spec.restartPolicy"
    assert why.endswith(f'only "Never" is supported when {wish} is specified')


def test_policies_stay_as_they_are() -> None:
    old, new = job(**FAILS_ON_42), job(**policy(on_codes("Ignore", 1)))
    assert [one.field for one in validation.update_causes(kinds.JOB, old, new)] == ["spec.podFailurePolicy"]
