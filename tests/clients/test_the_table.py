"""docs/clients.md says what real clients do. `python -m tests.clients` writes it anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.clients import kubectls, page
from tests.clients.kubectl_commands import ABSENT, COMMANDS, judged
from tests.clients.libraries import LIBRARIES, tried
from tests.clients.scene import playing

if TYPE_CHECKING:
    from pathlib import Path

    from tests.clients.kubectls import Kubectl
    from tests.clients.scene import Scene

NONE = pytest.param(None, marks=pytest.mark.skip(reason="kubectl is not on PATH"))


def test_libraries_do_what_the_table_says(scene: Scene, subtests: pytest.Subtests) -> None:
    text = page.PAGE.read_text("utf-8")
    for name in LIBRARIES:
        with subtests.test(name):
            pytest.importorskip(name, reason=f"{name} is not installed")
            assert page.of_library(name, tried(scene, name)) in text


@pytest.mark.parametrize("kubectl", kubectls.some() or [NONE], ids=str)
def test_kubectl_does_what_the_table_says(kubectl: Kubectl, tmp_path: Path, subtests: pytest.Subtests) -> None:
    """In order, as one command makes what the next deletes; the viewer, who may change nothing, goes first."""
    rows = page.cells(page.PAGE.read_text("utf-8"))
    with playing(tmp_path) as scene:
        for command in COMMANDS:
            with subtests.test(command.line):
                direct, proxied = (page.said(cell, kubectl.minor) for cell in rows[page.named(command.line)])
                assert judged(scene, kubectl, command, viewer=True) == proxied
                assert judged(scene, kubectl, command, viewer=False) == direct


def test_the_table_has_every_command_once_and_no_other() -> None:
    rows = [line for line in page.PAGE.read_text("utf-8").splitlines() if line.startswith("| `")][1:]
    assert [row.split(" | ")[0] for row in rows] == [f"| {page.named(one.line)}" for one in COMMANDS]


def test_a_cell_says_of_each_version_what_came_of_it() -> None:
    outcomes = {20: ABSENT, 27: "refused", 28: "refused", 29: "works", 30: "works", 31: "refused", 32: "works"}
    cell = page.cell({**outcomes, 33: "works"})
    assert cell == "works · not in 1.20 · 1.27 to 1.28, 1.31: refused"
    assert {minor: page.said(cell, minor) for minor in outcomes} == outcomes
