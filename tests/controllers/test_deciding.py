from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from coop_core.clock import rfc3339
from coop_core.local.controllers.applications.deciding import (
    Hold,
    Situation,
    Sync,
    decide,
    retry_in_s,
    seconds,
)

NOW_S = 1_700_000_000.0
SOURCE = {"repoURL": "r", "path": "web", "targetRevision": "refs/heads/env/main"}


def situation(*, automated: Any = None, last: Any = None, **facts: Any) -> Situation:
    policy = {"automated": automated if automated is not None else {"prune": True, "selfHeal": True}}
    application = {"spec": {"source": SOURCE, "syncPolicy": policy}, "status": {"operationState": last or {}}}
    base = Situation(application, "new", is_synced=False, only_prunable=False, is_empty=False, now_s=NOW_S)
    return replace(base, **facts)


def tried(phase: str, *, revision: str = "new", ago_s: float = 1, **more: Any) -> dict[str, Any]:
    result = {"revision": revision, "source": SOURCE}
    return {"phase": phase, "syncResult": result, "finishedAt": rfc3339(NOW_S - ago_s), "message": "no", **more}


def test_what_differs_is_synced_at_its_revision() -> None:
    decision = decide(situation())
    assert isinstance(decision, Sync)
    assert decision.operation["sync"]["revision"] == "new"
    assert decision.operation["sync"]["prune"] is True
    assert decision.operation["initiatedBy"] == {"automated": True}


@pytest.mark.parametrize("facts", [{"is_synced": True}, {"automated": {"enabled": False}}])
def test_what_is_synced_or_manual_is_left_alone(facts: Any) -> None:
    assert decide(situation(**facts)) == Hold()


def test_only_prunable_differences_wait_for_prune() -> None:
    assert decide(situation(automated={}, only_prunable=True)) == Hold()
    assert isinstance(decide(situation(only_prunable=True)), Sync)


def test_an_empty_branch_does_not_wipe_out_everything() -> None:
    assert decide(situation(is_empty=True)) == Hold(
        "Skipping sync attempt to new: auto-sync will wipe out all resources"
    )
    assert isinstance(decide(situation(automated={"allowEmpty": True}, is_empty=True)), Sync)


def test_a_failed_revision_is_not_tried_again() -> None:
    assert decide(situation(last=tried("Failed"))) == Hold("Failed last sync attempt to new: no")


def test_a_new_revision_is_tried_whatever_became_of_the_last() -> None:
    assert isinstance(decide(situation(last=tried("Failed", revision="old"))), Sync)


def test_a_retry_waits_for_its_time() -> None:
    operation = {"sync": {"revision": "new"}, "retry": {"limit": 5}}
    waiting = tried("Running", ago_s=4, retryCount=2, operation=operation)
    assert decide(situation(last=waiting)) == Hold(again_s=6.0)
    assert decide(situation(last=waiting, now_s=NOW_S + 6)) == Sync(operation, 2)


def test_drift_is_healed_at_once_and_then_ever_more_slowly() -> None:
    first = decide(situation(last=tried("Succeeded")))
    assert isinstance(first, Sync)
    assert first.operation["sync"]["selfHealAttemptsCount"] == 1
    again = tried("Succeeded", operation=first.operation)
    assert decide(situation(last=again)) == Hold(again_s=1.0)
    third = decide(situation(last=again, now_s=NOW_S + 2))
    assert isinstance(third, Sync)
    assert third.operation["sync"]["selfHealAttemptsCount"] == 2


def test_without_self_heal_drift_stays() -> None:
    assert decide(situation(automated={"prune": True}, last=tried("Succeeded"))) == Hold()


def test_a_manual_operation_is_always_done() -> None:
    asked = situation(is_synced=True)
    asked.application["operation"] = {"initiatedBy": {"username": "ada"}, "sync": {"prune": True}}
    assert decide(asked) == Sync({"initiatedBy": {"username": "ada"}, "sync": {"prune": True, "revision": "new"}})


def test_retries_double_up_to_their_limits() -> None:
    assert [retry_in_s({"retry": {"limit": 8}}, n) for n in (0, 1, 5, 6, 8)] == [5, 10, 160, 180, None]
    assert retry_in_s({"retry": {"limit": -1, "backoff": {"duration": "1s", "factor": 3}}}, 2) == 9
    assert retry_in_s({}, 0) is None


def test_durations_are_read() -> None:
    assert [seconds(text, 7) for text in ("5s", "3m", "500ms", "1h", "", "soon")] == [5, 180, 0.5, 3600, 7, 7]
