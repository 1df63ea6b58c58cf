"""The one place for what went wrong: what, why, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_tui.board.lines import Line, Tone, wrapped
from coop_tui.dashboard.lines_view import LinesView

if TYPE_CHECKING:
    from textual import events

    from coop_devloop.events import Problem

_MOST_LINES_OF_WHY = 3


class ProblemPanel(LinesView, can_focus=False):
    """Not on screen while all is well."""

    DEFAULT_CSS = """
ProblemPanel {
    display: none;
    height: auto;
    max-height: 6;
    background: $error 10%;
    border-left: outer $error;
    overflow: hidden;
}
"""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name for it
        super().__init__(id=id)
        self._problem: Problem | None = None

    def show_problem(self, problem: Problem | None) -> None:
        self._problem = problem
        self.display = problem is not None
        self._arrange()

    def on_resize(self, event: events.Resize) -> None:
        self._arrange()

    def _arrange(self) -> None:
        lines = [] if self._problem is None else _lines(self._problem, max(20, self.size.width - 4))
        self.styles.height = len(lines)
        self.show(lines)


def _lines(problem: Problem, cells: int) -> list[Line]:
    why = [piece for piece in wrapped(problem.why, cells)[:_MOST_LINES_OF_WHY] if piece]
    return [
        ((" ✗ ", Tone.BAD), (problem.what, Tone.STRONG)),
        *((("   ", Tone.PLAIN), (piece, Tone.PLAIN)) for piece in why),
        ((" → ", Tone.ACCENT), (problem.remedy, Tone.ACCENT), ("   x to dismiss", Tone.DIM)),
    ]
