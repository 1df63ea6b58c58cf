"""The command line itself: help, rendering, mistakes."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from coop_tui.cli import COMMANDS
from tests.whole.whole_kit import COOP

if TYPE_CHECKING:
    from tests.whole.whole_kit import User

SAMPLE = Path(__file__).parents[2] / "sample-app"


def test_help_explains_every_command_in_one_line(user: User) -> None:
    shown = user.coop("--help").out
    for name, explanation in COMMANDS.items():
        assert [line for line in shown.splitlines() if line.split() == [name, *explanation.split()]]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help_of_its_own(user: User, name: str) -> None:
    shown = user.coop(name, "--help")
    assert shown.code == 0
    assert shown.out.startswith(f"Usage: coop {name}")


def test_a_mistyped_command_is_a_mistake_of_use(user: User) -> None:
    refused = user.coop("depoly")
    assert refused.code == 2
    assert "No such command 'depoly'" in refused.err


@pytest.fixture
def sample(user: User) -> User:
    shutil.copytree(SAMPLE, user.folder, dirs_exist_ok=True)
    user.git("init", "--quiet")
    return user


def test_render_prints_what_each_environment_gets_and_starts_nothing(sample: User) -> None:
    personal = list(yaml.safe_load_all(sample.coop("render").out))
    main = list(yaml.safe_load_all(sample.coop("render", "-e", "main").out))
    assert [body["kind"] for body in personal] == ["ConfigMap", "Deployment", "Ingress", "Service"]
    assert {body["metadata"]["namespace"] for body in personal} == {"dev-ada"}
    assert {body["metadata"]["namespace"] for body in main} == {"main"}
    assert (personal[1]["spec"]["replicas"], main[1]["spec"]["replicas"]) == (1, 2)
    assert sample.processes() == []


def test_render_is_the_same_every_time(sample: User) -> None:
    assert sample.coop("render").out == sample.coop("render").out


def test_render_names_the_extra_resource_that_is_wrong(sample: User) -> None:
    (sample.folder / "k8s" / "bad.yaml").write_text("kind: ConfigMap\n")
    refused = sample.coop("render")
    assert refused.code == 3
    assert "k8s/bad.yaml:1" in refused.err


@pytest.mark.parametrize("wish", ["", "1"])
def test_colour_is_for_terminals_whose_user_does_not_decline_it(user: User, wish: str) -> None:
    terminal, line = pty.openpty()
    environ = {**user.environ, "TERM": "xterm", "NO_COLOR": wish}
    done = subprocess.run([COOP, "dev"], cwd=user.folder, env=environ, stderr=line, timeout=60, check=False)
    os.close(line)
    said = os.read(terminal, 4096)
    os.close(terminal)
    assert done.returncode == 4
    assert b"hint:" in said
    assert (b"\x1b[" in said) is (wish == "")
