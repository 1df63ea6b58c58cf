"""Learning of a push: at once for repositories on this machine, by polling for any other.

Events only say that it is worth a look; a slow look heals the ones that were missed.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

STEP_MS = 10
"""How long a repository must be quiet before a look: a push writes its lock, its ref and its log in one go.

A smaller step sees a push sooner and costs more when idle: 10 ms took 0.3 % of a core."""
DEBOUNCE_MS = 50
SECOND_LOOK_S = 0.2
"""A folder below refs/ that was just made may get its first ref before the watch on it begins."""
RETRY_WATCH_S = 2.0

LOCAL_LOOK_S = 3.0
ACTIVE_FOR_S = 300.0
LONGEST_ERROR_TICK_S = 60.0
JITTER = 0.2


@dataclass(frozen=True, slots=True)
class Ticks:
    """Seconds between two looks: while somebody is developing, and after nothing happened for a while."""

    active_s: float
    quiet_s: float


BY_REQUEST = Ticks(1.0, 2.5)
"""A request costs 0.7 ms here, so that a quiet repository is seen within the time a developer waits gladly."""
BY_PROCESS = Ticks(2.0, 15.0)
"""git and ssh start for each look."""
ON_DISK = Ticks(LOCAL_LOOK_S, LOCAL_LOOK_S)

PER_HOST_S = 100.0
"""Requests that the remotes of one host get in a second together, the active ones and the quiet ones each: beyond
that, each is asked less often."""


@dataclass(slots=True)
class Pace:
    """How often to look at one remote. Times are monotonic seconds."""

    changed_at_s: float
    errors: int = 0
    retry_after_s: float = 0.0
    """What the remote asked for, 0 for nothing."""

    def is_active(self, now_s: float) -> bool:
        """Whether somebody seems to be developing."""
        return now_s - self.changed_at_s < ACTIVE_FOR_S

    def next_s(self, now_s: float, ticks: Ticks, neighbours: int = 1) -> float:
        """The pause before the next look: short after a change, longer when nothing happens or works.

        neighbours: remotes of the same host that are as active, this one included.
        """
        tick_s = max(ticks.active_s if self.is_active(now_s) else ticks.quiet_s, neighbours / PER_HOST_S)
        if self.errors:
            tick_s = min(LONGEST_ERROR_TICK_S, tick_s * 2.0 ** min(self.errors, 10))
        return max(tick_s, self.retry_after_s) * random.uniform(1 - JITTER, 1 + JITTER)


@dataclass
class RefsWatch:
    """Sets a repository's event whenever its refs may have changed; one watch for all, as each costs when idle."""

    _events: dict[Path, asyncio.Event] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, git_dir: Path, event: asyncio.Event) -> None:
        self._events[_real(git_dir)] = event
        self._changed.set()

    def remove(self, git_dir: Path) -> None:
        self._events.pop(_real(git_dir), None)
        self._changed.set()

    async def run(self) -> None:
        """Until cancelled. A repository that is not there yet, or was replaced, is watched as soon as it can be."""
        while True:
            self._changed.clear()
            folders = self._folders()
            stop = asyncio.Event()
            waiting = asyncio.create_task(self._other_folders(folders, stop))
            try:
                if folders:
                    await self._watch(folders, stop)
                else:
                    await stop.wait()
            finally:
                waiting.cancel()

    def _folders(self) -> dict[Path, tuple[int, int]]:
        """What there is to watch, and which inode it is. Not packed-refs: packing changes no ref."""
        found = {}
        for git_dir in self._events:
            for name in ("refs", "reftable"):
                with suppress(OSError):
                    status = (git_dir / name).stat()
                    found[git_dir / name] = (status.st_dev, status.st_ino)
        return found

    async def _other_folders(self, watched: dict[Path, tuple[int, int]], stop: asyncio.Event) -> None:
        """Sets `stop` once something else must be watched."""
        while self._folders() == watched:
            with suppress(TimeoutError):
                async with asyncio.timeout(RETRY_WATCH_S):
                    await self._changed.wait()
            self._changed.clear()
        stop.set()

    async def _watch(self, folders: Iterable[Path], stop: asyncio.Event) -> None:
        from watchfiles import awatch

        # What was pushed before the watch began is found by a look.
        for event in self._events.values():
            event.set()
        with suppress(OSError, RuntimeError):
            async for changes in awatch(
                *folders,
                watch_filter=None,
                debounce=DEBOUNCE_MS,
                step=STEP_MS,
                ignore_permission_denied=True,
                stop_event=stop,
            ):
                for event in self._touched({Path(path) for _, path in changes}):
                    event.set()
                    asyncio.get_running_loop().call_later(SECOND_LOOK_S, event.set)
            return
        await asyncio.sleep(RETRY_WATCH_S)

    def _touched(self, paths: set[Path]) -> list[asyncio.Event]:
        above = {parent for path in paths for parent in path.parents}
        return [event for git_dir, event in self._events.items() if git_dir in above]


def _real(git_dir: Path) -> Path:
    return git_dir.resolve()
