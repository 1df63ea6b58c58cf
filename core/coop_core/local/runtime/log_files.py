"""The log files of one run of a container, and when their lines were written.

The program appends to the file itself, so that its log goes on whoever lives or dies. Beside it lie stamps:
"up to this byte by that time", added whenever growth is noticed. What that costs: a line's time is when we noticed
it, a few milliseconds late while the platform runs, and the file's own time for lines of a platform-less while.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.clock import rfc3339

if TYPE_CHECKING:
    from pathlib import Path

LIMIT_BYTES = 10 * 1024 * 1024
"""A log beyond this is moved aside, once; what was moved aside before is dropped."""
LOGS = "logs"
_BLOCK = 65_536


@dataclass(frozen=True, slots=True)
class LogFile:
    """One run's log, its stamps, and the part that was moved aside.

    folder: the pod's. The log itself lies apart in `logs/`, which is watched: our own files must not wake us.
    """

    folder: Path
    container: str
    number: int

    @property
    def path(self) -> Path:
        return self.folder / LOGS / f"{self.container}-{self.number}.log"

    @property
    def aside(self) -> Path:
        return self.folder / f"{self.container}-{self.number}.log.1"

    @property
    def stamps(self) -> Path:
        return self.folder / f"{self.container}-{self.number}.stamps"

    def size(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def remove(self) -> None:
        for path in (self.path, self.aside, self.stamps):
            path.unlink(missing_ok=True)


class Stamper:
    """Notes the growth of one log."""

    def __init__(self, log: LogFile) -> None:
        self.log = log
        self._seen = _last_offset(log)

    def note(self) -> bool:
        """Whether the log has changed since the last time."""
        try:
            status = self.log.path.stat()
        except FileNotFoundError:
            return False
        if status.st_size == self._seen:
            return False
        if status.st_size < self._seen:
            self.log.stamps.unlink(missing_ok=True)
        # The file's own time: right also for what was written while nobody looked.
        with self.log.stamps.open("a") as stamps:
            stamps.write(f"{status.st_size} {status.st_mtime:.6f}\n")
        self._seen = status.st_size
        if status.st_size > LIMIT_BYTES:
            self._move_aside()
        return True

    def _move_aside(self) -> None:
        """Copies the log and empties it in place: the program holds the file open and goes on appending.

        What it writes between the last copied byte and the cut, some microseconds, is lost.
        """
        path, aside = self.log.path, self.log.aside
        partial = aside.with_suffix(".partial")
        with path.open("rb") as source, partial.open("wb") as target:
            shutil.copyfileobj(source, target)
            while rest := source.read(_BLOCK):
                target.write(rest)
            os.truncate(path, 0)
        partial.replace(aside)
        self.log.stamps.unlink(missing_ok=True)
        self._seen = 0


@dataclass(frozen=True, slots=True)
class Times:
    """When each byte of a log had been written by."""

    offsets: tuple[int, ...]
    times: tuple[float, ...]

    @classmethod
    def of(cls, log: LogFile) -> Times:
        offsets, times = [], []
        with contextlib.suppress(FileNotFoundError):
            for line in log.stamps.read_text().splitlines():
                offset, _, at = line.partition(" ")
                if offset.isdigit() and at:
                    offsets.append(int(offset))
                    times.append(float(at))
        return cls(tuple(offsets), tuple(times))

    def at(self, offset: int) -> float:
        """When the byte at `offset` was there; now, when nobody has noticed it yet."""
        index = bisect_right(self.offsets, offset)
        return self.times[index] if index < len(self.times) else time.time()

    def first_after(self, since_s: float) -> int:
        """The first byte written at or after a time; beyond the end when there is none yet."""
        index = bisect_left(self.times, since_s)
        if index == 0:
            return 0
        return self.offsets[index - 1]


def tail_offset(path: Path, count: int) -> int:
    """Where the last `count` lines begin. A last line without its end counts."""
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return 0
    if count <= 0:
        return size
    with path.open("rb") as file:
        position, found = size, 0
        while position > 0:
            start = max(0, position - _BLOCK)
            file.seek(start)
            block = file.read(position - start)
            if position == size and block.endswith(b"\n"):
                found -= 1
            for index in range(len(block) - 1, -1, -1):
                if block[index] == 0x0A:
                    found += 1
                    if found == count:
                        return start + index + 1
            position = start
    return 0


def stamped(line: bytes, offset: int, times: Times) -> bytes:
    return rfc3339(times.at(offset), micro=True).encode() + b" " + line


def line_start(path: Path, offset: int) -> int:
    """The beginning of the line that the byte at `offset` belongs to."""
    if offset <= 0:
        return 0
    with path.open("rb") as file:
        position = offset
        while position > 0:
            start = max(0, position - _BLOCK)
            file.seek(start)
            block = file.read(position - start)
            index = block.rfind(b"\n")
            if index >= 0:
                return start + index + 1
            position = start
    return 0


def _last_offset(log: LogFile) -> int:
    times = Times.of(log)
    return times.offsets[-1] if times.offsets else 0
