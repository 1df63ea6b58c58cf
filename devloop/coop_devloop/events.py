"""What happened in the loop: facts, in the past tense. The event log is these, one a line.

Durations are in milliseconds. Text from outside (errors, log lines) is already printable when it enters an event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from coop_core.errors import CoopError


class Problem(msgspec.Struct, frozen=True):
    """A `CoopError` as data. `can_pass`: trying the same again later may help, as when the network is away."""

    what: str
    why: str
    remedy: str
    can_pass: bool = False

    @classmethod
    def of(cls, error: CoopError, *, can_pass: bool = False) -> Problem:
        return cls(error.what, error.why, error.remedy, can_pass)


class _Fact(msgspec.Struct, frozen=True, tag_field="event"):
    """Shape of every event: its name is in `event`."""


class LoopStarted(_Fact, frozen=True, tag=True):
    environment: str
    service: str
    pid: int


class LoopStopped(_Fact, frozen=True, tag=True):
    pass


class FilesChanged(_Fact, frozen=True, tag=True):
    """Something was saved. Empty `paths`: nobody saw what, but it is time to look."""

    paths: tuple[str, ...] = ()


class SnapshotTaken(_Fact, frozen=True, tag=True):
    """`commit` names everything the service consists of.

    changed: what differs from this loop's snapshot before and is not ignored, relative to the service's folder.
    is_same: nothing does. saved_s: when the newest of them was written; 0 when that is not known.
    """

    commit: str
    changed: tuple[str, ...]
    took_ms: float
    is_same: bool = False
    saved_s: float = 0.0


class SnapshotFailed(_Fact, frozen=True, tag=True):
    problem: Problem


class BuildWaits(_Fact, frozen=True, tag=True):
    """What the build of the snapshot `commit` waits for before it begins, in words for the user."""

    commit: str
    reason: str


class ImageBuilt(_Fact, frozen=True, tag=True):
    """The image of the snapshot `commit` is made, and on its way to a registry. `BuildFinished` ends that way."""

    commit: str
    took_ms: float


class BuildFinished(_Fact, frozen=True, tag=True):
    """push_ms: how long the image was on its way to a registry, beside `took_ms`; 0 where none is pushed."""

    image: str
    was_cached: bool
    took_ms: float
    push_ms: float = 0.0


class BuildFailed(_Fact, frozen=True, tag=True):
    """`lines` are the last that the build printed."""

    problem: Problem
    lines: tuple[str, ...] = ()


class BuildStepped(_Fact, frozen=True, tag=True):
    """One step of a build ended. The last ones may be told after the build itself."""

    name: str
    was_cached: bool
    took_ms: float
    has_failed: bool = False


BuildProgress = BuildWaits | BuildStepped | ImageBuilt
"""What is told while a build runs; each says no more than `BuildFinished` or `BuildFailed` then does."""


class DeployCommitted(_Fact, frozen=True, tag=True):
    """`base` is the commit that the environment branch must still be at when this one is pushed; "" for none."""

    commit: str
    base: str
    took_ms: float
    render_ms: float = 0.0


class NothingToDeploy(_Fact, frozen=True, tag=True):
    """The environment branch says already what the snapshot would make it say; `commit` is its head."""

    commit: str


class DeployFailed(_Fact, frozen=True, tag=True):
    """Rendering or committing failed; nothing left the machine."""

    problem: Problem


class Pushed(_Fact, frozen=True, tag=True):
    commit: str
    took_ms: float


class PushOvertaken(_Fact, frozen=True, tag=True):
    """Somebody else moved the environment branch first; their commit is fetched and ours has to go on top."""


class PushFailed(_Fact, frozen=True, tag=True):
    problem: Problem


class RolloutWaits(_Fact, frozen=True, tag=True):
    """What the platform is still busy with for `commit`, in words for the user.

    on: which part of it, as `coop_core.cluster.live.On` names them.
    """

    commit: str
    reason: str
    on: str = ""


class WentLive(_Fact, frozen=True, tag=True):
    """Synced at `commit`, rolled out, and its pods ready. `pod` is one that runs it.

    phases: milliseconds by phase, in order; the loop fills them in when it writes the event down.
    """

    commit: str
    pod: str = ""
    url: str = ""
    phases: dict[str, float] = {}
    total_ms: float = 0.0


class Answered(_Fact, frozen=True, tag=True):
    """The service answered its first request after `commit` went live; status: 0 when it did not speak HTTP."""

    commit: str
    status: int
    took_ms: float


class RolloutFailed(_Fact, frozen=True, tag=True):
    """The platform gave up on `commit`, or its program does. `lines` end the log of the program that failed."""

    commit: str
    reason: str
    lines: tuple[str, ...] = ()


class PlatformLost(_Fact, frozen=True, tag=True):
    why: str


class PlatformBack(_Fact, frozen=True, tag=True):
    pass


Event = (
    LoopStarted
    | LoopStopped
    | FilesChanged
    | SnapshotTaken
    | SnapshotFailed
    | BuildWaits
    | ImageBuilt
    | BuildFinished
    | BuildFailed
    | BuildStepped
    | DeployCommitted
    | NothingToDeploy
    | DeployFailed
    | Pushed
    | PushOvertaken
    | PushFailed
    | RolloutWaits
    | WentLive
    | Answered
    | RolloutFailed
    | PlatformLost
    | PlatformBack
)


class Entry(msgspec.Struct, frozen=True):
    """An event and when it happened, in seconds since the epoch."""

    at_s: float
    event: Event
