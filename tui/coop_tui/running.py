"""Running something until it is told to stop: signals, logging, and errors that come out of task groups."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from coop_core import children
from coop_core.errors import users_own

if TYPE_CHECKING:
    from collections.abc import Coroutine


def has_screen() -> bool:
    """Whether there is a terminal that a dashboard can be drawn on."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


PATIENCE_S = 1.0
"""How long programs that threads wait for may take to end by themselves when coop is told to stop."""


def run_server(serving: Coroutine[Any, Any, None]) -> None:
    """Runs a server with its log on standard error; SIGTERM and Ctrl-C end it in order."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    asyncio.run(until_signalled(serving))


async def until_signalled(working: Coroutine[Any, Any, None]) -> None:
    """Runs `working` to its end, or cancels it at the first SIGTERM or SIGINT and lets it clean up.

    A CoopError inside exception groups comes out alone.
    """
    task = asyncio.ensure_future(working)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, _leave, task)
    with suppress(asyncio.CancelledError):
        try:
            await task
        except BaseExceptionGroup as group:
            raise (users_own(group) or group) from group


def _leave(task: asyncio.Future[Any]) -> None:
    """Cancels `task`. Threads cannot be cancelled: git or pip that takes long is killed, and its thread returns."""
    task.cancel()
    threading.Thread(target=_end_children, args=(task.get_loop(),), daemon=True).start()


def _end_children(loop: asyncio.AbstractEventLoop) -> None:
    """Until the loop is closed, which it is when no thread works for it any more."""
    time.sleep(PATIENCE_S)
    while not loop.is_closed():
        children.end_all()
        time.sleep(0.05)
