"""One run of the dev loop, wired: lock, event log, workshop, rollout watcher, file watch."""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.clock import SystemClock
from coop_devloop import lock, watching
from coop_devloop.eventlog import EventLog
from coop_devloop.events import LoopStarted
from coop_devloop.loop import DevLoop
from coop_devloop.rollout import Rollout

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from coop_core.kube.client import KubeClient
    from coop_devloop.events import Entry
    from coop_devloop.state import LoopState
    from coop_devloop.workshop import Workshop


@dataclass(frozen=True, slots=True)
class Session:
    """What one loop works on. watched: the service's folder; state: where lock and event log live."""

    workshop: Workshop
    client: KubeClient
    watched: Path
    state: Path

    async def run(self, observe: Callable[[Entry, LoopState], None]) -> None:
        """Runs until cancelled. Raises CoopError at once when another loop holds this service and environment."""
        place = self.workshop.place
        with lock.held(self.state, place.service, place.environment):
            log = EventLog(self.state / "events.jsonl")

            def seen(entry: Entry, state: LoopState) -> None:
                log.write(entry)
                observe(entry, state)

            rollout = Rollout(self.client, place.environment, place.service)
            loop = DevLoop(self.workshop, rollout, SystemClock(), seen)
            stop = asyncio.Event()
            try:
                async with aclosing(watching.saves(self.watched, stop)) as saves:
                    started = LoopStarted(place.environment, place.service, os.getpid())
                    await loop.run(started, saves)
            finally:
                stop.set()
                log.close()
