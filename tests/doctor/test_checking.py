"""How checks are run, whatever they look at."""

from __future__ import annotations

import asyncio
import json
import unicodedata

import click

from coop_core.doctor.checking import Check, Outcome, Result, Verdict, examine, failed, passed
from coop_core.errors import CoopError
from coop_tui.commands.doctor import as_json, lines


async def test_checks_run_beside_each_other_and_come_in_order() -> None:
    first_began, second_began = asyncio.Event(), asyncio.Event()

    async def first() -> Result:
        first_began.set()
        await second_began.wait()
        return passed("one")

    async def second() -> Result:
        second_began.set()
        await first_began.wait()
        return passed("two")

    outcomes = await examine([Check("first", first), Check("second", second)])
    assert [(outcome.name, outcome.result.says) for outcome in outcomes] == [("first", "one"), ("second", "two")]


async def test_a_check_that_hangs_fails_alone() -> None:
    async def hang() -> Result:
        await asyncio.Event().wait()
        raise AssertionError

    async def well() -> Result:
        return passed("well")

    hung, other = await examine([Check("hangs", hang, limit_s=0.05), Check("well", well)])
    assert (hung.result.verdict, hung.result.says) == (Verdict.FAILED, "no answer within 0.05 s")
    assert hung.result.mend == "check the network, then coop doctor again"
    assert other.result.verdict is Verdict.PASSED


async def test_an_error_for_the_user_is_a_failure_with_its_remedy() -> None:
    async def look() -> Result:
        raise CoopError("cannot do it", "it is broken", "mend it")

    [outcome] = await examine([Check("broken", look)])
    assert (outcome.result.says, outcome.result.mend) == ("cannot do it: it is broken", "mend it")


async def test_what_can_be_mended_safely_is_and_is_looked_at_again() -> None:
    state = {"good": False, "tries": 0}

    async def look() -> Result:
        return passed("good") if state["good"] else failed("bad", "do it", lambda: state.update(good=True))

    async def hopeless() -> Result:
        return failed("bad", "do it", lambda: state.update(tries=state["tries"] + 1))

    async def unsafe() -> Result:
        return failed("bad", "do it yourself")

    checks = [Check("a", look), Check("b", hopeless), Check("c", unsafe)]
    assert [outcome.has_failed for outcome in await examine(checks)] == [True, True, True]
    assert state == {"good": False, "tries": 0}
    outcomes = await examine(checks, is_fixing=True)
    assert [(outcome.has_failed, outcome.fixed) for outcome in outcomes] == [
        (False, True), (True, False), (True, False),
    ]  # fmt: skip
    assert state["tries"] == 1


async def test_a_fix_that_fails_says_so_and_keeps_the_mend() -> None:
    def refuse() -> None:
        raise PermissionError(1, "not yours")

    async def look() -> Result:
        return failed("bad", "sudo mend it", refuse)

    [outcome] = await examine([Check("a", look)], is_fixing=True)
    assert "not yours" in outcome.result.says
    assert (outcome.result.mend, outcome.result.fix, outcome.fixed) == ("sudo mend it", None, False)


async def test_hostile_words_and_passwords_do_not_get_out() -> None:
    async def look() -> Result:
        return failed("\x1b]0;x\x07at https://ada:hunter2@example.org\u202e" + "x" * 5000, "mend\n\x1b[31m it")

    outcomes = await examine([Check("a", look)])
    for shown in (click.unstyle("\n".join(lines(outcomes))), as_json(outcomes)):
        assert "hunter2" not in shown
        assert not [char for char in shown if unicodedata.category(char) in ("Cc", "Cf") and char != "\n"]
        assert len(shown) < 1000


def test_what_is_printed_says_the_mend_and_what_does_it() -> None:
    outcomes = [
        Outcome("git", passed("Git 2.50")), Outcome("files", failed("open", "chmod x", lambda: None)),
        Outcome("old", passed("new"), fixed=True),
    ]  # fmt: skip
    assert [click.unstyle(line) for line in lines(outcomes)] == [
        "✓ git            Git 2.50",
        "✗ files          open",
        "                 mend: chmod x  (coop doctor --fix does it)",
        "✓ old            new (mended)",
        "",
        "1 of 3 checks failed.",
    ]
    found = json.loads(as_json(outcomes))
    assert found["healthy"] is False
    assert found["checks"][1] == {
        "name": "files", "verdict": "failed", "says": "open", "mend": "chmod x", "canFix": True, "fixed": False,
    }  # fmt: skip
