"""Ending in order: signals, and errors out of task groups."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from coop_core.errors import CoopError
from coop_tui.running import until_signalled

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_cancels_and_waits_for_the_cleaning_up(number: signal.Signals) -> None:
    cleaned = False

    async def work() -> None:
        nonlocal cleaned
        os.kill(os.getpid(), number)
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned = True

    await asyncio.wait_for(until_signalled(work()), 5)
    assert cleaned


def test_a_program_that_a_thread_waits_for_ends_with_coop(tmp_path: Path) -> None:
    (tmp_path / "slow").write_text("#!/bin/sh\necho $$ > started\nsleep 600\n")
    (tmp_path / "slow").chmod(0o755)
    script = """
import asyncio, pathlib
from coop_core.git.runner import Git
from coop_tui.running import until_signalled
git = Git(pathlib.Path.cwd())
asyncio.run(until_signalled(asyncio.to_thread(git.attempt, "-c", "alias.slow=!./slow", "slow")))
"""
    os.mkfifo(tmp_path / "started")
    with subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path) as coop:
        pid = int((tmp_path / "started").read_text())
        coop.send_signal(signal.SIGINT)
        coop.wait(20)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


async def test_a_users_error_comes_out_of_any_depth_of_groups() -> None:
    async def work() -> None:
        raise ExceptionGroup("outer", [ExceptionGroup("inner", [CoopError("what", "why", "remedy")])])

    with pytest.raises(CoopError, match="what: why"):
        await until_signalled(work())


async def test_a_defect_stays_what_it_is() -> None:
    async def work() -> None:
        raise ExceptionGroup("outer", [ZeroDivisionError()])

    with pytest.raises(ExceptionGroup):
        await until_signalled(work())
