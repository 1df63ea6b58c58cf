from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from coop_core.doctor import machine_checks
from coop_core.doctor.checking import Outcome, Verdict, examine

if TYPE_CHECKING:
    from pathlib import Path

    from coop_core.doctor.case import Case


async def look(case: Case, *, is_fixing: bool = False) -> dict[str, Outcome]:
    return {outcome.name: outcome for outcome in await examine(machine_checks.checks(case), is_fixing=is_fixing)}


async def test_a_new_machine_passes(case: Case) -> None:
    found = await look(case)
    assert {outcome.result.verdict for outcome in found.values()} <= {Verdict.PASSED, Verdict.SKIPPED}
    assert found["settings"].result.says.startswith("all defaults; ")


async def test_a_mistake_in_the_settings_is_told(case: Case) -> None:
    case.home.config.mkdir(parents=True)
    case.home.settings_file.write_text("prot = 1\n")
    result = (await look(case))["settings"].result
    assert result.verdict is Verdict.FAILED
    assert "The keys are user, remote" in result.mend


async def test_tokens_that_others_can_read_are_closed_by_fix_alone(case: Case) -> None:
    platform = case.home.platform
    (platform / "tls").mkdir(parents=True)
    files = [platform / "tokens.json", platform / "tls" / "ca.key", case.home.state / "kubeconfig"]
    for path in files:
        path.write_text("x")
        path.chmod(0o644)
    platform.chmod(0o755)
    result = (await look(case))["private files"].result
    assert result.verdict is Verdict.FAILED
    assert result.mend.startswith("chmod go-rwx ")
    assert _modes(files) == [0o644] * 3
    mended = (await look(case, is_fixing=True))["private files"]
    assert (mended.fixed, mended.result.verdict) == (True, Verdict.PASSED)
    assert _modes([*files, platform]) == [0o600] * 3 + [0o700]


def _modes(paths: list[Path]) -> list[int]:
    return [stat.S_IMODE(path.stat().st_mode) for path in paths]
