"""Blocking work beside an event loop, so that what hangs holds up nothing else."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

T = TypeVar("T")


async def in_thread(work: Callable[[], T]) -> T:
    """Does blocking work in a thread of its own, which neither another waits for nor the end of the process."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(result: T | None, error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]  # without an error there is a result

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except BaseException as raised:  # whatever it is belongs to who waits
            error = raised
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(tell, result, error)

    threading.Thread(target=run, name="coop-git", daemon=True).start()
    return await done


class Turns:
    """Lets a few work at once. A turn counts for `lent_s` at most: what takes longer hangs, and others go on."""

    def __init__(self, at_once: int, lent_s: float) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._lent_s = lent_s

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        await self._free.acquire()
        is_held = True

        def give_back() -> None:
            nonlocal is_held
            if is_held:
                is_held = False
                self._free.release()

        timer = asyncio.get_running_loop().call_later(self._lent_s, give_back)
        try:
            yield
        finally:
            timer.cancel()
            give_back()
