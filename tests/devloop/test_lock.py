"""Two dev loops on one environment."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from coop_core.errors import CoopError, ExitCode
from coop_devloop.lock import held, is_held

if TYPE_CHECKING:
    from pathlib import Path

REMOTE = "https://ada:secret@git.example.org/x"


def test_the_second_loop_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    with (
        held(tmp_path, "hello", "dev-ada", REMOTE),
        pytest.raises(CoopError) as caught,
        held(tmp_path, "hello", "dev-ada", REMOTE),
    ):
        pass
    assert caught.value.exit_code is ExitCode.BUSY
    assert f"process {os.getpid()} runs one in dev-ada" in caught.value.why
    assert caught.value.remedy == f"use that terminal, or end it with: kill {os.getpid()}"


def test_a_loop_that_was_killed_leaves_no_lock_behind(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys\nfrom coop_devloop.lock import held\n"
        "with held(pathlib.Path(sys.argv[1]), 'hello', 'dev-ada', ''):\n    print('held', flush=True)\n"
        "    sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout is not None
    with other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(CoopError), held(tmp_path, "hello", "dev-ada", REMOTE):
            pass
        other.kill()
        other.wait()
    with held(tmp_path, "hello", "dev-ada", REMOTE):
        pass


def test_a_lock_tells_whose_it_is_and_no_secret(tmp_path: Path) -> None:
    assert not is_held(tmp_path, REMOTE)
    with held(tmp_path, "hello", "dev-ada", REMOTE):
        assert is_held(tmp_path, REMOTE)
        assert not is_held(tmp_path, "https://git.example.org/other")
        assert "secret" not in (tmp_path / "lock").read_text()
    assert not is_held(tmp_path, REMOTE)
