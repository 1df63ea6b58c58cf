"""What the loop does next, and when it does nothing, why. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_devloop.state import Phase

if TYPE_CHECKING:
    from coop_devloop.state import Cycle, LoopState


@dataclass(frozen=True, slots=True)
class TakeSnapshot:
    phase = Phase.SNAPSHOT


@dataclass(frozen=True, slots=True)
class Build:
    snapshot: str
    phase = Phase.BUILD


@dataclass(frozen=True, slots=True)
class Commit:
    """Render `snapshot` with `image` and commit that on top of the environment branch, here."""

    snapshot: str
    image: str
    phase = Phase.COMMIT


@dataclass(frozen=True, slots=True)
class Push:
    commit: str
    base: str
    phase = Phase.PUSH


Step = TakeSnapshot | Build | Commit | Push


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing to do now. `reason` is for the user; `until_s` is when to ask again even if nothing happens."""

    reason: str
    until_s: float | None = None


def decide(state: LoopState, now_s: float) -> Step | Hold:
    """The next step, or why there is none.

    A change noticed meanwhile supersedes the cycle: during a build by a snapshot taken beside it, elsewhere at the
    seam between two steps. What was built of an older snapshot is dropped, and only the newest is pushed.
    """
    if state.is_looking:
        return Hold(f"busy with the {Phase.SNAPSHOT.value}")
    if state.is_busy and not (state.dirty and state.phase is Phase.BUILD):
        return Hold(f"busy with the {state.phase.value}")
    if state.dirty:
        return TakeSnapshot()
    cycle = state.cycle
    if cycle is None:
        return Hold("waiting for a save")
    return _next_of(state, cycle, now_s)


def _next_of(state: LoopState, cycle: Cycle, now_s: float) -> Step | Hold:
    if cycle.attempts and state.retry_at_s > now_s:
        why = state.problem.why if state.problem else "it failed"
        return Hold(f"trying the {state.phase.value} again soon: {why}", until_s=state.retry_at_s)
    match state.phase:
        case Phase.BUILD:
            return Build(cycle.snapshot)
        case Phase.COMMIT:
            return Commit(cycle.snapshot, cycle.image)
        case Phase.PUSH:
            return Push(cycle.commit, cycle.base)
        case Phase.ROLLOUT:
            return Hold(state.waits_for or "waiting for the platform to notice the push")
        case Phase.IDLE | Phase.SNAPSHOT:
            return Hold("waiting for a save")
