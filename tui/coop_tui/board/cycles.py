"""The dev loop as its event log tells it: cycles from a save to a live version, newest last. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, assert_never

from coop_devloop import events as e

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEPT = 50
"""Cycles and notes kept."""


class Outcome(Enum):
    """How a cycle stands. The value is what the user reads."""

    RUNNING = "running"
    LIVE = "live"
    UNCHANGED = "nothing to deploy"
    FAILED = "failed"
    REPLACED = "overtaken by a newer save"


@dataclass(frozen=True, slots=True)
class Phase:
    """One step of a cycle; its name is the dev loop's word for it. note: e.g. "cached"."""

    name: str
    took_ms: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Cycle:
    started_s: float
    paths: tuple[str, ...] = ()
    phases: tuple[Phase, ...] = ()
    outcome: Outcome = Outcome.RUNNING
    waits_for: str = ""
    is_pushing: bool = False
    """Whether its image is on its way to a registry."""
    commit: str = ""
    """The deploy commit, once there is one."""
    problem: e.Problem | None = None
    lines: tuple[str, ...] = ()
    """The end of the failed program's log."""

    @property
    def total_ms(self) -> float:
        return sum(phase.took_ms for phase in self.phases)


@dataclass(frozen=True, slots=True)
class Note:
    """Something that is no part of a cycle."""

    at_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Loop:
    """is_running: a dev loop has started and not said that it stopped."""

    environment: str = ""
    service: str = ""
    is_running: bool = False
    history: tuple[Cycle | Note, ...] = ()
    unseen: tuple[str, ...] = ()
    """Paths saved after the running cycle's snapshot: the next cycle takes them."""
    unseen_s: float = 0.0
    snapshot: str = ""
    live_commit: str = ""

    @property
    def newest(self) -> Cycle | None:
        return next(_cycles(self), None)

    @property
    def running(self) -> Cycle | None:
        newest = self.newest
        return newest if newest is not None and newest.outcome is Outcome.RUNNING else None


def update(loop: Loop, event: e.Event, at_s: float) -> Loop:  # noqa: PLR0912  # a case for each event
    """The loop after one line of its event log, which may begin in the middle of a cycle."""
    match event:
        case e.LoopStarted() | e.LoopStopped() | e.PlatformLost() | e.PlatformBack():
            return _around(loop, event, at_s)
        case e.SnapshotFailed() | e.BuildFailed() | e.DeployFailed() | e.PushFailed():
            return _failed(loop, event, at_s)
        case e.RolloutWaits() | e.WentLive() | e.RolloutFailed():
            return _rolled_out(loop, event, at_s)
        case e.Answered(commit, status, took_ms):
            answer = Phase("answer", took_ms, f"HTTP {status}" if status else "no HTTP")
            return _on_commit(loop, commit, lambda c: replace(c, phases=_with(c.phases, answer)))
        case e.FilesChanged(paths):
            return _files_changed(loop, paths, at_s)
        case e.SnapshotTaken():
            return _snapshot_taken(loop, event, at_s)
        case e.BuildWaits(commit, reason):
            return _waits(loop, reason) if commit == loop.snapshot else loop
        case e.ImageBuilt(commit, took_ms):
            return _image_built(loop, took_ms) if commit == loop.snapshot else loop
        case e.BuildFinished():
            return _build_finished(loop, event)
        case e.DeployCommitted(commit, _, took_ms):
            return _phase_done(loop, Phase("commit", took_ms), commit)
        case e.NothingToDeploy(commit):
            return _nothing_to_deploy(loop, commit)
        case e.Pushed(commit, took_ms):
            return _phase_done(loop, Phase("push", took_ms), commit)
        case e.BuildStepped(name):
            return _stepped(loop, name)
        case e.PushOvertaken():
            return _waits(loop, "somebody pushed first; committing on top of theirs")
        case _:
            assert_never(event)


def _around(
    loop: Loop, event: e.LoopStarted | e.LoopStopped | e.PlatformLost | e.PlatformBack, at_s: float
) -> Loop:
    match event:
        case e.LoopStarted(environment, service):
            ours = replace(_abandoned(loop), environment=environment, service=service, is_running=True)
            return noted(ours, at_s, f"dev loop of {service} in {environment} started")
        case e.LoopStopped():
            return noted(replace(_abandoned(loop), is_running=False), at_s, "dev loop stopped")
        case e.PlatformLost(why):
            return noted(loop, at_s, f"platform lost: {why}")
        case e.PlatformBack():
            return noted(loop, at_s, "platform is back")


def noted(loop: Loop, at_s: float, text: str) -> Loop:
    return _added(loop, Note(at_s, text))


def _files_changed(loop: Loop, paths: tuple[str, ...], at_s: float) -> Loop:
    running = loop.running
    if running is None:
        return _added(loop, Cycle(at_s, paths))
    if not running.phases:
        return _on_running(loop, lambda c: replace(c, paths=_merged(c.paths, paths)))
    return replace(loop, unseen=_merged(loop.unseen, paths), unseen_s=loop.unseen_s or at_s)


def _snapshot_taken(loop: Loop, event: e.SnapshotTaken, at_s: float) -> Loop:
    newest = loop.newest
    is_same = event.commit == loop.snapshot and not (newest and newest.outcome is Outcome.FAILED)
    if is_same:
        return _nothing_new(loop)
    running = loop.running
    if running is None or running.phases:
        started_s = loop.unseen_s or at_s - event.took_ms / 1000
        loop = _on_running(loop, lambda c: replace(c, outcome=Outcome.REPLACED, waits_for=""))
        loop = _added(loop, Cycle(started_s, loop.unseen))
    loop = replace(loop, snapshot=event.commit, unseen=(), unseen_s=0.0)
    paths = event.changed
    return _on_running(
        loop, lambda c: replace(c, paths=paths or c.paths, phases=(Phase("snapshot", event.took_ms),))
    )


def _nothing_new(loop: Loop) -> Loop:
    """A file was touched, or saved with what it held before: a cycle that only began was none."""
    running = loop.running
    history = tuple(item for item in loop.history if item is not running or running.phases)
    return replace(loop, history=history, unseen=(), unseen_s=0.0)


def _phase_done(loop: Loop, phase: Phase, commit: str = "") -> Loop:
    def timed(cycle: Cycle) -> Cycle:
        return replace(cycle, phases=_with(cycle.phases, phase), waits_for="", commit=commit or cycle.commit)

    return _on_running(loop, timed)


def _with(phases: tuple[Phase, ...], phase: Phase) -> tuple[Phase, ...]:
    """A phase that ran twice is shown once, with both times."""
    if not any(known.name == phase.name for known in phases):
        return (*phases, phase)
    return tuple(
        replace(known, took_ms=known.took_ms + phase.took_ms, note="again") if known.name == phase.name else known
        for known in phases
    )


def _stepped(loop: Loop, name: str) -> Loop:
    """The build is past this step. Those told after the build's end say nothing new."""
    running = loop.running
    if running is None or any(phase.name == "build" for phase in running.phases):
        return loop
    return _waits(loop, f"built {name}")


def _image_built(loop: Loop, took_ms: float) -> Loop:
    pushing = _phase_done(loop, Phase("build", took_ms))
    return _on_running(pushing, lambda c: replace(c, is_pushing=True))


def _build_finished(loop: Loop, event: e.BuildFinished) -> Loop:
    """It says how long the build took also where that was told before, when the push began."""
    build = Phase("build", event.took_ms, "cached" if event.was_cached else "")
    push = (Phase("push image", event.push_ms),) if event.push_ms else ()

    def finished(cycle: Cycle) -> Cycle:
        before = tuple(phase for phase in cycle.phases if phase.name != build.name)
        return replace(cycle, phases=(*before, build, *push), waits_for="", is_pushing=False)

    return _on_running(loop, finished)


def _nothing_to_deploy(loop: Loop, commit: str) -> Loop:
    outcome = Outcome.UNCHANGED if commit == loop.live_commit else Outcome.RUNNING
    return _on_running(loop, lambda c: replace(c, commit=commit, outcome=outcome, waits_for=""))


def _waits(loop: Loop, reason: str) -> Loop:
    return _on_running(loop, lambda c: replace(c, waits_for=reason))


def _rolled_out(loop: Loop, event: e.RolloutWaits | e.WentLive | e.RolloutFailed, at_s: float) -> Loop:
    match event:
        case e.RolloutWaits(commit, reason):
            return _on_commit(loop, commit, lambda c: replace(c, waits_for=reason))
        case e.WentLive(commit):
            return replace(_on_commit(loop, commit, lambda c: _live(c, event, at_s)), live_commit=commit)
        case e.RolloutFailed(commit, reason, lines):
            was_live = commit == loop.live_commit
            what = "this version, which was live, runs no more" if was_live else "the new version does not run"
            problem = e.Problem(what, reason, "correct it and save")
            return _on_commit(loop, commit, lambda c: replace(_ended(c, problem), lines=lines))


def _live(cycle: Cycle, event: e.WentLive, at_s: float) -> Cycle:
    """The loop's own timings count; without them, the rollout is what is left of the time since the save."""
    if cycle.outcome is Outcome.LIVE:
        return cycle
    notes = {phase.name: phase.note for phase in cycle.phases}
    phases = tuple(Phase(name, took_ms, notes.get(name, "")) for name, took_ms in event.phases.items())
    if not phases:
        rollout_ms = max(0.0, (at_s - cycle.started_s) * 1000 - cycle.total_ms)
        phases = (*cycle.phases, Phase("rollout", rollout_ms))
    return replace(cycle, phases=phases, outcome=Outcome.LIVE, waits_for="", problem=None)


def _failed(
    loop: Loop, event: e.SnapshotFailed | e.BuildFailed | e.DeployFailed | e.PushFailed, at_s: float
) -> Loop:
    problem = event.problem
    if isinstance(event, e.PushFailed) and problem.can_pass:
        return _waits(loop, f"pushing again soon: {problem.why}")
    begun = loop if loop.running else _added(loop, Cycle(at_s))
    return _on_running(begun, lambda c: _ended(c, problem))


def _ended(cycle: Cycle, problem: e.Problem) -> Cycle:
    return replace(cycle, outcome=Outcome.FAILED, problem=problem, waits_for="")


def _abandoned(loop: Loop) -> Loop:
    """A cycle that nobody finishes any more is not shown as running."""
    problem = e.Problem("this version did not become live", "the dev loop ended before", "coop dev")
    ended = _on_running(loop, lambda c: replace(c, outcome=Outcome.FAILED, problem=problem, waits_for=""))
    return replace(ended, unseen=(), unseen_s=0.0, snapshot="", live_commit="")


def _on_running(loop: Loop, change: Callable[[Cycle], Cycle]) -> Loop:
    running = loop.running
    return loop if running is None else _replaced(loop, running, change(running))


def _on_commit(loop: Loop, commit: str, change: Callable[[Cycle], Cycle]) -> Loop:
    """Changes the newest cycle that deployed `commit`; late news of an unknown one changes nothing."""
    cycle = next((cycle for cycle in _cycles(loop) if cycle.commit == commit), None)
    return loop if cycle is None else _replaced(loop, cycle, change(cycle))


def _replaced(loop: Loop, old: Cycle, new: Cycle) -> Loop:
    return replace(loop, history=tuple(new if item is old else item for item in loop.history))


def _added(loop: Loop, item: Cycle | Note) -> Loop:
    return replace(loop, history=(*loop.history, item)[-KEPT:])


def _cycles(loop: Loop) -> Iterator[Cycle]:
    return (item for item in reversed(loop.history) if isinstance(item, Cycle))


def _merged(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *second)))
