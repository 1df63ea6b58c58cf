"""Noticing saves. Events only wake the loop: the snapshot decides whether there is anything to do.

So a lost event costs time and nothing else: now and then the loop looks without having been told.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from watchfiles import Change, DefaultFilter, awatch

from coop_core.errors import CoopError, ExitCode
from coop_core.text import one_line
from coop_devloop import filesystems
from coop_devloop.events import FilesChanged

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Set

STEP_MS = 10
"""How long a set of changes must rest before it is reported: 15 ms from save to event at 0.3 % of a core."""
DEBOUNCE_MS = 200
"""After this it is reported even if it does not rest: a program that writes without end hides no save."""

TICK_S = 1.0
RECONCILE_S = 60.0
"""When to look without any event, for the ones that a watch can lose, as when its queue overflows. The longer
nothing happens, the less can be lost, and the rarer is the look."""
RAREST_S = 300.0


async def saves(folder: Path, stop: asyncio.Event) -> AsyncGenerator[FilesChanged, None]:
    """Changes below `folder`, editors' and tools' own files left out, until `stop` is set.

    A folder that is replaced is watched anew, one that is gone when it is back; where the file system tells of
    nothing, it is looked at every second.
    """
    was_gone = False
    while not stop.is_set():
        place = _identity(folder)
        if place is None:
            was_gone = True
            await asyncio.sleep(TICK_S)
            continue
        if was_gone:
            was_gone = False
            yield FilesChanged()
        if filesystems.tells(folder):
            async for event in _told(folder, place, stop):
                yield event
        else:
            await asyncio.sleep(TICK_S)
        if not stop.is_set():
            yield FilesChanged()


async def _told(folder: Path, place: tuple[int, int], stop: asyncio.Event) -> AsyncGenerator[FilesChanged, None]:
    """What one watch says, until the folder is another one or the watch is at its end."""
    watcher = awatch(
        folder,
        watch_filter=DefaultFilter(),
        debounce=DEBOUNCE_MS,
        step=STEP_MS,
        rust_timeout=int(TICK_S * 1000),
        yield_on_timeout=True,
        force_polling=False,  # it would look at whole seconds; the snapshot looks at nanoseconds
        stop_event=stop,
    )
    clock = asyncio.get_running_loop().time
    pause_s = RECONCILE_S
    look_at_s = clock() + pause_s
    try:
        async for changes in watcher:
            if changes:
                pause_s = RECONCILE_S
                look_at_s = min(look_at_s, clock() + pause_s)
                yield FilesChanged(tuple(sorted(_relative(path, folder) for _, path in changes)))
                if _has_new_folder(changes):
                    # It is watched only now: what was written into it before that told nobody.
                    look_at_s = min(look_at_s, clock() + TICK_S / 2)
            elif clock() >= look_at_s:
                pause_s = min(RAREST_S, 2 * pause_s)
                look_at_s = clock() + pause_s
                yield FilesChanged()
            if _identity(folder) != place:
                return
    except ExceptionGroup as group:
        # How watchfiles says that a name is not UTF-8. Git reads it all the same; a new watch passes over it.
        if group.split(RuntimeError)[1]:
            raise
    except OSError as error:
        if _identity(folder) != place:
            return
        is_limit = "MaxFilesWatch" in str(error)
        raise CoopError(
            f"cannot watch {folder}",
            "the system's limit on watched files is reached" if is_limit else one_line(str(error)),
            "raise it: sudo sysctl fs.inotify.max_user_watches=524288" if is_limit else f"ls -ld {folder}",
            ExitCode.FAILED,
        ) from error


def _has_new_folder(changes: Set[tuple[Change, str]]) -> bool:
    return any(change is Change.added and Path(path).is_dir() for change, path in changes)


def _identity(folder: Path) -> tuple[int, int] | None:
    """Which folder it is that bears the name now."""
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _relative(path: str, folder: Path) -> str:
    try:
        return one_line(str(Path(path).relative_to(folder)))
    except ValueError:
        return one_line(path)
