"""Ending in order: signals, and errors out of task groups."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from coop_core.errors import CoopError
from coop_tui.running import until_signalled


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
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
