"""The local platform, wired: API server, controllers, process runtime, router, proxy and agent in one process.

Agent and proxy reach the API over HTTPS with a kubeconfig, exactly as they do on a cluster.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import signal
import sys
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.clock import SystemClock
from coop_core.errors import CoopError, ExitCode
from coop_core.platform import record as records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from coop_core.paths import Home
    from coop_core.platform.record import Record

logger = logging.getLogger("coop.platform")


@dataclass(frozen=True, slots=True)
class Options:
    """port: of the HTTP router, 0 for any. user: whose personal environment and token there are."""

    port: int
    user: str
    until_stdin_closes: bool = False


async def serve(home: Home, options: Options, ready: Callable[[Record], None]) -> None:
    """Runs the platform until it is told to stop. `ready` is called once everything listens."""
    home.platform.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _lock(home):
        async with AsyncExitStack() as stack:
            stopping = _stop_signal(watch_stdin=options.until_stdin_closes)
            record = await _start(home, options, stack)
            records.write(home.platform, record)
            stack.callback(records.remove, home.platform)
            ready(record)
            logger.info("ready: http://127.0.0.1:%d", record.http_port)
            await stopping.wait()
            logger.info("stopping")


@contextmanager
def _lock(home: Home) -> Iterator[None]:
    with records.lock_file(home.platform).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CoopError(
                "cannot start the local platform",
                "another one is starting or running in the same folder",
                "coop platform status",
                ExitCode.BUSY,
            ) from None
        yield


def _stop_signal(*, watch_stdin: bool) -> asyncio.Event:
    """Set by SIGTERM, by SIGINT and, if asked for, by the end of standard input."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if watch_stdin:
        fd = sys.stdin.fileno()

        def readable() -> None:
            if not os.read(fd, 1024):
                loop.remove_reader(fd)
                stop.set()

        loop.add_reader(fd, readable)
    return stop
