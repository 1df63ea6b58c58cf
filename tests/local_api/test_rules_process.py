"""The process that rules run in: no rule hangs or fills the platform, and it comes back."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil
import pytest

from coop_core.local.rules.judge import Judge
from tests.local_api.test_api_definitions import DEFINITIONS, WIDGETS, widget
from tests.local_api.test_api_rules import INTEGER, told, with_rules

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw
    from coop_core.local.objects import Objects
    from tests.local_api.api_client import Api

LETTERS = {"type": "string"}
OUT_OF_BUDGET = "validation failed due to running out of cost budget, no further validation rules will be run"


def processes() -> list[psutil.Process]:
    """Those of this test that run rules."""
    found = []
    for one in psutil.Process().children():
        with suppress(psutil.Error):  # of other tests, there may be what has ended
            if "coop_core.local.rules.process" in one.cmdline():
                found.append(one)
    return found


@pytest.mark.parametrize(
    ("rule", "letters"),
    [
        # Sixteen million letters out of four thousand, and sixty-four thousand million out of those.
        ("self.letters.replace('a', self.letters).replace('a', self.letters).size() >= 0", "a" * 4000),
        # Nine thousand rounds, each with a pattern that takes its time.
        ("self.rounds.all(x, !self.letters.matches('[ab][abc]{300}d'))", "abc" * 4000),
    ],
    ids=["memory", "time"],
)
async def test_a_rule_that_wants_too_much_is_ended_and_its_object_refused(
    api: Api, rule: str, letters: str
) -> None:
    fields = {"letters": LETTERS, "rounds": {"type": "array", "items": INTEGER}}
    await api.made(DEFINITIONS, with_rules(fields, {"rule": rule}))
    begun_s = time.monotonic()
    ((field, reason, message),) = told(await api.post(WIDGETS, widget(letters=letters, rounds=[1] * 9000)))
    assert time.monotonic() - begun_s < 10
    assert reason == "FieldValueInvalid"
    assert field in ("spec", "<nil>")
    assert "no further validation rules will be run" in message
    await api.made(WIDGETS, widget(letters="", rounds=[]))


async def test_a_process_that_was_killed_is_followed_by_another(api: Api) -> None:
    await api.made(DEFINITIONS, with_rules({"count": INTEGER}, {"rule": "self.count > 0"}))
    await api.made(WIDGETS, widget(count=1))
    (first,) = processes()
    first.kill()
    first.wait(5)
    assert told(await api.post(WIDGETS, widget("b", count=0)))[0][2].endswith("failed rule: self.count > 0")
    (second,) = processes()
    assert second.pid != first.pid


async def test_a_process_that_takes_nothing_any_more_holds_nobody_up(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await api.made(DEFINITIONS, with_rules({"letters": LETTERS}, {"rule": "self.letters.size() > 0"}))
    (stopped,) = processes()
    stopped.suspend()
    monkeypatch.setattr("coop_core.local.rules.judge._PATIENCE_S", 0.2)
    ((_, _, message),) = told(await api.post(WIDGETS, widget(letters="a" * 1_000_000)))  # more than a pipe holds
    assert OUT_OF_BUDGET in message
    monkeypatch.undo()
    assert not stopped.is_running()
    await api.made(WIDGETS, widget(letters="a" * 1_000_000))


async def test_without_rules_there_is_no_process(api: Api, objects: Objects) -> None:
    await api.made(DEFINITIONS, with_rules({"count": INTEGER}))
    await api.made(WIDGETS, widget(count=1))
    assert processes() == []


def test_a_version_that_ends_the_process_is_the_last_to_be_tried() -> None:
    schema: Raw = {"type": "string"}
    for _ in range(400):  # more than the API lets in: it stands for whatever ends the process
        schema = {"type": "object", "properties": {"below": schema}}
    schema["x-kubernetes-validations"] = [{"rule": "true"}]
    version = {"schema": {"openAPIV3Schema": schema}}
    judge = Judge()
    (cause,) = judge.of_definition({"spec": {"versions": [version, version, version]}}, None)
    assert cause.field == "spec.versions[0].schema.openAPIV3Schema"
    judge.close()


def test_with_its_owner_the_process_ends() -> None:
    judge = Judge()
    schema = {"type": "object", "x-kubernetes-validations": [{"rule": "true"}]}
    version = {"schema": {"openAPIV3Schema": schema}}
    assert judge.of_definition({"spec": {"versions": [version]}}, None) == ()
    (process,) = processes()
    del judge
    process.wait(5)
