"""`coop doctor`: what is wrong here, and the command that mends it."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from coop_core.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coop_core.doctor.checking import Outcome

_MARKS = {"passed": ("✓", "green"), "failed": ("✗", "red"), "skipped": ("-", "bright_black")}


@click.command()
@click.option("--fix", is_flag=True, help="Mend what can be mended safely: file modes, leftovers, old kubeconfigs.")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", help="How to print.")
def command(fix: bool, output: str) -> None:
    """Check what coop needs: git, the remote, this machine, Dagger and the registry, the platform.

    Each check passes, or fails with a command that mends it. Exits with 1 when any failed. Starts
    nothing, but where Dagger builds: there it asks the engine, by a session that ends with the check.
    """
    from coop_core.clock import SystemClock
    from coop_core.doctor.all_checks import checks
    from coop_core.doctor.case import Case
    from coop_core.doctor.checking import examine
    from coop_core.paths import Home

    case = Case.of(Home.from_environment(), Path.cwd(), os.environ, SystemClock())
    outcomes = asyncio.run(examine(checks(case), is_fixing=fix))
    click.echo(as_json(outcomes) if output == "json" else "\n".join(lines(outcomes)))
    if any(outcome.has_failed for outcome in outcomes):
        raise click.exceptions.Exit(ExitCode.FAILED)


def lines(outcomes: Sequence[Outcome]) -> list[str]:
    """One for each check, and one more for each mend."""
    found = []
    for outcome in outcomes:
        result = outcome.result
        mark, colour = _MARKS[result.verdict]
        mended = " (mended)" if outcome.fixed else ""
        found.append(f"{click.style(mark, fg=colour)} {outcome.name:14} {result.says}{mended}")
        if result.mend:
            can_fix = "  (coop doctor --fix does it)" if result.fix else ""
            found.append(f"{'':17}{click.style('mend:', fg='cyan')} {result.mend}{can_fix}")
    bad = sum(outcome.has_failed for outcome in outcomes)
    return [*found, "", f"{bad} of {len(outcomes)} checks failed." if bad else "Nothing is wrong."]


def as_json(outcomes: Sequence[Outcome]) -> str:
    rows = [
        {
            "name": outcome.name,
            "verdict": outcome.result.verdict.value,
            "says": outcome.result.says,
            "mend": outcome.result.mend,
            "canFix": outcome.result.fix is not None,
            "fixed": outcome.fixed,
        }
        for outcome in outcomes
    ]
    return json.dumps({"healthy": not any(outcome.has_failed for outcome in outcomes), "checks": rows}, indent=2)
