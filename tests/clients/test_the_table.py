"""docs/clients.md says what real clients do. `python -m tests.clients` writes it anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.clients import page
from tests.clients.kubectl_commands import COMMANDS, judged
from tests.clients.libraries import LIBRARIES, tried

if TYPE_CHECKING:
    from tests.clients.scene import Scene


def test_libraries_do_what_the_table_says(scene: Scene, subtests: pytest.Subtests) -> None:
    """Before kubectl, which takes the scene apart."""
    text = page.PAGE.read_text("utf-8")
    for name in LIBRARIES:
        with subtests.test(name):
            pytest.importorskip(name, reason=f"{name} is not installed")
            assert page.of_library(name, tried(scene, name)) in text


def test_kubectl_does_what_the_table_says(scene: Scene, subtests: pytest.Subtests) -> None:
    """In order, as one command makes what the next deletes; the viewer, who may change nothing, goes first."""
    rows = page.PAGE.read_text("utf-8").splitlines()
    for command in COMMANDS:
        with subtests.test(command.line):
            proxied = judged(scene, command, viewer=True)
            assert page.row_of_kubectl(command.line, judged(scene, command, viewer=False), proxied) in rows


def test_the_table_has_every_command_once_and_no_other() -> None:
    rows = [line for line in page.PAGE.read_text("utf-8").splitlines() if line.startswith("| `")][1:]
    assert [row.split("` | ")[0] for row in rows] == [f"| `{one.line.replace('|', '/')}" for one in COMMANDS]
