"""Saves as editors make them, on a real file system."""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from coop_devloop.watching import saves

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from coop_devloop.events import FilesChanged

LIMIT_S = 5.0


@pytest.fixture
async def changes(tmp_path: Path) -> AsyncGenerator[AsyncGenerator[FilesChanged, None], None]:
    """Watches tmp_path; the first event is the one of a probe file, so the watch is known to be in place."""
    stop = asyncio.Event()
    async with aclosing(saves(tmp_path, stop)) as watching:
        first = asyncio.ensure_future(anext(watching))
        async with asyncio.timeout(LIMIT_S):
            while not first.done():
                (tmp_path / "probe").write_text(str(os.urandom(4)))
                await asyncio.wait([first], timeout=0.05)
        yield watching
        stop.set()


async def seen(changes: AsyncGenerator[FilesChanged, None], path: str) -> FilesChanged:
    async with asyncio.timeout(LIMIT_S):
        async for event in changes:
            if path in event.paths:
                return event
    raise AssertionError(path)


async def test_a_written_file_is_named_relative_to_the_service(
    tmp_path: Path, changes: AsyncGenerator[FilesChanged, None]
) -> None:
    (tmp_path / "app.py").write_text("new")
    await seen(changes, "app.py")


async def test_an_atomic_save_is_noticed_every_time(
    tmp_path: Path, changes: AsyncGenerator[FilesChanged, None]
) -> None:
    for number in range(3):
        (tmp_path / ".app.py.new").write_text(str(number))
        (tmp_path / ".app.py.new").replace(tmp_path / "app.py")
        await seen(changes, "app.py")


async def test_what_git_writes_into_its_own_folder_wakes_nobody(
    tmp_path: Path, changes: AsyncGenerator[FilesChanged, None]
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "index").write_text("x")
    (tmp_path / "app.py").write_text("new")
    event = await seen(changes, "app.py")
    assert not [path for path in event.paths if path.startswith(".git")]
