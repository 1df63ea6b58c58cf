"""The dev loop's cycles and the demo's narration as lines, newest first."""

from __future__ import annotations

import textwrap
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.clock import age
from coop_tui.board.cycles import Cycle, Note, Outcome
from coop_tui.board.events import Told
from coop_tui.board.lines import EMPTY, Line, Span, Tone, cut, fitted, plain, width

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from coop_tui.board.cycles import Loop
    from coop_tui.board.events import ServiceKey

_MARKS: dict[Outcome, Span] = {
    Outcome.RUNNING: ("◐", Tone.BUSY),
    Outcome.LIVE: ("●", Tone.GOOD),
    Outcome.UNCHANGED: ("○", Tone.DIM),
    Outcome.FAILED: ("✗", Tone.BAD),
    Outcome.REPLACED: ("○", Tone.DIM),
}
_ORDER = ("snapshot", "build", "commit", "push", "rollout")
_INDENT = " " * 12
_PHASE_CELLS = 10
_TIME_CELLS = 9
_BAR_CELLS = 48
_PROGRAM_LINES = 8
"""Lines shown of what a failed program said."""


@dataclass(frozen=True, slots=True)
class _Shape:
    cells: int
    now_s: float


def timeline(loop: Loop, narration: Sequence[Told], *, cells: int, now_s: float) -> tuple[Line, ...]:
    """Everything that happened, newest first; the newest cycle shows its phases and, if it failed, why."""
    shape = _Shape(cells, now_s)
    told: list[tuple[float, int, Cycle | Note | Told]] = [
        (_at_s(item), order, item) for order, item in enumerate((*loop.history, *narration))
    ]
    newest = loop.newest
    lines: list[Line] = []
    for _, _, item in sorted(told, key=lambda entry: entry[:2], reverse=True):
        lines.extend(_item(item, shape, is_newest=item is newest))
    return tuple(lines)


def duration(took_ms: float) -> str:
    if took_ms < 1000:
        return f"{took_ms:.0f} ms"
    return f"{took_ms / 1000:.1f} s" if took_ms < 60_000 else age(took_ms / 1000)


def _at_s(item: Cycle | Note | Told) -> float:
    return item.started_s if isinstance(item, Cycle) else item.at_s


def _item(item: Cycle | Note | Told, shape: _Shape, *, is_newest: bool) -> Iterator[Line]:
    match item:
        case Note(at_s, text):
            yield (_stamp(at_s), ("· ", Tone.DIM), (cut(text, shape.cells - len(_INDENT)), Tone.DIM))
        case Told(text, took_ms, at_s):
            yield from _told(_stamp(at_s), text, took_ms, shape)
        case Cycle():
            yield _headline(item, shape, is_newest=is_newest)
            if is_newest and item.phases:
                yield from _bars(item, shape)
            if item.problem is not None and is_newest:
                yield from _problem(item, shape)


def _stamp(at_s: float) -> Span:
    return f" {time.strftime('%H:%M:%S', time.localtime(at_s))} ", Tone.DIM


def _told(stamp: Span, text: str, took_ms: float | None, shape: _Shape) -> Iterator[Line]:
    """A line that is too long goes on below: it may be a path that somebody wants to copy."""
    took = "" if took_ms is None else duration(took_ms)
    room = max(8, shape.cells - len(_INDENT) - (len(took) + 2 if took else 0))
    first, *rest = textwrap.wrap(text, room, break_long_words=True, break_on_hyphens=False) or [""]
    yield (
        stamp,
        ("✓ ", Tone.GOOD) if took else ("▸ ", Tone.ACCENT),
        (f"{first}  " if took else first, Tone.PLAIN),
        (took, Tone.DIM),
    )
    for more in rest:
        yield ((_INDENT, Tone.DIM), (more, Tone.PLAIN))


def _headline(cycle: Cycle, shape: _Shape, *, is_newest: bool) -> Line:
    mark, tone = _MARKS[cycle.outcome]
    words = _outcome(cycle, shape.now_s)
    spans: list[Span] = [_stamp(cycle.started_s), (f"{mark} ", tone), (words, tone)]
    room = shape.cells - len(_INDENT) - len(words) - 2
    files = _files(cycle.paths)
    if files and room > 8:
        spans.append(("  " + cut(files, room), Tone.PLAIN if is_newest else Tone.DIM))
        room -= len(files) + 2
    phases = " · ".join(f"{phase.name} {duration(phase.took_ms)}" for phase in cycle.phases)
    if not is_newest and phases and room > len(phases) + 2:
        spans.append(("  " + phases, Tone.DIM))
    return tuple(spans)


def _outcome(cycle: Cycle, now_s: float) -> str:
    match cycle.outcome:
        case Outcome.LIVE:
            return f"live in {duration(cycle.total_ms)}"
        case Outcome.RUNNING:
            spent_s = max(0.0, now_s - cycle.started_s)
            since = f" {age(spent_s)}" if spent_s >= 1 else ""
            return f"{_next_phase(cycle)}…{since}"
        case Outcome.FAILED:
            return f"failed at {_next_phase(cycle)}"
        case Outcome.UNCHANGED | Outcome.REPLACED:
            return str(cycle.outcome.value)


def _next_phase(cycle: Cycle) -> str:
    if cycle.is_pushing:
        return "push image"
    done = {phase.name for phase in cycle.phases}
    return next((name for name in _ORDER if name not in done and (name != "push" or "commit" in done)), "rollout")


def _files(paths: tuple[str, ...]) -> str:
    if not paths:
        return ""
    first = paths[0].rsplit("/", 1)[-1]
    return first if len(paths) == 1 else f"{first} and {len(paths) - 1} more"


def _bars(cycle: Cycle, shape: _Shape) -> Iterator[Line]:
    """Phases under each other, each bar beginning where the one above ends."""
    notes = max((width(phase.note) + 2 for phase in cycle.phases if phase.note), default=1)
    room = max(8, min(_BAR_CELLS, shape.cells - len(_INDENT) - _PHASE_CELLS - _TIME_CELLS - 1 - notes))
    total_ms = max(cycle.total_ms, 1.0)
    before_ms = 0.0
    for phase in cycle.phases:
        start = min(room - 1, round(before_ms / total_ms * room))
        length = max(1, min(room - start, round(phase.took_ms / total_ms * room)))
        before_ms += phase.took_ms
        yield (
            (_INDENT + fitted(phase.name, _PHASE_CELLS), Tone.DIM),
            (f"{duration(phase.took_ms):>{_TIME_CELLS - 1}}  ", Tone.PLAIN),
            (" " * start + "━" * length, Tone.GOOD if cycle.outcome is Outcome.LIVE else Tone.ACCENT),
            (f"  {phase.note}" if phase.note else "", Tone.DIM),
        )
    if cycle.waits_for:
        yield ((_INDENT, Tone.DIM), (cut(f"waits: {cycle.waits_for}", shape.cells - len(_INDENT)), Tone.BUSY))


def _problem(cycle: Cycle, shape: _Shape) -> Iterator[Line]:
    if cycle.problem is None:
        return
    room = shape.cells - len(_INDENT)
    yield ((_INDENT, Tone.DIM), (cut(f"{cycle.problem.what}: {cycle.problem.why}", room), Tone.BAD))
    yield ((_INDENT, Tone.DIM), (cut(f"→ {cycle.problem.remedy}", room), Tone.ACCENT))
    for line in cycle.lines[-_PROGRAM_LINES:]:
        yield ((_INDENT + "│ ", Tone.DIM), (cut(line, room - 2), Tone.PLAIN))


def quiet(key: ServiceKey | None, own: str) -> tuple[Line, ...]:
    """What the panel says when no dev loop of the service ran. own: the user's environment, where loops run."""
    if key is not None and key.environment != own:
        return (
            EMPTY,
            plain("  No dev loop has run here.", Tone.DIM),
            (("  Yours run in ", Tone.DIM), (own, Tone.PLAIN), (".", Tone.DIM)),
        )
    return (
        EMPTY,
        plain("  No dev loop has run yet.", Tone.DIM),
        (("  Save files and see them live in ", Tone.DIM), (own, Tone.PLAIN), (":", Tone.DIM)),
        (("  run ", Tone.DIM), ("coop dev", Tone.ACCENT), (" beside your coop.yaml", Tone.DIM)),
    )
