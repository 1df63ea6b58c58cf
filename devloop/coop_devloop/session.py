"""One run of the dev loop, wired: lock, event log, workshop, rollout watcher, file watch."""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.clock import SystemClock
from coop_core.errors import CoopError
from coop_devloop import lock, watching
from coop_devloop.answering import Answers
from coop_devloop.eventlog import EventLog
from coop_devloop.events import LoopStarted, WentLive
from coop_devloop.loop import DevLoop
from coop_devloop.rollout import Rollout

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

    from coop_core.kube.client import KubeClient
    from coop_devloop.events import Entry, Event, Problem
    from coop_devloop.state import LoopState
    from coop_devloop.workshop import Workshop


@dataclass(frozen=True, slots=True)
class Session:
    """What one loop works on.

    watched: the service's folder; state: where lock and event log live; url: where the service answers.
    """

    workshop: Workshop
    client: KubeClient
    watched: Path
    state: Path
    url: str

    async def run(self, observe: Callable[[Entry, LoopState], None]) -> None:
        """Runs until cancelled. Raises CoopError at once when another loop holds this service and environment."""
        place = self.workshop.place
        with lock.held(self.state, place.service, place.environment, place.remote.url):
            log = EventLog(self.state / "events.jsonl")
            answers = Answers(self.url)

            def seen(entry: Entry, state: LoopState) -> None:
                log.write(entry)
                answers.observe(entry)
                observe(entry, state)

            rollout = _rollout(self.workshop, self.client)
            loop = DevLoop(self.workshop, rollout, SystemClock(), seen)
            stop = asyncio.Event()
            try:
                async with (
                    aclosing(watching.saves(self.watched, stop)) as saves,
                    aclosing(answers.events()) as answered,
                    aclosing(self.workshop.progress()) as progress,
                ):
                    started = LoopStarted(place.environment, place.service, os.getpid())
                    await loop.run(started, saves, answered, progress)
            finally:
                stop.set()
                log.close()


def _rollout(workshop: Workshop, client: KubeClient) -> Rollout:
    place = workshop.place
    return Rollout(client, place.environment, place.service, workshop, repository=place.remote.url)


async def deploy_once(workshop: Workshop, client: KubeClient) -> None:
    """Takes the working tree live as it is, once; raises CoopError with the reason when it does not get there."""
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    problem: Problem | None = None

    def seen(entry: Entry, state: LoopState) -> None:
        nonlocal problem
        is_over = isinstance(entry.event, WentLive) or (state.problem and not state.problem.can_pass)
        if is_over and not ended.done():
            ended.set_result(None)
            problem = state.problem

    place = workshop.place
    loop = DevLoop(workshop, _rollout(workshop, client), SystemClock(), seen)
    started = LoopStarted(place.environment, place.service, os.getpid())
    running = asyncio.create_task(loop.run(started, _nothing()))
    try:
        await asyncio.wait([running, ended], return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            await running
    finally:
        running.cancel()
        await asyncio.wait([running])
    if problem:
        raise CoopError(problem.what, problem.why, problem.remedy)


async def _nothing() -> AsyncGenerator[Event, None]:
    """No save ever comes."""
    return
    yield
