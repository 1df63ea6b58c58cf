"""Checks, run beside each other, each with a bound. Owns what a result is; knows nothing of what is checked."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from coop_core.errors import CoopError
from coop_core.git.failures import clean

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

LIMIT_S = 10.0
"""For one check that needs no more; all of them run at once."""
TEXT_LIMIT = 300


class Verdict(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    """It does not matter here, or nothing can be said; `says` tells why."""


@dataclass(frozen=True, slots=True)
class Result:
    """says: what was seen. mend: a command or an edit, "" unless it failed. fix: mends it here, when that is safe:
    it gives nothing away, stops nothing that runs and can be done twice.
    """

    verdict: Verdict
    says: str
    mend: str = ""
    fix: Callable[[], object] | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """name: one or two words. look: may raise CoopError, which then is the result."""

    name: str
    look: Callable[[], Awaitable[Result]]
    limit_s: float = LIMIT_S


@dataclass(frozen=True, slots=True)
class Outcome:
    """A check and how it came out; every text is printable and without secrets. fixed: it failed before."""

    name: str
    result: Result
    fixed: bool = False

    @property
    def has_failed(self) -> bool:
        return self.result.verdict is Verdict.FAILED


def passed(says: str) -> Result:
    return Result(Verdict.PASSED, says)


def skipped(says: str) -> Result:
    return Result(Verdict.SKIPPED, says)


def failed(says: str, mend: str, fix: Callable[[], object] | None = None) -> Result:
    return Result(Verdict.FAILED, says, mend, fix)


async def examine(checks: Sequence[Check], *, is_fixing: bool = False) -> list[Outcome]:
    """The outcome of each check, in order. is_fixing: what can be mended safely is, and is looked at again."""
    outcomes = await asyncio.gather(*(_look(check) for check in checks))
    if not is_fixing:
        return outcomes
    for place, (check, outcome) in enumerate(zip(checks, outcomes, strict=True)):
        if outcome.has_failed and outcome.result.fix is not None:
            outcomes[place] = await _fix(check, outcome, outcome.result.fix)
    return outcomes


async def _look(check: Check) -> Outcome:
    try:
        async with asyncio.timeout(check.limit_s):
            result = await check.look()
    except TimeoutError:
        result = failed(f"no answer within {check.limit_s:g} s", "check the network, then coop doctor again")
    except CoopError as error:
        result = failed(f"{error.what}: {error.why}", error.remedy)
    except OSError as error:
        result = failed(error.strerror or type(error).__name__, "coop doctor, once that is mended")
    return Outcome(check.name, _clean(result))


async def _fix(check: Check, before: Outcome, fix: Callable[[], object]) -> Outcome:
    try:
        await asyncio.to_thread(fix)
    except (OSError, CoopError) as error:
        says = f"{before.result.says}; it could not be mended here: {error}"
        return replace(before, result=_clean(replace(before.result, says=says, fix=None)))
    after = await _look(check)
    return replace(after, fixed=not after.has_failed)


def _clean(result: Result) -> Result:
    return replace(result, says=clean(result.says, TEXT_LIMIT), mend=clean(result.mend, TEXT_LIMIT))
