"""The loop itself: sources and workers put facts on one queue, and each fact may start the next step.

Owns the order of things; what a fact means is in `update`, what comes next in `decide`, how it is done in
`workshop`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

import msgspec

from coop_devloop.decide import Build, Hold, decide
from coop_devloop.events import Entry, LoopStarted, LoopStopped, WentLive
from coop_devloop.state import LoopState
from coop_devloop.update import begun, update

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from coop_core.clock import Clock
    from coop_devloop.decide import Step
    from coop_devloop.events import Event


class Worker(Protocol):
    """Does one step and says how it ended; a failure that a user can act upon is an event, not an exception.

    A build may be cancelled; whatever it leaves must not disturb the next one.
    """

    async def work(self, step: Step) -> Event: ...


class RolloutWatcher(Protocol):
    """Tells what the platform makes of the newest pushed commit."""

    def aim(self, commit: str, source_commit: str = "") -> None:
        """From now on, events are about `commit`; what is known of it already is told at once, also a second time.

        source_commit: what its pods must carry; "" accepts any.
        """

    async def run(self, emit: Callable[[Event], None]) -> None: ...


class DevLoop:
    """One service in one environment. `observe` is called for every event, after it took effect."""

    def __init__(
        self,
        worker: Worker,
        rollout: RolloutWatcher,
        clock: Clock,
        observe: Callable[[Entry, LoopState], None],
    ) -> None:
        self.state = LoopState()
        self._worker = worker
        self._rollout = rollout
        self._clock = clock
        self._observe = observe
        self._queue: asyncio.Queue[tuple[Event, Step | None]] = asyncio.Queue()
        self._build: tuple[Build, asyncio.Task[None]] | None = None
        self._aimed: tuple[float, str] | None = None

    async def run(self, started: LoopStarted, *sources: AsyncIterator[Event]) -> None:
        """Runs until cancelled, or until a source fails: its exception is raised here."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for source in sources:
                    tasks.create_task(self._pass_on(source))
                tasks.create_task(self._rollout.run(self._put))
                self._take(started)
                while True:
                    pause_s = self._advance(tasks)
                    await self._next(pause_s)
        finally:
            self._take(LoopStopped())

    async def _next(self, pause_s: float | None) -> None:
        """Takes the next event, or returns after `pause_s` when a step is to be tried again then."""
        try:
            # Not wait_for: before Python 3.12 it swallows a cancellation that meets an event.
            async with asyncio.timeout(pause_s):
                self._take(*await self._queue.get())
        except TimeoutError:
            return
        while not self._queue.empty():
            self._take(*self._queue.get_nowait())

    def _take(self, event: Event, step: Step | None = None) -> None:
        if isinstance(step, Build):
            if self._build is None or self._build[0] is not step:
                return  # it ended in the same moment in which it was superseded
            self._build = None
        entry = Entry(self._clock.now_s(), event)
        before = self.state
        self.state = update(before, entry)
        if isinstance(event, WentLive) and before.cycle and not self.state.cycle and self.state.last:
            phases = {phase: ms for phase, ms in self.state.last.timings if ms}
            whole = msgspec.structs.replace(event, phases=phases, total_ms=sum(phases.values()))
            entry = Entry(entry.at_s, whole)
        self._observe(entry, self.state)
        self._drop_superseded()

    def _drop_superseded(self) -> None:
        """Ends the build that is under way when its snapshot is no longer the newest."""
        cycle = self.state.cycle
        if self._build and (cycle is None or cycle.snapshot != self._build[0].snapshot):
            self._build[1].cancel()
            self._build = None

    def _advance(self, tasks: asyncio.TaskGroup) -> float | None:
        """Starts the next step if there is one; returns in how many seconds to look again, if nothing happens."""
        now_s = self._clock.now_s()
        step = decide(self.state, now_s)
        cycle = self.state.cycle
        if cycle and cycle.is_pushed and self._aimed != (cycle.started_s, cycle.commit):
            self._aimed = (cycle.started_s, cycle.commit)
            self._rollout.aim(cycle.commit, cycle.source)
        if isinstance(step, Hold):
            return None if step.until_s is None else max(0.0, step.until_s - now_s)
        self.state = begun(self.state, step.phase)
        task = tasks.create_task(self._do(step))
        if isinstance(step, Build):
            self._build = (step, task)
        return None

    async def _do(self, step: Step) -> None:
        self._queue.put_nowait((await self._worker.work(step), step))

    async def _pass_on(self, source: AsyncIterator[Event]) -> None:
        async for event in source:
            self._put(event)

    def _put(self, event: Event) -> None:
        self._queue.put_nowait((event, None))
