"""The logs of pods: kept per run of a container, read from the end, by time, or as they grow.

Owns the log files and who waits for them; the programs write them by themselves (see `log_files`).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from coop_core.local.runtime.growth import Growth
from coop_core.local.runtime.log_files import LOGS, LogFile, Stamper, Times, line_start, stamped, tail_offset

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from coop_core.local.api.logs import LogRequest

_BLOCK = 65_536
_LAST_LINES, _LAST_BYTES = 4, 2048
"""As Kubernetes' FallbackToLogsOnError, but fewer lines."""
_READ_OUT_S = 1.0
_LINE_LIMIT = 256 * 1024
"""A line longer than this is handed on in pieces."""


class Stream:
    """The log of one container, over its runs."""

    def __init__(self, log: LogFile) -> None:
        self.log = log
        self.is_over = False
        """No further run will come."""
        self.followers = 0
        self.signs = 0
        """Counts the signs of anything new."""
        self.stamper = Stamper(log)
        self._waiting: set[asyncio.Future[None]] = set()

    def look(self) -> None:
        """Notes growth, and tells whoever waits for it."""
        if self.stamper.note():
            self.wake()

    def next_run(self, log: LogFile) -> None:
        self.stamper.note()
        self.log, self.stamper, self.is_over = log, Stamper(log), False
        self.wake()

    def end(self) -> None:
        self.stamper.note()
        self.is_over = True
        self.wake()

    def wake(self) -> None:
        self.signs += 1
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting.clear()

    async def changed(self, signs: int) -> None:
        """Returns once there are more than `signs`, so that none is missed that came during a look."""
        while self.signs <= signs:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.add(future)
            try:
                await future
            finally:
                self._waiting.discard(future)


class LogKeeper:
    """All logs of the platform's pods. folder: has one folder per pod, named by its uid."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._streams: dict[str, dict[str, Stream]] = {}
        self._growth = Growth(self._grown)

    def start(self) -> None:
        self._growth.start()

    def close(self) -> None:
        self._growth.close()
        for streams in self._streams.values():
            for stream in streams.values():
                stream.end()

    def open(self, uid: str, container: str, number: int) -> LogFile:
        """The log for a run, old or new. Only the run before it is kept as well."""
        log = LogFile(self._folder / uid, container, number)
        folder = log.folder / LOGS
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._growth.watch(folder)
        streams = self._streams.setdefault(uid, {})
        if container in streams:
            streams[container].next_run(log)
        else:
            streams[container] = Stream(log)
        LogFile(log.folder, container, number - 2).remove()
        return log

    def end(self, uid: str, container: str | None = None) -> None:
        """No further run of a container, or of any of the pod's, will come."""
        for name, stream in self._streams.get(uid, {}).items():
            if container in (None, name):
                stream.end()

    async def read_out(self, uid: str) -> None:
        """Ends the pod's logs, and lets those who follow them read the last lines before the files go."""
        self.end(uid)
        until_s = time.monotonic() + _READ_OUT_S
        while any(stream.followers for stream in self._streams.get(uid, {}).values()):
            if time.monotonic() > until_s:
                return
            await asyncio.sleep(0.01)

    def forget(self, uid: str) -> None:
        self.end(uid)
        self._streams.pop(uid, None)
        self._growth.forget(self._folder / uid / LOGS)

    def stream(self, uid: str, container: str) -> Stream | None:
        return self._streams.get(uid, {}).get(container)

    def last_words(self, uid: str, container: str) -> str:
        """The end of a container's log: what it said before it failed."""
        stream = self.stream(uid, container)
        if stream is None:
            return ""
        log = stream.log
        with contextlib.suppress(OSError), log.path.open("rb") as file:
            file.seek(max(tail_offset(log.path, _LAST_LINES), log.size() - _LAST_BYTES))
            return file.read(_LAST_BYTES).decode("utf-8", "replace").strip()
        return ""

    def latest(self, uid: str, container: str) -> LogFile | None:
        """The log of the latest run, also of a pod that ended under an earlier platform."""
        stream = self.stream(uid, container)
        if stream is not None:
            return stream.log
        paths = (self._folder / uid / LOGS).glob(f"{container}-*.log")
        found = [int(path.stem.rpartition("-")[2]) for path in paths if path.stem.rpartition("-")[0] == container]
        return LogFile(self._folder / uid, container, max(found)) if found else None

    def _grown(self, folder: Path) -> None:
        for stream in self._streams.get(folder.parent.name, {}).values():
            stream.look()


async def read(log: LogFile, stream: Stream | None, request: LogRequest) -> AsyncIterator[bytes]:
    """The lines asked for; with `follow` also those to come, until no further run will come.

    stream: None reads what is there and ends.
    """
    left = request.limit_bytes
    async for piece in _pieces(log, stream, request):
        if left is not None:
            piece = piece[:left]  # noqa: PLW2901 - the cut piece takes its place
            left -= len(piece)
        if piece:
            yield piece
        if left == 0:
            return


async def _pieces(log: LogFile, stream: Stream | None, request: LogRequest) -> AsyncIterator[bytes]:
    if stream is not None:
        stream.look()
    with _following(stream):
        async for piece in _from_start(log, stream, request):
            yield piece


@contextlib.contextmanager
def _following(stream: Stream | None) -> Iterator[None]:
    if stream is not None:
        stream.followers += 1
    try:
        yield
    finally:
        if stream is not None:
            stream.followers -= 1


async def _from_start(log: LogFile, stream: Stream | None, request: LogRequest) -> AsyncIterator[bytes]:
    position = await asyncio.to_thread(_start, log, request)
    while True:
        signs = stream.signs if stream else 0
        is_last_look = stream is None or stream.log != log or stream.is_over
        block, position = await asyncio.to_thread(_block, log, position, is_last_look, request.timestamps)
        if block:
            yield block
        elif not is_last_look and stream is not None and request.follow:
            await stream.changed(signs)
        elif stream is not None and request.follow and stream.log != log:
            log, position = stream.log, 0
        else:
            return


def _start(log: LogFile, request: LogRequest) -> int:
    """Where reading begins: the later of what the number of lines and the age ask for."""
    position = 0
    if request.tail_lines is not None:
        position = tail_offset(log.path, request.tail_lines)
    if request.since_s is not None:
        first = Times.of(log).first_after(time.time() - request.since_s)
        with contextlib.suppress(FileNotFoundError):
            position = max(position, line_start(log.path, min(first, log.size())))
    return position


def _block(log: LogFile, position: int, is_whole: bool, timestamps: bool) -> tuple[bytes, int]:
    """The next whole lines from `position`, and where they end; an unfinished line only once it stays so."""
    try:
        with log.path.open("rb") as file:
            if position > file.seek(0, 2):
                position = 0  # it was moved aside meanwhile
            file.seek(position)
            block = file.read(_BLOCK)
            while block and b"\n" not in block and len(block) < _LINE_LIMIT and (more := file.read(_BLOCK)):
                block += more
    except FileNotFoundError:
        return b"", position
    end = block.rfind(b"\n") + 1
    if not end and (is_whole or len(block) >= _LINE_LIMIT):
        end = len(block)
    lines = block[:end]
    if timestamps and lines:
        return _with_times(lines, position, Times.of(log)), position + end
    return lines, position + end


def _with_times(block: bytes, position: int, times: Times) -> bytes:
    out = []
    for line in block.splitlines(keepends=True):
        out.append(stamped(line, position, times))
        position += len(line)
    return b"".join(out)
