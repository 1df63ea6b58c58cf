"""Two dev loops on one environment."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from coop_core.errors import CoopError, ExitCode
from coop_devloop.lock import held

if TYPE_CHECKING:
    from pathlib import Path


def test_the_second_loop_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    with held(tmp_path, "hello", "dev-ada"), pytest.raises(CoopError) as caught, held(tmp_path, "hello", "dev-ada"):
        pass
    assert caught.value.exit_code is ExitCode.BUSY
    assert f"process {os.getpid()} runs one in dev-ada" in caught.value.why
    assert caught.value.remedy == f"use that terminal, or end it with: kill {os.getpid()}"


def test_a_loop_that_was_killed_leaves_no_lock_behind(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys\nfrom coop_devloop.lock import held\n"
        "with held(pathlib.Path(sys.argv[1]), 'hello', 'dev-ada'):\n    print('held', flush=True)\n"
        "    sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout is not None
    with other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(CoopError), held(tmp_path, "hello", "dev-ada"):
            pass
        other.kill()
        other.wait()
    with held(tmp_path, "hello", "dev-ada"):
        pass
