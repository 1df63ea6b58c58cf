"""How a Dagger session is opened: its process, the connection to it, and where it sends its traces."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.build.dagger import cli as clis
from coop_core.build.dagger.session import Lost, SessionProcess, attached
from coop_core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coop_core.build.dagger.engine import Engine
    from coop_core.build.dagger.tracing import Traces

KEEPALIVE_S = 45.0
"""Load balancers end connections that nobody uses after a minute or more, and a kubelet after hours."""
_ANSWER_LIMIT_S = 30.0
_CLOSE_LIMIT_S = 5.0

_PROVISIONED = ("image", "docker-image")
"""Schemes of engines that the CLI starts itself; those of all others are there already, or they are not."""

# Variables that would send the session elsewhere, and a password that it does not need.
_NOT_HANDED_DOWN = ("OTEL_", "DAGGER_SESSION_", "COOP_REGISTRY_", "TRACEPARENT")


@dataclass(slots=True, eq=False)
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
    keeping_alive: asyncio.Task[None] | None = None

    @property
    def is_usable(self) -> bool:
        return not self.is_lost and not (self.process is not None and self.process.has_ended)

    async def close(self) -> None:
        """Within seconds, whatever hangs."""
        if self.keeping_alive:
            self.keeping_alive.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_LIMIT_S):
                await self.engine.close()
        await _end(self.process, self.traces)

    async def keep_alive(self) -> None:
        """Asks for something cheap now and then. One that does not answer while nobody builds is lost."""
        while True:
            await asyncio.sleep(KEEPALIVE_S)
            try:
                async with asyncio.timeout(_ANSWER_LIMIT_S):
                    await self.engine.version()
            except (Lost, TimeoutError):
                if self.users == 0:  # a build has its own word about that
                    self.is_lost = True
                    return


class Opener:
    """wished, engine: the settings' CLI and engine, None to look for them. environ: of the process that builds."""

    def __init__(self, wished: str | None, engine: str | None, environ: Mapping[str, str]) -> None:
        self._wished = wished
        self._environ = environ
        self._engine = engine or environ.get("_EXPERIMENTAL_DAGGER_RUNNER_HOST", "")

    @property
    def is_elsewhere(self) -> bool:
        """Whether the engine is one that somebody else starts, and that is reached by its address."""
        return bool(self._engine) and self._engine.partition("://")[0].partition("+")[0] not in _PROVISIONED

    @property
    def waits_for(self) -> str:
        """What takes long when opening does."""
        if self.is_elsewhere:
            return f"waiting for Dagger's engine at {one_line(self._engine, 120)}"
        return "waiting for Dagger's engine; the first time, it is downloaded"

    async def open(self) -> Open:
        """Raises CoopError. Cancelled, it leaves no process behind."""
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
            process = await SessionProcess.start(
                program, self._for_session(traces.url), is_provisioning=not self.is_elsewhere
            )
            opened = Open(await (await loading).connect(process.address), process, traces)
        except BaseException:
            loading.cancel()
            await _end(process, traces)
            raise
        if self.is_elsewhere:
            opened.keeping_alive = asyncio.create_task(opened.keep_alive())
        return opened

    def _for_session(self, traces_url: str) -> dict[str, str]:
        own = {name: value for name, value in self._environ.items() if not name.startswith(_NOT_HANDED_DOWN)}
        own.setdefault("DAGGER_LEAVE_OLD_ENGINE", "1")  # else it removes the engine of another tool's Dagger
        if self._engine:
            own["_EXPERIMENTAL_DAGGER_RUNNER_HOST"] = self._engine
        return own | {
            "DAGGER_SILENT": "1",  # else it keeps every span and line of output in memory, for a screen nobody sees
            "DAGGER_NO_NAG": "1",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": traces_url,
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_TRACES_LIVE": "1",  # else it sends them every five seconds
        }


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
