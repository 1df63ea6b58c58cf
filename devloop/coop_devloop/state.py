"""What the loop knows: one cycle under way, and what is live."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coop_devloop.events import Problem


class Phase(Enum):
    """How far the running cycle has come. The value is the word the user reads."""

    IDLE = "idle"
    SNAPSHOT = "snapshot"
    BUILD = "build"
    COMMIT = "commit"
    PUSH = "push"
    ROLLOUT = "rollout"


class Stage(Enum):
    """What the platform is at with a pushed commit. The value is the word the user reads."""

    NOTICE = "notice"
    SYNC = "sync"
    ROLLOUT = "rollout"
    LIVE = "live"


@dataclass(frozen=True, slots=True)
class Cycle:
    """One save on its way. Fields fill up from left to right as its phases end."""

    started_s: float
    changed: tuple[str, ...] = ()
    snapshot: str = ""
    image: str = ""
    commit: str = ""
    base: str = ""
    is_pushed: bool = False
    source: str = ""
    """What the running pods will carry as their source commit; "" when an older one said the same."""
    timings: tuple[tuple[str, float], ...] = ()
    """(phase, milliseconds) of every phase that ended, in order."""
    stage: Stage | None = None
    """Once pushed."""
    stage_s: float = 0.0
    """When that began."""
    was_missed: bool = False
    """Whether no event told of the change: a look at the files found it."""
    attempts: int = 0
    """How often the current step failed for a reason that may pass."""

    @property
    def next_phase(self) -> Phase:
        """Where this cycle goes on."""
        if not self.image:
            return Phase.BUILD
        if not self.commit:
            return Phase.COMMIT
        return Phase.ROLLOUT if self.is_pushed else Phase.PUSH


@dataclass(frozen=True, slots=True)
class LoopState:
    """All the loop remembers. `dirty`: files may differ from the running cycle's snapshot, or from what is live."""

    phase: Phase = Phase.IDLE
    is_busy: bool = False
    """Whether a worker is on the current phase right now."""
    is_looking: bool = False
    """Whether a snapshot is taken beside a build, which ends if the files are others than the build's."""
    dirty: bool = True
    changed_s: float = 0.0
    """When the first change that no snapshot holds yet was noticed; 0 when there is none."""
    noticed_s: float = 0.0
    """The same for the snapshot that is being taken."""
    changed_paths: tuple[str, ...] = ()
    noticed_paths: tuple[str, ...] = ()
    """The same for the snapshot that is being taken."""
    cycle: Cycle | None = None
    last: Cycle | None = None
    """The newest cycle that ended, well or not."""
    snapshot: str = ""
    """The newest snapshot taken; the same one again means that nothing changed."""
    live_commit: str = ""
    problem: Problem | None = None
    """Why the last cycle did not go live; None while one is under way or after one did."""
    waits_for: str = ""
    retry_at_s: float = 0.0
    is_platform_lost: bool = False
