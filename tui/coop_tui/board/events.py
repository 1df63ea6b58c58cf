"""What may happen to the board. Facts from the cluster, the dev loop and the demo, and what the user chose.

Text in the first three groups is clean already (see `cleaning.py`); `at_s` is seconds since the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Kind, Raw
    from coop_devloop import events as devloop
    from coop_devloop.events import Problem


# --- the cluster


@dataclass(frozen=True, slots=True)
class Feed:
    """One stream of objects: a kind in a namespace."""

    kind: Kind
    namespace: str

    def __str__(self) -> str:
        return f"{self.kind.plural} in {self.namespace}"


@dataclass(frozen=True, slots=True)
class ObjectsListed:
    """Everything the feed has; what is not among `objects` is gone. Mends a lost feed."""

    feed: Feed
    objects: tuple[Raw, ...]


@dataclass(frozen=True, slots=True)
class ObjectChanged:
    feed: Feed
    object: Raw


@dataclass(frozen=True, slots=True)
class ObjectGone:
    feed: Feed
    object: Raw


@dataclass(frozen=True, slots=True)
class FeedLost:
    """The feed says nothing now; what it said stays, and may be old."""

    feed: Feed
    why: str
    at_s: float


@dataclass(frozen=True, slots=True)
class Connected:
    """There is a client; the feeds start."""


@dataclass(frozen=True, slots=True)
class ConnectFailed:
    """There is no platform to follow at all; it is tried again."""

    problem: Problem


# --- one pod's log


@dataclass(frozen=True, slots=True)
class LogTarget:
    """A log to read. `restarts` tells one life of a container from the next."""

    namespace: str
    pod: str
    container: str
    previous: bool
    restarts: int


@dataclass(frozen=True, slots=True)
class LogOpened:
    """Another log is being read from now on; None for no log at all."""

    target: LogTarget | None


@dataclass(frozen=True, slots=True)
class LogRead:
    """Lines as they came. is_first: the reading began anew, what is shown of this target is to be dropped."""

    target: LogTarget
    lines: tuple[str, ...]
    is_first: bool


@dataclass(frozen=True, slots=True)
class LogEnded:
    """The log is over; `why` is "" when it ended by itself."""

    target: LogTarget
    why: str


# --- dev loop and demo


@dataclass(frozen=True, slots=True)
class LoopOpened:
    """The event log of this service's dev loop is being read from now on, from its start."""

    key: ServiceKey


@dataclass(frozen=True, slots=True)
class LoopSaid:
    """One line of the dev loop's event log."""

    at_s: float
    event: devloop.Event


@dataclass(frozen=True, slots=True)
class LoopSaidMore:
    """A line that this version of the dashboard does not know, in words."""

    at_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Told:
    """One line of narration; took_ms None means that nothing was timed."""

    text: str
    took_ms: float | None
    at_s: float


# --- the dashboard itself


@dataclass(frozen=True, slots=True)
class Ticked:
    now_s: float


@dataclass(frozen=True, slots=True)
class WorkerFailed:
    """Something in the dashboard broke; the rest goes on."""

    problem: Problem


@dataclass(frozen=True, slots=True)
class ProblemDismissed:
    """The user has read the problem that is shown."""


@dataclass(frozen=True, slots=True, order=True)
class ServiceKey:
    environment: str
    service: str


@dataclass(frozen=True, slots=True)
class ServiceSelected:
    key: ServiceKey


@dataclass(frozen=True, slots=True)
class ServicesFiltered:
    text: str


class Sort(Enum):
    """Orders of the services table; the value is what the user reads."""

    NAME = "name"
    HEALTH = "health"
    AGE = "age"


@dataclass(frozen=True, slots=True)
class SortCycled:
    """The next order, or the first after the last."""


@dataclass(frozen=True, slots=True)
class LogFiltered:
    text: str


@dataclass(frozen=True, slots=True)
class PreviousToggled:
    """Show the container's life before this one, or this one again."""


class Pane(Enum):
    """What the lower panel shows of the selected service."""

    LOG = "log"
    EVENTS = "events"


@dataclass(frozen=True, slots=True)
class PaneChosen:
    pane: Pane


Event = (
    ObjectsListed
    | ObjectChanged
    | ObjectGone
    | FeedLost
    | Connected
    | ConnectFailed
    | LogOpened
    | LogRead
    | LogEnded
    | LoopOpened
    | LoopSaid
    | LoopSaidMore
    | Told
    | Ticked
    | WorkerFailed
    | ProblemDismissed
    | ServiceSelected
    | ServicesFiltered
    | SortCycled
    | LogFiltered
    | PreviousToggled
    | PaneChosen
)
