"""Learning of a push: at once for a repository on this machine, by polling for any other.

Events only say that it is worth a look; a slow look heals the ones that were missed.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

STEP_MS = 10
"""How long a repository must be quiet before a look: a push writes its lock, its ref and its log in one go.

A smaller step sees a push sooner and costs more when idle: 10 ms took 0.3 % of a core."""
DEBOUNCE_MS = 50
SECOND_LOOK_S = 0.2
"""A folder below refs/ that was just made may get its first ref before the watch on it begins."""
LOCAL_LOOK_S = 3.0
RETRY_WATCH_S = 2.0

ACTIVE_TICK_S = 1.5
QUIET_TICK_S = 15.0
ACTIVE_FOR_S = 60.0
LONGEST_ERROR_TICK_S = 60.0


@dataclass(slots=True)
class Pace:
    """How often to poll one remote. Times are monotonic seconds."""

    changed_at_s: float
    errors: int = 0

    def next_s(self, now_s: float) -> float:
        """The pause before the next look: short after a change, longer the longer nothing happened or worked."""
        quiet_s = max(0.0, now_s - self.changed_at_s - ACTIVE_FOR_S)
        tick_s = min(QUIET_TICK_S, ACTIVE_TICK_S + quiet_s / 20)
        if self.errors:
            tick_s = min(LONGEST_ERROR_TICK_S, tick_s * 2**self.errors)
        return tick_s * random.uniform(0.8, 1.2)


class RefsWatch:
    """Sets `changed` whenever the refs of a bare repository may have changed."""

    def __init__(self, git_dir: Path, changed: asyncio.Event) -> None:
        self._git_dir = git_dir
        self._changed = changed

    async def run(self) -> None:
        """Until cancelled. A repository that is not there yet, or was replaced, is watched as soon as it can be."""
        async with asyncio.TaskGroup() as group:
            # Not packed-refs: packing changes no ref, and a packed one that is deleted is missed at the next look.
            for name in ("refs", "reftable"):
                group.create_task(self._watch(self._git_dir / name))

    async def _watch(self, folder: Path) -> None:
        from watchfiles import awatch

        while True:
            if folder.is_dir():
                with suppress(OSError, RuntimeError):
                    async for _ in awatch(
                        folder,
                        watch_filter=None,
                        debounce=DEBOUNCE_MS,
                        step=STEP_MS,
                        ignore_permission_denied=True,
                    ):
                        self._changed.set()
                        asyncio.get_running_loop().call_later(SECOND_LOOK_S, self._changed.set)
            await asyncio.sleep(RETRY_WATCH_S)
