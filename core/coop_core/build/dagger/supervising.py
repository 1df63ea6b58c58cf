"""Keeps a Dagger session ready: started ahead, replaced when it is lost or old, ended when nobody builds.

A session pins everything it ever made in the engine, and the client's memory grows with it; so none gets old.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.build.dagger import cli as clis
from coop_core.build.dagger.session import Lost, SessionProcess, attached

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from coop_core.build.dagger.engine import Engine
    from coop_core.build.dagger.tracing import Traces

RENEW_AFTER_BUILDS = 50
IDLE_S = 900.0
_CLOSE_LIMIT_S = 5.0

# Variables that would send the session elsewhere, and a password that it does not need.
_NOT_HANDED_DOWN = ("OTEL_", "DAGGER_SESSION_", "COOP_REGISTRY_", "TRACEPARENT")


@dataclass(slots=True)
class Open:
    """An open session. process: None for one that somebody else runs; traces: None then too.

    users: how many builds are at it right now. is_lost: it answers no more.
    """

    engine: Engine
    process: SessionProcess | None = None
    traces: Traces | None = None
    builds: int = 0
    users: int = 0
    is_lost: bool = False
    is_closing: bool = False

    @property
    def is_usable(self) -> bool:
        return not self.is_lost and not (self.process is not None and self.process.has_ended)

    async def close(self) -> None:
        """Within seconds, whatever hangs."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_LIMIT_S):
                await self.engine.close()
        await _end(self.process, self.traces)


class Sessions:
    """The session that builds use. wished, engine: the settings' CLI and engine, None to look for them."""

    def __init__(self, wished: str | None, engine: str | None, environ: Mapping[str, str]) -> None:
        self._wished = wished
        self._engine = engine
        self._environ = environ
        self._current: asyncio.Task[Open] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._idle: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Starts one in the background unless there is one."""
        if self._current is None:
            self._current = asyncio.create_task(self._open())
            self._wait_for_work()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Open]:
        """The session, for one build. A start that failed is told once; the next call tries anew.

        When the build says Lost, it is ended, and the next call starts another.
        """
        opened = await self._get()
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

    async def _get(self) -> Open:
        while True:
            self.begin()
            current = self._current
            assert current is not None
            try:
                # Shielded: a build that is superseded does not take the session with it.
                opened = await asyncio.shield(current)
            except Exception:
                if self._current is current:
                    self._current = None
                raise
            if opened.is_usable:
                return opened
            self._retire(opened)

    def _used(self, opened: Open) -> None:
        """After a build: what is lost or old gives way, but not under another build's feet."""
        is_old = opened.process is not None and opened.builds >= RENEW_AFTER_BUILDS
        if not opened.is_usable or is_old:
            was_current = self._retire(opened)
            if is_old and was_current:
                self.begin()
        elif opened.users == 0 and opened is not self._ready():
            self._close_later(opened)
        self._wait_for_work()

    def _retire(self, opened: Open) -> bool:
        """No build gets it any more; it ends with the last that has it. Whether it was the current one."""
        was_current = opened is self._ready()
        if was_current:
            self._current = None
        if opened.users == 0 or not opened.is_usable:
            self._close_later(opened)
        return was_current

    async def close(self) -> None:
        if self._idle:
            self._idle.cancel()
        current, self._current = self._current, None
        if current is not None:
            current.cancel()
            [ended] = await asyncio.gather(current, return_exceptions=True)
            if isinstance(ended, Open):
                self._close_later(ended)
        await asyncio.gather(*self._closing)

    async def _open(self) -> Open:
        address = attached(self._environ)
        if address:
            engine = await asyncio.to_thread(_engine)
            return Open(await engine.connect(address))
        program = clis.find(self._wished, self._environ)
        loading = asyncio.create_task(asyncio.to_thread(_engine))
        traces = (await asyncio.to_thread(_traces))()
        process: SessionProcess | None = None
        try:
            await traces.start()
            process = await SessionProcess.start(program, self._for_session(traces.url))
            return Open(await (await loading).connect(process.address), process, traces)
        except BaseException:
            loading.cancel()
            await _end(process, traces)
            raise

    def _for_session(self, traces_url: str) -> dict[str, str]:
        own = {name: value for name, value in self._environ.items() if not name.startswith(_NOT_HANDED_DOWN)}
        if self._engine:
            own["_EXPERIMENTAL_DAGGER_RUNNER_HOST"] = self._engine
        return own | {
            "DAGGER_SILENT": "1",  # else it keeps every span and line of output in memory, for a screen nobody sees
            "DAGGER_NO_NAG": "1",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": traces_url,
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
        }

    def _ready(self) -> Open | None:
        """The current session once it is open."""
        current = self._current
        if current is None or not current.done() or current.cancelled() or current.exception() is not None:
            return None
        return current.result()

    def _close_later(self, opened: Open) -> None:
        if opened.is_closing:
            return
        opened.is_closing = True
        closing = asyncio.create_task(opened.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def _wait_for_work(self) -> None:
        if self._idle:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(IDLE_S, self._rest)

    def _rest(self) -> None:
        """Nobody has built for long: the next build starts a session again."""
        ready = self._ready()
        if ready is not None and ready.users == 0:
            self._retire(ready)


async def _end(process: SessionProcess | None, traces: Traces | None) -> None:
    if process is not None:
        await process.close()
    if traces is not None:
        await traces.close()


def _engine() -> type[Engine]:
    from coop_core.build.dagger.engine import Engine  # deferred: the SDK costs a second, in a thread of its own

    return Engine


def _traces() -> type[Traces]:
    from coop_core.build.dagger.tracing import Traces  # deferred: protobuf

    return Traces
