"""All that the dashboard shows, frozen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coop_tui.board.cluster import Cluster
from coop_tui.board.cycles import Loop
from coop_tui.board.events import Pane, Sort

if TYPE_CHECKING:
    from coop_devloop.events import Problem
    from coop_tui.board.events import LogTarget, ServiceKey, Told


@dataclass(frozen=True, slots=True)
class LogState:
    """The log that is shown. total: lines ever read of this reading, those that were cut away included."""

    target: LogTarget | None = None
    reading: int = 0
    """Counts readings: a view that shows another one starts afresh."""
    lines: tuple[str, ...] = ()
    total: int = 0
    has_ended: bool = False
    why: str = ""
    """Why it ended; "" when by itself."""


@dataclass(frozen=True, slots=True)
class View:
    """What the user chose. selected None: there is no row yet; it may name a service that has no row yet.

    previous None: as the container's state suggests.
    """

    selected: ServiceKey | None = None
    filter: str = ""
    sort: Sort = Sort.NAME
    pane: Pane = Pane.LOG
    previous: bool | None = None
    log_filter: str = ""


@dataclass(frozen=True, slots=True)
class Board:
    """connect_problem: why there is no cluster to follow; None while connecting and once connected."""

    now_s: float
    cluster: Cluster = field(default_factory=Cluster)
    connect_problem: Problem | None = None
    log: LogState = field(default_factory=LogState)
    loop: Loop = field(default_factory=Loop)
    loop_of: ServiceKey | None = None
    """Whose dev loop `loop` is."""
    narration: tuple[Told, ...] = ()
    view: View = field(default_factory=View)
    failure: Problem | None = None
    """A part of the dashboard that broke."""
    dismissed: Problem | None = None
    """The problem that the user has read; shown again only when it is another one."""
