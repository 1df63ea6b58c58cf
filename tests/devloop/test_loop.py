"""The loop in motion: a worker and a platform that answer when the test tells them to, real queues and tasks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from coop_core.clock import SystemClock
from coop_core.errors import CoopError
from coop_devloop import events as e
from coop_devloop.decide import Build, Commit, Push, Step, TakeSnapshot
from coop_devloop.loop import DevLoop

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from coop_devloop.state import LoopState

LIMIT_S = 5.0
STARTED = e.LoopStarted("dev-ada", "hello", 1)


class Bench:
    """Stands for worker, platform and file watch; `done` lets the step under way end with an event."""

    def __init__(self) -> None:
        self.steps: asyncio.Queue[Step] = asyncio.Queue()
        self.done: asyncio.Queue[e.Event] = asyncio.Queue()
        self.saved: asyncio.Queue[e.Event | CoopError] = asyncio.Queue()
        self.hanging: Step | None = None
        self.cancelled: list[Step] = []
        self.aims: list[tuple[str, str]] = []
        self.seen: list[e.Event] = []
        self.states: list[LoopState] = []
        self.changed = asyncio.Event()

    async def work(self, step: Step) -> e.Event:
        self.steps.put_nowait(step)
        if step == self.hanging:
            try:
                await asyncio.Event().wait()
            finally:
                self.cancelled.append(step)
        return await self.done.get()

    def aim(self, commit: str, source_commit: str = "") -> None:
        if (commit, source_commit) not in self.aims:
            self.aims.append((commit, source_commit))

    async def run(self, emit: Callable[[e.Event], None]) -> None:
        self.emit = emit
        await asyncio.Event().wait()

    async def saves(self) -> AsyncGenerator[e.Event, None]:
        while True:
            event = await self.saved.get()
            if isinstance(event, CoopError):
                raise event
            yield event

    def observe(self, entry: e.Entry, state: LoopState) -> None:
        self.seen.append(entry.event)
        self.states.append(state)
        self.changed.set()

    async def next_step(self) -> Step:
        return await asyncio.wait_for(self.steps.get(), LIMIT_S)

    async def until_seen(self, kind: type) -> None:
        async with asyncio.timeout(LIMIT_S):
            while not any(isinstance(event, kind) for event in self.seen):
                self.changed.clear()
                await self.changed.wait()


@pytest.fixture
async def bench() -> AsyncGenerator[Bench, None]:
    bench = Bench()
    loop = DevLoop(bench, bench, SystemClock(), bench.observe)
    running = asyncio.create_task(loop.run(STARTED, bench.saves()))
    yield bench
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert isinstance(bench.seen[-1], e.LoopStopped)


async def to_push(bench: Bench, snapshot: str, commit: str) -> None:
    assert await bench.next_step() == TakeSnapshot()
    bench.done.put_nowait(e.SnapshotTaken(snapshot, ("app.py",), 1))
    assert await bench.next_step() == Build(snapshot)
    bench.done.put_nowait(e.BuildFinished("image", False, 1))
    assert await bench.next_step() == Commit(snapshot, "image")
    bench.done.put_nowait(e.DeployCommitted(commit, "base", 1))
    assert await bench.next_step() == Push(commit, "base")


async def test_the_first_version_goes_live_without_a_save(bench: Bench) -> None:
    await to_push(bench, "s1", "c1")
    bench.done.put_nowait(e.Pushed("c1", 1))
    await bench.until_seen(e.Pushed)
    bench.emit(e.WentLive("c1", "pod-1"))
    await bench.until_seen(e.WentLive)
    assert bench.aims == [("c1", "s1")]
    live = bench.seen[-1]
    assert isinstance(live, e.WentLive)
    assert {"snapshot", "build", "commit", "push"} <= set(live.phases)
    assert live.total_ms == pytest.approx(sum(live.phases.values()))


async def test_a_save_during_the_push_ends_in_the_newest_version_being_aimed_at(bench: Bench) -> None:
    await to_push(bench, "s1", "c1")
    bench.saved.put_nowait(e.FilesChanged(("app.py",)))
    await bench.until_seen(e.FilesChanged)
    bench.done.put_nowait(e.Pushed("c1", 1))
    await to_push(bench, "s2", "c2")
    bench.done.put_nowait(e.Pushed("c2", 1))
    async with asyncio.timeout(LIMIT_S):
        while sum(isinstance(event, e.Pushed) for event in bench.seen) < 2:
            bench.changed.clear()
            await bench.changed.wait()
    assert bench.aims[-1] == ("c2", "s2")


async def test_a_build_that_is_superseded_is_cancelled_and_says_nothing_more() -> None:
    bench = Bench()
    bench.hanging = Build("s1")
    loop = DevLoop(bench, bench, SystemClock(), bench.observe)
    running = asyncio.create_task(loop.run(STARTED, bench.saves()))
    assert await bench.next_step() == TakeSnapshot()
    bench.done.put_nowait(e.SnapshotTaken("s1", (), 1))
    assert await bench.next_step() == Build("s1")
    bench.saved.put_nowait(e.FilesChanged(("app.py",)))
    await to_push(bench, "s2", "c2")
    assert bench.cancelled == [Build("s1")]
    assert not any(isinstance(event, e.BuildFailed) for event in bench.seen)
    running.cancel()
    await asyncio.wait([running])


async def test_a_push_that_cannot_pass_yet_is_tried_again_without_a_save(bench: Bench) -> None:
    await to_push(bench, "s1", "c1")
    bench.done.put_nowait(e.PushFailed(e.Problem("cannot push", "no network", "wait", can_pass=True)))
    assert await bench.next_step() == Push("c1", "base")


async def test_a_watch_that_cannot_start_ends_the_loop_with_its_own_error() -> None:
    bench = Bench()
    error = CoopError("cannot watch", "limit reached", "raise it")
    bench.saved.put_nowait(error)
    loop = DevLoop(bench, bench, SystemClock(), bench.observe)
    with pytest.raises(ExceptionGroup) as caught:
        await asyncio.wait_for(loop.run(STARTED, bench.saves()), LIMIT_S)
    assert caught.group_contains(CoopError, match="limit reached")
    assert isinstance(bench.seen[-1], e.LoopStopped)
