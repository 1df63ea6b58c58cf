"""The demo's plot: platform, remote, main, personal environment, one save, two answers.

It drives the same dev loop, builder and platform as every other command; only the folders are its own.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coop_core.errors import CoopError
from coop_core.platform.access import MAIN, Access
from coop_devloop import events as loop_events
from coop_devloop.session import Session, deploy_once
from coop_tui.building import builder_for, workshop_for
from coop_tui.demo import sample
from coop_tui.demo.observing import answer, wait_for_answer
from coop_tui.narration import Narrated
from coop_tui.workspace import here

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from coop_core.kube.client import KubeClient
    from coop_core.paths import Home
    from coop_devloop.state import LoopState

LIMIT_S = 60.0


@dataclass(slots=True)
class Outcome:
    """What was observed. phases: (what, milliseconds) in order; indented names are parts of the one before."""

    urls: dict[str, str] = field(default_factory=dict)
    phases: list[tuple[str, float]] = field(default_factory=list)
    is_complete: bool = False


class Play:
    """One performance. `say` gets each line as it happens, with its time when something was timed.

    lingers: after the last line the dev loop goes on, for whoever wants to save something, until cancelled.
    """

    def __init__(
        self, home: Home, folder: Path, access: Access, say: Callable[[Narrated], None], *, lingers: bool = False
    ) -> None:
        self.outcome = Outcome()
        self._home = home
        self._folder = folder
        self._access = access
        self._say = say
        self._lingers = lingers
        self._problem: loop_events.Problem | None = None
        self._cycles: asyncio.Queue[loop_events.Event] = asyncio.Queue()

    async def run(self, client: KubeClient) -> None:
        """Plays to the end; `outcome.is_complete` only when every claim was seen over HTTP."""
        started_s = time.perf_counter()
        prepared = await asyncio.to_thread(sample.prepare, self._folder)
        self.done("a Git remote, and sample-app pushed to it", _since_ms(started_s))
        workspace = here(prepared.folder, self._home)
        name = workspace.spec().name
        started_s = time.perf_counter()
        builder = builder_for(workspace, self._access)
        await deploy_once(workshop_for(workspace, self._access, MAIN, builder), client)
        await self._see(MAIN, name, sample.MESSAGE)
        self.done(f"{name} is live in {MAIN}", _since_ms(started_s))
        personal = self._access.environment
        session = Session(
            workshop_for(workspace, self._access, personal, builder),
            client,
            prepared.folder,
            self._home.devloop(personal, name),
            self._access.url(self._host(personal, name)),
        )
        started_s = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            looping = tasks.create_task(session.run(self._observe))
            await self._live()
            await self._see(personal, name, sample.MESSAGE)
            self.done(f"{name} is live in {personal}", _since_ms(started_s))
            path = await self._edit(prepared, name)
            self.outcome.is_complete = True
            if self._lingers:
                # The newest line is on top.
                self._say(Narrated(str(path)))
                self._say(Narrated("now you: save this file; q stops everything"))
                await asyncio.Event().wait()
            looping.cancel()

    async def _edit(self, prepared: sample.Sample, name: str) -> Path:
        """The one save, and what both URLs answer after it; returns the file."""
        personal = self._access.environment
        started_s = time.perf_counter()
        path, line = await asyncio.to_thread(prepared.edit)
        self._say(Narrated(f"saved {path.relative_to(prepared.folder)}:  {line.strip()}"))
        await self._see(personal, name, sample.NEW_MESSAGE)
        served_ms = _since_ms(started_s)
        live = await self._live()
        self.done("from the save to the first new answer", served_ms)
        self.outcome.phases += [(f"  {phase}", ms) for phase, ms in live.phases.items()]
        if sample.MESSAGE not in await asyncio.to_thread(answer, self._port, self._host(MAIN, name)):
            raise CoopError(
                "the demo failed",
                "main no longer answers the old version",
                "please report this: it must not happen",
            )
        self._say(Narrated(f"{self.outcome.urls[personal]} answers {sample.NEW_MESSAGE!r}"))
        self._say(Narrated(f"{self.outcome.urls[MAIN]} still answers {sample.MESSAGE!r}"))
        return path

    @property
    def _port(self) -> int:
        assert self._access.port is not None  # the demo's platform is always a local one
        return self._access.port

    def _host(self, environment: str, name: str) -> str:
        return f"{name}.{environment}.{self._access.domain}"

    async def _see(self, environment: str, name: str, wanted: str) -> None:
        host = self._host(environment, name)
        await asyncio.to_thread(wait_for_answer, self._port, host, wanted, LIMIT_S)
        self.outcome.urls[environment] = self._access.url(host)

    def _observe(self, entry: loop_events.Entry, state: LoopState) -> None:
        if isinstance(entry.event, loop_events.WentLive) or state.problem:
            self._cycles.put_nowait(entry.event)
            self._problem = state.problem

    async def _live(self) -> loop_events.WentLive:
        async with asyncio.timeout(LIMIT_S):
            event = await self._cycles.get()
        if isinstance(event, loop_events.WentLive):
            return event
        assert self._problem is not None  # that is why the event was kept
        raise CoopError(self._problem.what, self._problem.why, self._problem.remedy)

    def done(self, what: str, took_ms: float) -> None:
        self.outcome.phases.append((what, took_ms))
        self._say(Narrated(what, took_ms))


def _since_ms(started_s: float) -> float:
    return (time.perf_counter() - started_s) * 1000
