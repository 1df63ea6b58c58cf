"""The loop's one pure transition: what a fact changes in what the loop knows. No I/O, no clock."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from coop_devloop import events as e
from coop_devloop.state import Cycle, LoopState, Phase, Stage

_STAGES = {
    "application": Stage.NOTICE, "sync": Stage.NOTICE, "operation": Stage.SYNC,
    "rollout": Stage.ROLLOUT, "pods": Stage.ROLLOUT,
}  # fmt: skip
"""What the platform waits on, and the stage that this belongs to."""

_FIRST_RETRY_S = 1.0
_LAST_RETRY_S = 30.0


def update(state: LoopState, entry: e.Entry) -> LoopState:
    """The state after `entry`. Facts that arrive late, about a cycle that was superseded, change nothing."""
    event, at_s = entry.event, entry.at_s
    match event:
        case e.FilesChanged(paths):
            return _noticed(state, paths, at_s)
        case e.SnapshotTaken() | e.SnapshotFailed():
            return _snapshot_ended(state, event, at_s)
        case e.BuildFinished() | e.BuildFailed():
            return _build_ended(state, event)
        case e.DeployCommitted() | e.NothingToDeploy() | e.DeployFailed():
            return _deploy_ended(state, event, at_s)
        case e.Pushed() | e.PushOvertaken() | e.PushFailed():
            return _push_ended(state, event, at_s)
        case e.RolloutWaits() | e.WentLive() | e.RolloutFailed():
            return _rollout_seen(state, event, at_s)
        case e.PlatformLost(why):
            return replace(state, is_platform_lost=True, waits_for=why)
        case e.PlatformBack():
            return replace(state, is_platform_lost=False)
        case e.LoopStarted() | e.LoopStopped() | e.BuildWaits() | e.BuildStepped() | e.ImageBuilt() | e.Answered():
            return state
        case _:
            assert_never(event)


def _noticed(state: LoopState, paths: tuple[str, ...], at_s: float) -> LoopState:
    merged = tuple(sorted({*state.changed_paths, *paths}))
    return replace(state, dirty=True, changed_s=state.changed_s or at_s, changed_paths=merged)


def _snapshot_ended(state: LoopState, event: e.SnapshotTaken | e.SnapshotFailed, at_s: float) -> LoopState:
    was_beside, state = state.is_looking, replace(state, is_looking=False)
    if isinstance(event, e.SnapshotFailed):
        # Which files there are is not known now, so the next snapshot is new whatever it holds.
        return replace(_failed(state, event.problem), snapshot="")
    is_tried_again = state.problem is not None and state.cycle is None and state.noticed_paths
    is_same = event.commit == state.snapshot or (event.is_same and state.snapshot)
    if is_same and not is_tried_again:
        # Nothing to do: a file was touched, or saved with what it held before.
        if was_beside:
            return state
        return replace(state, phase=state.cycle.next_phase if state.cycle else Phase.IDLE, is_busy=False)
    noticed_s = state.noticed_s or at_s - event.took_ms / 1000
    saved_s = event.saved_s if 0 < event.saved_s < noticed_s else noticed_s
    cycle = Cycle(
        started_s=saved_s,
        changed=event.changed,
        snapshot=event.commit,
        timings=(("noticed", round((noticed_s - saved_s) * 1000, 1)), ("snapshot", event.took_ms)),
        was_missed=bool(state.noticed_s and event.changed and not state.noticed_paths),
    )
    return replace(
        state, phase=Phase.BUILD, is_busy=False, cycle=cycle, snapshot=event.commit, problem=None, waits_for=""
    )


def _build_ended(state: LoopState, event: e.BuildFinished | e.BuildFailed) -> LoopState:
    if state.cycle is None:
        return state
    if isinstance(event, e.BuildFailed):
        return _failed(state, event.problem)
    cycle = _timed(state.cycle, "build", event.took_ms)
    if event.push_ms:
        cycle = _timed(cycle, "push image", event.push_ms)
    return replace(state, phase=Phase.COMMIT, is_busy=False, cycle=replace(cycle, image=event.image))


def _deploy_ended(
    state: LoopState, event: e.DeployCommitted | e.NothingToDeploy | e.DeployFailed, at_s: float
) -> LoopState:
    if state.cycle is None:
        return state
    match event:
        case e.DeployFailed(problem):
            return _again_later(state, state.cycle, problem, at_s)
        case e.NothingToDeploy(commit):
            if commit == state.live_commit:
                return replace(state, phase=Phase.IDLE, is_busy=False, cycle=None, last=state.cycle)
            cycle = replace(state.cycle, commit=commit, is_pushed=True, stage=Stage.NOTICE, stage_s=at_s)
            return replace(state, phase=Phase.ROLLOUT, is_busy=False, cycle=cycle)
        case e.DeployCommitted(commit, base, took_ms, render_ms):
            cycle = replace(
                _timed(_timed(state.cycle, "render", render_ms), "commit", took_ms),
                attempts=0,
                commit=commit,
                base=base,
                source=state.cycle.snapshot,
            )
            return replace(state, phase=Phase.PUSH, is_busy=False, cycle=cycle)


def _push_ended(state: LoopState, event: e.Pushed | e.PushOvertaken | e.PushFailed, at_s: float) -> LoopState:
    if state.cycle is None:
        return state
    match event:
        case e.Pushed(_, took_ms):
            timed = _timed(state.cycle, "push", took_ms)
            cycle = replace(timed, is_pushed=True, stage=Stage.NOTICE, stage_s=at_s)
            return replace(state, phase=Phase.ROLLOUT, is_busy=False, cycle=cycle, problem=None, waits_for="")
        case e.PushOvertaken():
            return replace(state, phase=Phase.COMMIT, is_busy=False, cycle=replace(state.cycle, commit=""))
        case e.PushFailed(problem):
            return _again_later(state, state.cycle, problem, at_s)


def _again_later(state: LoopState, cycle: Cycle, problem: e.Problem, at_s: float) -> LoopState:
    """The same step again after a pause, if that can help; else the cycle is over."""
    if not problem.can_pass:
        return _failed(state, problem)
    pause_s = min(_LAST_RETRY_S, _FIRST_RETRY_S * 2**cycle.attempts)
    waiting = replace(cycle, attempts=cycle.attempts + 1)
    return replace(state, is_busy=False, cycle=waiting, problem=problem, retry_at_s=at_s + pause_s)


def _rollout_seen(state: LoopState, event: e.RolloutWaits | e.WentLive | e.RolloutFailed, at_s: float) -> LoopState:
    cycle = state.cycle
    if cycle is None or cycle.commit != event.commit or not cycle.is_pushed:
        # A failed version that recovers by itself (a dependency came up) is live all the same.
        if isinstance(event, e.WentLive) and state.last and state.last.commit == event.commit:
            return replace(state, live_commit=event.commit, problem=None)
        return state
    match event:
        case e.RolloutWaits(_, reason, on):
            return replace(
                state,
                waits_for=reason,
                cycle=_at_stage(cycle, _STAGES.get(on) or cycle.stage or Stage.NOTICE, at_s),
            )
        case e.WentLive(commit):
            return replace(
                state,
                phase=_after_rollout(state),
                cycle=None,
                last=_whole(_at_stage(cycle, Stage.LIVE, at_s), at_s),
                live_commit=commit,
                problem=None,
                waits_for="",
            )
        case e.RolloutFailed(_, reason):
            problem = e.Problem("the new version does not run", reason, "correct it and save")
            return replace(state, phase=_after_rollout(state), cycle=None, last=cycle, problem=problem)


def _at_stage(cycle: Cycle, stage: Stage, at_s: float) -> Cycle:
    """Ends the stage before. The platform may skip one, or go back: time counts where it was spent."""
    if cycle.stage is None or stage is cycle.stage:
        return cycle
    took_ms = (at_s - cycle.stage_s) * 1000
    # Nothing was seen in between: what took longest is the rollout.
    spent_on = Stage.ROLLOUT if (cycle.stage, stage) == (Stage.NOTICE, Stage.LIVE) else cycle.stage
    return replace(_timed(cycle, spent_on.value, took_ms), stage=stage, stage_s=at_s)


def _whole(cycle: Cycle, at_s: float) -> Cycle:
    """The phases with what lay between them, so that they add up to the time since the save was noticed."""
    between_ms = (at_s - cycle.started_s) * 1000 - sum(ms for _, ms in cycle.timings)
    return _timed(cycle, "between", between_ms) if between_ms >= 1 else cycle


def _after_rollout(state: LoopState) -> Phase:
    """A snapshot may be under way already when the platform has its last word on the version before."""
    return state.phase if state.is_busy else Phase.IDLE


def _failed(state: LoopState, problem: e.Problem) -> LoopState:
    """The cycle is over; what was live stays live, and the next save starts afresh."""
    return replace(
        state, phase=Phase.IDLE, is_busy=False, cycle=None, last=state.cycle or state.last, problem=problem
    )


def _timed(cycle: Cycle, phase: str, took_ms: float) -> Cycle:
    """A phase that comes a second time adds to its first."""
    known = dict(cycle.timings)
    known[phase] = round(known.get(phase, 0.0) + max(0.0, took_ms), 1)
    return replace(cycle, timings=tuple(known.items()))


def begun(state: LoopState, phase: Phase) -> LoopState:
    """The state once a worker is on `phase`. A snapshot holds every change noticed before it began."""
    if phase is not Phase.SNAPSHOT:
        return replace(state, phase=phase, is_busy=True)
    looking = replace(
        state,
        dirty=False,
        noticed_s=state.changed_s,
        noticed_paths=state.changed_paths,
        changed_s=0.0,
        changed_paths=(),
    )
    if state.is_busy:
        return replace(looking, is_looking=True)
    return replace(looking, phase=phase, is_busy=True)
