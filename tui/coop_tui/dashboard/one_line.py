"""A heading: text on the left, text on the right, a thin rule or nothing between."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from coop_tui.board.lines import EMPTY, Line, Span, Tone, cut, text_of, width
from coop_tui.dashboard.lines_view import TONE_CSS


class OneLine(Widget):
    """One row of the screen. The right part stays whole; the left one is cut when there is no room."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"tone--{tone.value}" for tone in Tone}
    DEFAULT_CSS = (
        """
OneLine {
    height: 1;
"""
        + TONE_CSS
        + "}"
    )

    left: reactive[Line] = reactive(EMPTY)
    right: reactive[Line] = reactive(EMPTY)

    def __init__(self, *, fill: str = " ", id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._fill = fill

    def render_line(self, y: int) -> Strip:
        base = self.rich_style
        spans = arranged(self.left, self.right, self._fill, self.size.width)
        strip = Strip(
            [
                Segment(text, base + self.get_component_rich_style(f"tone--{tone.value}", partial=True))
                for text, tone in spans
            ]
        )
        return strip.crop_extend(0, self.size.width, base)


def arranged(left: Line, right: Line, fill: str, cells: int) -> list[Span]:
    """The whole row: one cell of margin on both sides, the fill set off by a space."""
    right_cells = width(text_of(right)) + (1 if right else 0)
    room = max(0, cells - right_cells - 3)
    spans: list[Span] = [(" ", Tone.PLAIN)]
    for text, tone in left:
        shown = cut(text, room)
        room -= width(shown)
        spans.append((shown, tone))
    used = sum(width(text) for text, _ in spans)
    gap = max(0, cells - used - right_cells - 2)
    spans += [(" ", Tone.PLAIN), (fill * gap, Tone.DIM)]
    if right:
        spans += [(" ", Tone.PLAIN), *right]
    return spans
