"""Parts of the platform that fail begin again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from coop_core.platform import supervising

if TYPE_CHECKING:
    import pytest


async def test_a_part_that_fails_or_ends_begins_again_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(supervising, "FIRST_PAUSE_S", 0.001)
    begun = 0
    at_work = asyncio.Event()

    async def part() -> None:
        nonlocal begun
        begun += 1
        if begun == 1:
            raise RuntimeError("broken")
        if begun == 3:
            at_work.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(supervising.supervised("part", part))
    async with asyncio.timeout(10):
        await at_work.wait()
    failed, ended = caplog.records
    assert failed.getMessage().startswith("the part failed")
    assert failed.exc_info
    assert ended.getMessage().startswith("the part ended")
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
