"""Notice of files that grow, without looking: inotify on Linux, a slow look around elsewhere."""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_MODIFY, _NONBLOCK, _CLOEXEC, _OVERFLOW = 0x2, 0o4000, 0o2000000, 0x4000
_EVENT = struct.Struct("iIII")
REST_S = 0.02
"""After a notice, the next is taken no sooner: a chatty program must not keep the loop busy."""
LOOK_AGAIN_S = 0.25


class Growth:
    """Calls `on_growth(folder)` soon after a file in a watched folder was written to."""

    def __init__(self, on_growth: Callable[[Path], None]) -> None:
        self._on_growth = on_growth
        self._folders: dict[int, Path] = {}
        self._descriptor = _inotify() if sys.platform == "linux" else -1
        self._timer: asyncio.TimerHandle | None = None
        self._next_number = 0

    def start(self) -> None:
        if self._descriptor >= 0:
            asyncio.get_running_loop().add_reader(self._descriptor, self._readable)
        else:
            self._look_around()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._descriptor >= 0:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1
        self._folders.clear()

    def watch(self, folder: Path) -> None:
        """Watches a folder that exists. Watching it twice is the same as once."""
        if self._descriptor >= 0:
            number = _libc().inotify_add_watch(self._descriptor, os.fsencode(folder), _MODIFY)
            if number < 0:
                # The user's inotify limit is reached: fall back to looking around for everything.
                self._give_up_notices()
                self.watch(folder)
                return
            self._folders[number] = folder
        elif folder not in self._folders.values():
            self._next_number += 1
            self._folders[self._next_number] = folder

    def forget(self, folder: Path) -> None:
        for number, known in list(self._folders.items()):
            if known == folder:
                del self._folders[number]
                if self._descriptor >= 0:
                    _libc().inotify_rm_watch(self._descriptor, number)

    def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            data = os.read(self._descriptor, 65_536)
        except BlockingIOError:
            return
        numbers, position = set(), 0
        while position < len(data):
            number, mask, _, name_length = _EVENT.unpack_from(data, position)
            position += _EVENT.size + name_length
            numbers |= set(self._folders) if mask & _OVERFLOW else {number}
        loop.remove_reader(self._descriptor)
        self._timer = loop.call_later(REST_S, self._listen_again)
        for folder in [self._folders[number] for number in numbers if number in self._folders]:
            self._on_growth(folder)

    def _listen_again(self) -> None:
        if self._descriptor >= 0:
            asyncio.get_running_loop().add_reader(self._descriptor, self._readable)

    def _look_around(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(LOOK_AGAIN_S, self._look_around)
        for folder in list(self._folders.values()):
            self._on_growth(folder)

    def _give_up_notices(self) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        if self._timer is not None:
            self._timer.cancel()
        os.close(self._descriptor)
        self._descriptor = -1
        self._look_around()


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _inotify() -> int:
    """A descriptor, or -1 when there is none to be had."""
    try:
        descriptor: int = _libc().inotify_init1(_NONBLOCK | _CLOEXEC)
    except (AttributeError, OSError):
        return -1
    return descriptor
