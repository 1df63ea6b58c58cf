"""What runs beside the app: one task per name, all of them ended with the app."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from coop_core.errors import CoopError
from coop_core.text import one_line
from coop_devloop.events import Problem
from coop_tui.board.sources import problem_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


class Tasks:
    """Starts and stops tasks. One that fails ends alone and says so."""

    def __init__(self, failed: Callable[[Problem], None]) -> None:
        self._failed = failed
        self._by_name: dict[str, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def start(self, name: str, work: Coroutine[None, None, None]) -> None:
        """Starts `work`; what ran under that name is stopped."""
        self.stop(name)
        self._by_name[name] = asyncio.create_task(self._guarded(name, work), name=name)

    def stop(self, name: str) -> None:
        task = self._by_name.pop(name, None)
        if task is not None and not task.done():
            task.cancel()
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        """Returns once nothing runs any more."""
        for name in list(self._by_name):
            self.stop(name)
        await asyncio.gather(*self._ending, return_exceptions=True)

    async def _guarded(self, name: str, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except CoopError as error:
            self._failed(problem_of(error))
        except Exception as error:  # the workers' door: one broken source must not take the screen down
            why = one_line(f"{type(error).__name__}: {error}")
            self._failed(Problem(f"the dashboard's {name} stopped", why, "press q and run `coop ui` again"))
