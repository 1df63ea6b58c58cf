"""How the cost of reading hostile text grows with its length: a ratio, which no slow machine changes."""

from __future__ import annotations

import time
import timeit
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_LONG, _LONGER = 5_000, 40_000


def assert_in_proportion(read: Callable[[str], object], piece: str, begin: str = "", end: str = "") -> None:
    """Reads many `piece`s between `begin` and `end`; eight times as many must not take much more than that.

    Whatever starts again at each place in the text would take sixty-four times as long.
    """

    def takes_s(length: int) -> float:
        text = begin + (piece * length)[:length] + end
        return min(timeit.repeat(lambda: read(text), timer=time.thread_time, number=1, repeat=5))

    assert takes_s(_LONGER) < 24 * takes_s(_LONG) + 0.002, piece
