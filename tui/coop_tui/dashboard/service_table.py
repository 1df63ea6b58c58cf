"""The services table: a head that stays, rows that scroll, one of them under the cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.geometry import Region, Spacing
from textual.strip import Strip

from coop_tui.board.lines import EMPTY, Line
from coop_tui.board.selectors import key_of
from coop_tui.board.table import table
from coop_tui.dashboard.lines_view import LinesView
from coop_tui.dashboard.messages import RowChosen, RowHighlighted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events

    from coop_core.cluster.views import ServiceView
    from coop_tui.board.events import ServiceKey


class ServiceTable(LinesView, inherit_bindings=False):
    """Rows of services. Posts `RowHighlighted` when the cursor stands on another service, `RowChosen` on Enter.

    The first line is the head: it is painted on top whatever the scroll. start: the service that the cursor goes
    to as soon as it has a row, unless the user moved it before.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "The service above", show=False),
        Binding("down,j", "move(1)", "The service below", show=False),
        Binding("home,g", "move(-9999)", "The first service", show=False),
        Binding("end,G", "move(9999)", "The last service", show=False),
        Binding("enter", "choose", "To the service's log", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"table--mark"}
    DEFAULT_CSS = """
ServiceTable {
    overflow-x: hidden;
    & > .table--mark { color: $accent; }
}
"""

    def __init__(
        self,
        start: ServiceKey | None = None,
        *,
        id: str | None = None,  # noqa: A002 - Textual's own name for it
    ) -> None:
        super().__init__(id=id)
        self._rows: tuple[ServiceView, ...] = ()
        self._empty: Sequence[Line] = ()
        self._elapsed_s = 0.0
        self._owners: tuple[int, ...] = ()
        self._selected: ServiceKey | None = None
        self._start = start
        self._shows_urls = True

    def show_rows(self, rows: tuple[ServiceView, ...], *, empty: Sequence[Line], elapsed_s: float) -> None:
        """Shows rows, or `empty` when there are none. elapsed_s: how long ago the rows' ages were taken."""
        self._rows, self._empty, self._elapsed_s = rows, empty, elapsed_s
        self._arrange()

    def _arrange(self) -> None:
        made = table(self._rows, self.size.width, elapsed_s=self._elapsed_s)
        self._owners, self._shows_urls = made.owners, made.has_urls
        self.show([made.head, *made.lines] if self._rows else [EMPTY, *self._empty])
        self._keep_cursor()

    def _strip(self, line: Line, *, is_cursor: bool) -> Strip:
        strip = super()._strip(line, is_cursor=is_cursor)
        if not is_cursor:
            return strip
        mark = self._base(is_cursor=True) + self.get_component_rich_style("table--mark", partial=True)
        return Strip.join([Strip([Segment("▌", mark)]), strip.crop(1)])

    def line_at(self, y: int) -> int:
        return 0 if y == 0 else super().line_at(y)

    def on_resize(self, event: events.Resize) -> None:
        self._arrange()

    @property
    def shows_urls(self) -> bool:
        """Whether there was room for addresses."""
        return self._shows_urls

    @property
    def index(self) -> int | None:
        """Which row the cursor stands on; None when there are no rows."""
        keys = [key_of(row) for row in self._rows]
        return keys.index(self._selected) if self._selected in keys else None

    def _keep_cursor(self) -> None:
        """Stays with the service, wherever its row moved; with the first when it is gone."""
        start = next((place for place, row in enumerate(self._rows) if key_of(row) == self._start), None)
        if start is not None:
            self._start = None
        index = self.index if start is None else start
        if index is None and self._rows:
            index = 0
        self._stand_on(index)

    def _stand_on(self, index: int | None) -> None:
        before = self.cursor
        if index is None:
            self.cursor = range(0)
        else:
            key = key_of(self._rows[index])
            if key != self._selected:
                self._selected = key
                self.post_message(RowHighlighted(key).set_sender(self))
            first = self._owners.index(index) + 1
            self.cursor = range(first, first + self._owners.count(index))
        if self.cursor != before:
            for y in {*before, *self.cursor}:
                self.refresh_lines(y)
            self._reveal()

    def _reveal(self) -> None:
        if self.cursor:
            where = Region(0, self.cursor.start, 1, len(self.cursor))
            # The head covers the first line of the view, so a row must not hide beneath it.
            self.scroll_to_region(where, spacing=Spacing(1, 0, 0, 0), animate=False, force=True)

    def action_move(self, by: int) -> None:
        if self._rows:
            self._start = None
            self._stand_on(max(0, min(len(self._rows) - 1, (self.index or 0) + by)))

    def action_choose(self) -> None:
        if self.index is not None:
            self.post_message(RowChosen())

    def on_click(self, event: events.Click) -> None:
        y = event.y + self.scroll_offset.y - 1
        if event.y > 0 and 0 <= y < len(self._owners):
            self._start = None
            self._stand_on(self._owners[y])
