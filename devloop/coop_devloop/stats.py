"""How long cycles took, phase by phase, from the event log of a loop. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coop_devloop import events as e

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ORDER = (
    "noticed", "snapshot", "build", "push image", "render", "commit", "push", "notice", "sync", "rollout",
    "between", "answer",
)  # fmt: skip
"""Phases in the order in which they happen; any other comes after them."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Milliseconds. count: how many cycles had this phase."""

    p50_ms: float
    p95_ms: float
    count: int


@dataclass(slots=True)
class Stats:
    """phases: by name, in order; total: from the save to live, without the first answer."""

    cycles: int = 0
    failed: int = 0
    total: Spread | None = None
    phases: dict[str, Spread] = field(default_factory=dict)


def of_entries(entries: Iterable[tuple[float, e.Event]]) -> Stats:
    """What the log says of the cycles that ended. Failures are counted, and timed nowhere."""
    found = Stats()
    times: dict[str, list[float]] = {}
    totals: list[float] = []
    live = ""
    for _, event in entries:
        if isinstance(event, e.WentLive):
            live = event.commit
        match event:
            case e.WentLive(phases=phases, total_ms=total_ms) if phases:
                found.cycles += 1
                totals.append(round(total_ms, 1))
                for phase, took_ms in phases.items():
                    times.setdefault(phase, []).append(took_ms)
            case e.Answered(_, status, took_ms) if status:
                times.setdefault("answer", []).append(took_ms)
            case e.RolloutFailed(commit) if commit == live:
                pass  # it crashed after it was live: that cycle went well
            case e.BuildFailed() | e.RolloutFailed() | e.SnapshotFailed():
                found.failed += 1
            case e.DeployFailed(problem) | e.PushFailed(problem) if not problem.can_pass:
                found.failed += 1
            case _:
                pass
    known = [phase for phase in ORDER if phase in times]
    for phase in [*known, *sorted(set(times) - set(known))]:
        found.phases[phase] = _spread(times[phase])
    if totals:
        found.total = _spread(totals)
    return found


def _spread(values: Sequence[float]) -> Spread:
    return Spread(_at(values, 0.50), _at(values, 0.95), len(values))


def _at(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * int(share * 100) // 100) - 1)]
