from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.kube.serving import api, client
from tests.proxy.serving import ada, clock, proxy

if TYPE_CHECKING:
    import pytest

__all__ = ["ada", "api", "client", "clock", "proxy"]

REFUSED_ATTEMPTS: Counter[str] = Counter()
"""Jailbreak attempts that failed, by class, as far as they were made in this run."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if REFUSED_ATTEMPTS:
        terminalreporter.section("jailbreak attempts that failed, by class")
        for name, count in sorted(REFUSED_ATTEMPTS.items()):
            terminalreporter.write_line(f"{count:5}  {name}")
        terminalreporter.write_line(f"{REFUSED_ATTEMPTS.total():5}  in all")
