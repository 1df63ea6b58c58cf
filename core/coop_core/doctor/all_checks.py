"""Every check there is, in the order in which they are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.doctor import build_checks, git_checks, machine_checks, platform_checks

if TYPE_CHECKING:
    from coop_core.doctor.case import Case
    from coop_core.doctor.checking import Check


def checks(case: Case) -> list[Check]:
    return [
        *git_checks.checks(case),
        *machine_checks.checks(case),
        *build_checks.checks(case),
        *platform_checks.checks(case),
    ]
