"""The store: events in, one state, news of it to one listener at most ten times a second.

Lives on one event loop, so it needs no lock. Events are taken at once; only telling is put off, so that a burst of
a thousand changes costs one repaint.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

S = TypeVar("S")
E = TypeVar("E")

TELL_EVERY_S = 0.1


class Store(Generic[S, E]):
    """Holds the state; `update` alone makes the next one.

    tell: called with the newest state, on the event loop, never more often than every 100 ms unless `flush` asks.
    """

    def __init__(self, state: S, update: Callable[[S, E], S], tell: Callable[[S], None]) -> None:
        self.state = state
        self._update = update
        self._tell = tell
        self._timer: asyncio.TimerHandle | None = None
        self._next_s = float("-inf")
        self._is_closed = False

    def dispatch(self, event: E) -> None:
        """Takes one event in. Equal states are not told."""
        before = self.state
        self.state = self._update(before, event)
        if self.state is before or self._timer is not None or self._is_closed:
            return
        loop = asyncio.get_running_loop()
        self._timer = loop.call_at(max(loop.time(), self._next_s), self.flush)

    def flush(self) -> None:
        """Tells now: what a key press changed must be seen before the next one."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._is_closed:
            return
        self._next_s = asyncio.get_running_loop().time() + TELL_EVERY_S
        self._tell(self.state)

    def rest(self, pause_s: float) -> None:
        """The listener needs a pause from now on; `flush` ignores it."""
        self._next_s = max(self._next_s, asyncio.get_running_loop().time() + pause_s)

    def close(self) -> None:
        """Nothing is told any more."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
