"""Work that takes long, done a piece at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Turns:
    """A line in which everybody with more to do waits.

    One piece of one of them at a time, and whatever else is due in between: a hundred long lists take their time,
    and a short question beside them waits for one piece at most.
    """

    def __init__(self) -> None:
        self._line: deque[Callable[[], None]] = deque()

    def wait(self, go_on: Callable[[], None]) -> None:
        """go_on: does one piece, and waits again if there are more. Must not raise."""
        self._line.append(go_on)
        if len(self._line) == 1:
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        self._line[0]()
        self._line.popleft()
        if self._line:
            asyncio.get_running_loop().call_soon(self._next)
