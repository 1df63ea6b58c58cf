"""A scrolling view of styled lines, painted line by line with cached strips."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from coop_tui.board.lines import EMPTY, Line, Tone, text_of, width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.style import Style
    from textual.selection import Selection

TONE_CSS = """
    & > .tone--dim { color: $text-muted; }
    & > .tone--strong { text-style: bold; }
    & > .tone--good { color: $success; }
    & > .tone--busy { color: $warning; }
    & > .tone--bad { color: $error; }
    & > .tone--accent { color: $accent; }
"""
"""How tones look; part of the CSS of every widget that paints lines."""


class LinesView(ScrollView, can_focus=True, inherit_bindings=False):
    """Shows lines; only those that changed are painted again.

    Lines never pass through markup: what they hold is shown as it is.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", "Up a line", show=False),
        Binding("down,j", "scroll_down", "Down a line", show=False),
        Binding("pageup", "page_up", "Up a page", show=False),
        Binding("pagedown,space", "page_down", "Down a page", show=False),
        Binding("home,g", "scroll_home", "To the beginning", show=False),
        Binding("end,G", "scroll_end", "To the end", show=False),
    ]
    ALLOW_SELECT = True
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"tone--{tone.value}" for tone in Tone} | {"lines--cursor"}
    DEFAULT_CSS = (
        """
LinesView {
    background: $background;
    color: $foreground;
    scrollbar-size-vertical: 1;
    scrollbar-size-horizontal: 1;
    & > .lines--cursor { background: $boost; }
"""
        + TONE_CSS
        + "}"
    )

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name for it
        super().__init__(id=id)
        self._lines: list[Line] = []
        self._strips: LRUCache[tuple[Line, bool], Strip] = LRUCache(2048)
        self.cursor: range = range(0)
        """Lines painted as selected."""

    @property
    def lines(self) -> Sequence[Line]:
        return self._lines

    def show(self, lines: Sequence[Line]) -> None:
        """Replaces all lines; repaints those on screen that differ."""
        before = self._lines
        self._lines = list(lines)
        for y in range(self.size.height):
            number = self.line_at(y)
            if before[number : number + 1] != self._lines[number : number + 1]:
                self.refresh_lines(number)
        self.measure()

    def measure(self) -> None:
        """Tells the scrollbars how much there is; as wide as the view unless a subclass scrolls sideways."""
        self.virtual_size = Size(self._content_width(), len(self._lines))

    def _content_width(self) -> int:
        return self.scrollable_content_region.width

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips.clear()

    def line_at(self, y: int) -> int:
        """Which line is painted in row `y` of the view."""
        return y + self.scroll_offset.y

    def render_line(self, y: int) -> Strip:
        scroll_x, line_number = self.scroll_offset.x, self.line_at(y)
        line = self._lines[line_number] if line_number < len(self._lines) else EMPTY
        strip = self._strip(line, is_cursor=line_number in self.cursor)
        strip = self._marked(strip, line_number)
        base = self._base(is_cursor=line_number in self.cursor)
        cropped = strip.crop_extend(scroll_x, scroll_x + self.size.width, base)
        return cropped.apply_offsets(scroll_x, line_number)

    def _base(self, *, is_cursor: bool) -> Style:
        base = self.rich_style
        return base + self.get_component_rich_style("lines--cursor", partial=True) if is_cursor else base

    def _strip(self, line: Line, *, is_cursor: bool) -> Strip:
        cached = self._strips.get((line, is_cursor))
        if cached is None:
            base = self._base(is_cursor=is_cursor)
            cached = Strip([Segment(text, base + self._tone(tone)) for text, tone in line if text])
            self._strips[(line, is_cursor)] = cached
        return cached

    def _tone(self, tone: Tone) -> Style:
        return self.get_component_rich_style(f"tone--{tone.value}", partial=True)

    def _marked(self, strip: Strip, y: int) -> Strip:
        """The strip with what the mouse selected in it made visible."""
        selection = self.text_selection
        span = selection.get_span(y) if selection is not None else None
        if span is None:
            return strip
        start, end = span[0], strip.cell_length if span[1] == -1 else span[1]
        style = self.screen.get_component_rich_style("screen--selection")
        before, inside, after = (
            strip.crop(0, start),
            strip.crop(start, end).apply_style(style),
            strip.crop(end, strip.cell_length),
        )
        return Strip.join([before, inside, after])

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        return selection.extract("\n".join(text_of(line).rstrip() for line in self._lines)), "\n"


def longest(lines: Sequence[Line]) -> int:
    return max((width(text_of(line)) for line in lines), default=0)
