"""Noticing saves. Events only wake the loop: the snapshot decides whether there is anything to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from watchfiles import DefaultFilter, awatch

from coop_core.errors import CoopError, ExitCode
from coop_devloop.events import FilesChanged

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncGenerator

STEP_MS = 10
"""How long a set of changes must rest before it is reported: 15 ms from save to event at 0.3 % of a core."""

RECONCILE_MS = 10_000
"""How often to look without any event, for the ones that a watch can lose."""


async def saves(folder: Path, stop: asyncio.Event) -> AsyncGenerator[FilesChanged, None]:
    """Changes below `folder`, editors' and tools' own files left out, until `stop` is set."""
    watcher = awatch(
        folder,
        watch_filter=DefaultFilter(),
        step=STEP_MS,
        rust_timeout=RECONCILE_MS,
        yield_on_timeout=True,
        stop_event=stop,
    )
    try:
        async for changes in watcher:
            yield FilesChanged(tuple(sorted(_relative(path, folder) for _, path in changes)))
    except OSError as error:
        raise CoopError(
            f"cannot watch {folder}",
            "the system's limit on watched files is reached" if "MaxFilesWatch" in str(error) else str(error),
            "raise it: sudo sysctl fs.inotify.max_user_watches=524288",
            ExitCode.FAILED,
        ) from error


def _relative(path: str, folder: Path) -> str:
    try:
        return str(Path(path).relative_to(folder))
    except ValueError:
        return path
