"""Running something until it is told to stop: signals, logging, and errors that come out of task groups."""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from coop_core.errors import CoopError

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


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
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    with suppress(asyncio.CancelledError):
        try:
            await task
        except BaseExceptionGroup as group:
            raise (users_own(group) or group) from group


def users_own(group: BaseExceptionGroup[BaseException]) -> CoopError | None:
    """The first CoopError in a tree of exceptions."""
    for error in group.exceptions:
        if isinstance(error, CoopError):
            return error
        if isinstance(error, BaseExceptionGroup) and (found := users_own(error)):
            return found
    return None
