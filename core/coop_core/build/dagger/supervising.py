"""Keeps a Dagger session ready: started ahead, replaced when it is lost or old, ended when nobody builds.

A session pins everything it ever made in the engine, and the client's memory grows with it; so none gets old.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from coop_core.build.dagger.opening import Opener
from coop_core.build.dagger.session import Lost

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from coop_core.build.dagger.opening import Open

RENEW_AFTER_BUILDS = 50
IDLE_S = 900.0
PATIENCE_S = 5.0
"""How long a session may take to start before that is told."""


def _nobody(reason: str) -> None:
    """It is told to nobody."""


class Sessions:
    """The session that builds use. wished, engine: the settings' CLI and engine, None to look for them."""

    def __init__(self, wished: str | None, engine: str | None, environ: Mapping[str, str]) -> None:
        self._opener = Opener(wished, engine, environ)
        self._current: asyncio.Task[Open] | None = None
        self._open: set[Open] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self._idle: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Starts one in the background unless there is one."""
        if self._current is None:
            self._current = asyncio.create_task(self._start())
            self._wait_for_work()

    async def _start(self) -> Open:
        opened = await self._opener.open()
        self._open.add(opened)
        return opened

    @contextlib.asynccontextmanager
    async def open(self, waits: Callable[[str], None] = _nobody) -> AsyncIterator[Open]:
        """The session, for one build. A start that failed is told once; the next call tries anew.

        When the build says Lost, it is ended, and the next call starts another. waits: told when it takes long.
        """
        opened = await self._get(waits)
        opened.users += 1
        opened.builds += 1
        try:
            yield opened
        except Lost:
            opened.is_lost = True
            raise
        finally:
            opened.users -= 1
            self._used(opened)

    async def _get(self, waits: Callable[[str], None]) -> Open:
        while True:
            self.begin()
            current = self._current
            assert current is not None
            late = asyncio.get_running_loop().call_later(PATIENCE_S, waits, self._opener.waits_for)
            try:
                # Shielded: a build that is superseded does not take the session with it.
                opened = await asyncio.shield(current)
            except Exception:
                if self._current is current:
                    self._current = None
                raise
            finally:
                late.cancel()
            if opened.is_usable:
                return opened
            self._retire(opened)

    def _used(self, opened: Open) -> None:
        """After a build: what is lost or old gives way, but not under another build's feet."""
        is_current = opened is self._ready()
        if not opened.is_usable:
            self._retire(opened)
        elif is_current and opened.process is not None and opened.builds >= RENEW_AFTER_BUILDS:
            self._renew(opened)
        elif not is_current and not self._is_starting:
            self._let_go(opened)
        self._wait_for_work()

    def _renew(self, opened: Open) -> None:
        """The next one starts before the old one ends: until then the engine keeps what both need."""
        self._current = None
        self.begin()
        assert self._current is not None
        self._current.add_done_callback(lambda _: self._let_go(opened))

    def _retire(self, opened: Open) -> None:
        """No build gets it any more; it ends with the last that has it."""
        if opened is self._ready():
            self._current = None
        self._let_go(opened)

    def _let_go(self, opened: Open) -> None:
        if (opened.users == 0 or not opened.is_usable) and not opened.is_closing:
            self._close_later(opened)

    async def close(self) -> None:
        if self._idle:
            self._idle.cancel()
        current, self._current = self._current, None
        if current is not None:
            current.cancel()
            await asyncio.gather(current, return_exceptions=True)
        for opened in self._open:
            if not opened.is_closing:
                self._close_later(opened)
        await asyncio.gather(*self._closing)

    @property
    def _is_starting(self) -> bool:
        return self._current is not None and not self._current.done()

    def _ready(self) -> Open | None:
        """The current session once it is open."""
        current = self._current
        if current is None or not current.done() or current.cancelled() or current.exception() is not None:
            return None
        return current.result()

    def _close_later(self, opened: Open) -> None:
        opened.is_closing = True
        closing = asyncio.create_task(self._close(opened))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def _close(self, opened: Open) -> None:
        await opened.close()
        self._open.discard(opened)

    def _wait_for_work(self) -> None:
        if self._idle:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(IDLE_S, self._rest)

    def _rest(self) -> None:
        """Nobody has built for long: the next build starts a session again."""
        ready = self._ready()
        if ready is not None and ready.users == 0:
            self._retire(ready)
