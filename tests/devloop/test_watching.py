"""Saves as editors make them, on a real file system."""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from coop_devloop.filesystems import kind_at
from coop_devloop.watching import saves

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

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


async def test_a_name_that_is_not_utf8_ends_no_watch(
    tmp_path: Path, changes: AsyncGenerator[FilesChanged, None]
) -> None:
    (tmp_path / "caf\udce9.txt").write_text("x")
    event = await asyncio.wait_for(anext(changes), LIMIT_S)
    assert not event.paths
    await saved_until_seen(changes, tmp_path / "app.py")


async def test_a_folder_that_is_replaced_is_watched_anew(tmp_path: Path) -> None:
    folder = tmp_path / "service"
    folder.mkdir()
    stop = asyncio.Event()
    async with aclosing(saves(folder, stop)) as watching:
        await saved_until_seen(watching, folder / "app.py")
        folder.rename(tmp_path / "old")
        folder.mkdir()
        await saved_until_seen(watching, folder / "other.py")
        stop.set()


async def test_the_longer_nothing_happens_the_rarer_is_a_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value_s in {"TICK_S": 0.02, "RECONCILE_S": 0.1, "RAREST_S": 0.4}.items():
        monkeypatch.setattr(f"coop_devloop.watching.{name}", value_s)
    stop = asyncio.Event()
    looked_at_s: list[float] = []
    async with aclosing(saves(tmp_path, stop)) as watching, asyncio.timeout(LIMIT_S):
        async for event in watching:
            assert not event.paths
            looked_at_s.append(asyncio.get_running_loop().time())
            if len(looked_at_s) == 5:
                break
        stop.set()
    gaps_s = [after - before for before, after in pairwise(looked_at_s)]
    for gap_s, least_s in zip(gaps_s, (0.2, 0.4, 0.4, 0.4), strict=True):
        assert gap_s > least_s * 0.9


async def test_a_folder_that_is_gone_is_told_once_and_again_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coop_devloop.watching.TICK_S", 0.02)
    folder = tmp_path / "service"
    folder.mkdir()
    stop = asyncio.Event()
    async with aclosing(saves(folder, stop)) as watching:
        await saved_until_seen(watching, folder / "app.py")
        folder.rename(tmp_path / "away")
        while (await asyncio.wait_for(anext(watching), LIMIT_S)).paths:
            pass  # what the watch tells of the move itself
        told_again = asyncio.ensure_future(anext(watching))
        done, _ = await asyncio.wait([told_again], timeout=0.3)  # fifteen ticks
        assert not done
        (tmp_path / "away").rename(folder)
        await asyncio.wait_for(told_again, LIMIT_S)
        await saved_until_seen(watching, folder / "app.py")
        stop.set()


async def test_what_is_written_into_new_folders_at_once_is_looked_for(
    tmp_path: Path, changes: AsyncGenerator[FilesChanged, None]
) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "app.py").write_text("x")
    async with asyncio.timeout(LIMIT_S):
        async for event in changes:
            if not event.paths:
                return


async def saved_until_seen(changes: AsyncGenerator[FilesChanged, None], path: Path) -> None:
    """Writes `path` again and again until a watch that may not be in place yet tells of it."""

    async def write() -> None:
        while True:
            path.write_text(str(os.urandom(4)))
            await asyncio.sleep(0.05)

    writing = asyncio.create_task(write())
    try:
        await seen(changes, path.name)
    finally:
        writing.cancel()


MOUNTS = """\
22 1 8:1 / / rw - ext4 /dev/sda1 rw
40 22 0:35 / /mnt/c rw,noatime - 9p C:\\134 rw,dirsync
41 22 0:36 / /home/ada/my\\040nfs rw - nfs4 server:/x rw
42 22 0:37 / /src rw - fuse.grpcfuse grpcfuse rw
43 42 0:38 / /src/local rw - tmpfs tmpfs rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/ada", "ext4"),
        ("/mnt/c/work", "9p"),
        ("/mnt/cc", "ext4"),
        ("/home/ada/my nfs/x", "nfs4"),
        ("/src/app", "fuse.grpcfuse"),
        ("/src/local/app", "tmpfs"),
    ],
)
def test_the_file_system_is_the_one_mounted_nearest(path: str, kind: str) -> None:
    assert kind_at(MOUNTS, Path(path)) == kind
