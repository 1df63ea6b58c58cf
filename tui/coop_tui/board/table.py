"""The services table as lines. Every state is a glyph and a word; colour only repeats them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.clock import age
from coop_tui.board.lines import EMPTY, Line, Span, Tone, cut, fitted, width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coop_core.cluster.views import ServiceView

SYNC: dict[str, Span] = {
    "Synced": ("✓ Synced", Tone.GOOD),
    "OutOfSync": ("↻ OutOfSync", Tone.BUSY),
    "Unknown": ("? Unknown", Tone.DIM),
}
HEALTH: dict[str, Span] = {
    "Healthy": ("● Healthy", Tone.GOOD),
    "Progressing": ("◐ Progressing", Tone.BUSY),
    "Degraded": ("✗ Degraded", Tone.BAD),
    "Suspended": ("‖ Suspended", Tone.DIM),
    "Missing": ("○ Missing", Tone.BAD),
    "Unknown": ("? Unknown", Tone.DIM),
}

HEADINGS = ("ENVIRONMENT", "SERVICE", "VERSION", "SYNC", "HEALTH", "PODS", "AGE", "URL")
_ENVIRONMENT, _SERVICE, _, _, _, _, _AGE, _URL = range(len(HEADINGS))
_LEAST = {_ENVIRONMENT: 8, _SERVICE: 8, _URL: 24}
"""Columns that may be cut, and how far."""
_GAP = "  "
_MARGIN = 2
"""Cells before the first column: the cursor's."""


@dataclass(frozen=True, slots=True)
class Table:
    """`owners[i]` is the index of the row that `lines[i]` belongs to. A row is one line, or two with its cause.

    has_urls: whether there was room for addresses.
    """

    head: Line
    lines: tuple[Line, ...]
    owners: tuple[int, ...]
    has_urls: bool


def table(rows: Sequence[ServiceView], cells: int, *, elapsed_s: float = 0.0) -> Table:
    """The table in `cells` columns of the terminal. elapsed_s: how long ago the rows' ages were taken."""
    cells_by_row = [_cells(row, elapsed_s) for row in rows]
    widths = _widths([tuple(text for text, _ in row) for row in cells_by_row], cells - _MARGIN)
    lines: list[Line] = []
    owners: list[int] = []
    for index, (row, spans) in enumerate(zip(rows, cells_by_row, strict=True)):
        lines.append(_line(spans, widths))
        owners.append(index)
        if row.message:
            lines.append(_cause(row, cells))
            owners.append(index)
    head = _line(tuple((text, Tone.DIM) for text in HEADINGS), widths)
    return Table(head, tuple(lines), tuple(owners), has_urls=bool(widths[_URL]))


def version(row: ServiceView) -> str:
    """The version that serves, and the one on its way; "-" when there is neither."""
    if row.next_version and row.next_version != row.version:
        return f"{row.version} → {row.next_version}".strip()
    return row.version or "-"


def _cells(row: ServiceView, elapsed_s: float) -> tuple[Span, ...]:
    return (
        (row.environment, Tone.DIM),
        (row.service, Tone.STRONG),
        (version(row), Tone.BUSY if row.is_rolling else Tone.PLAIN),
        SYNC.get(row.sync, (f"? {row.sync}", Tone.DIM)),
        HEALTH.get(row.health, (f"? {row.health}", Tone.DIM)),
        _ready(row),
        ("-" if row.age_s is None else age(row.age_s + elapsed_s), Tone.DIM),
        (row.url.removeprefix("http://"), Tone.ACCENT),
    )


def _ready(row: ServiceView) -> Span:
    if row.is_asleep:
        return ("asleep", Tone.DIM)
    return (f"{row.ready}/{row.wanted}", Tone.BUSY if row.ready < row.wanted else Tone.PLAIN)


def _widths(rows: Sequence[tuple[str, ...]], cells: int) -> list[int]:
    """A width for each column, 0 for one that has no room: addresses give way first, then ages, then names."""
    natural = [max(map(width, column)) for column in zip(HEADINGS, *rows, strict=True)]
    total = sum(natural) + len(_GAP) * (len(natural) - 1)
    for column, least in ((_URL, _LEAST[_URL]), (_AGE, 0)):
        if total <= cells:
            return natural
        kept = natural[column] - (total - cells)
        new = kept if least and kept >= min(least, natural[column]) else 0
        total -= natural[column] - new + (0 if new else len(_GAP))
        natural[column] = new
    for column in (_ENVIRONMENT, _SERVICE):
        given = max(0, min(total - cells, natural[column] - _LEAST[column]))
        natural[column] -= given
        total -= given
    return natural


def _line(spans: tuple[Span, ...], widths: list[int]) -> Line:
    line: list[Span] = [(" " * _MARGIN, Tone.PLAIN)]
    for (text, tone), cells in zip(spans, widths, strict=True):
        if cells:
            line.append((fitted(text, cells) + _GAP, tone))
    return tuple(line)


def _cause(row: ServiceView, cells: int) -> Line:
    indent = " " * _MARGIN + "  ╰ "
    tone = Tone.BAD if row.health in ("Degraded", "Missing") else Tone.DIM
    return ((indent, Tone.DIM), (cut(row.message, cells - len(indent)), tone)) if row.message else EMPTY
