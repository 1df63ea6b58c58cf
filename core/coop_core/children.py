"""Programs that run in a session of their own on behalf of a thread that waits for them.

A thread cannot be cancelled, so whoever has to leave ends what it waits for: `end_all`, from any thread.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_lock = threading.Lock()
_leaders: set[int] = set()


@contextlib.contextmanager
def known(leader: int) -> Iterator[None]:
    """While in the block, `leader`, the head of a process group, ends with `end_all`. Wait for it inside."""
    with _lock:
        _leaders.add(leader)
    try:
        yield
    finally:
        with _lock:
            _leaders.discard(leader)


def end(leader: int) -> None:
    """Kills the group that `leader` is the head of."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def end_all() -> None:
    """Kills every known program with what it started. Their threads see it end, as after any kill."""
    with _lock:
        for leader in _leaders:
            end(leader)
