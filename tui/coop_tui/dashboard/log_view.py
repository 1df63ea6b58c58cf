"""The log of one container: follows its end until the user scrolls away, wraps or scrolls sideways, filters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.reactive import var

from coop_tui.board.lines import Line, Tone, plain, wrapped
from coop_tui.dashboard.lines_view import LinesView, longest
from coop_tui.dashboard.messages import FollowChanged

if TYPE_CHECKING:
    from textual import events

    from coop_tui.board.state import LogState

SHOWN_LINES = 5000
"""Lines of the view that are kept; a wrapped log line is several."""
_BAD = re.compile(r"\b(?:ERROR|CRITICAL|FATAL|PANIC|Traceback|[A-Za-z]*(?:Error|Exception):)")
_WARNING = re.compile(r"\b(?:WARN|WARNING)\b")


class LogView(LinesView):
    """Shows a `LogState`; only lines that are new to it are worked on."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "scroll_left", "To the left, when lines do not wrap", show=False),
        Binding("right", "scroll_right", "To the right, when lines do not wrap", show=False),
    ]

    is_wrapping: var[bool] = var(True)
    is_following: var[bool] = var(True)

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name for it
        super().__init__(id=id)
        self._log: LogState | None = None
        self._filter = ""
        self._empty: Line = ()
        self._kept: list[Line] = []
        self._width = 0

    def show_log(self, log: LogState, *, containing: str, empty: Line) -> None:
        """Shows the lines that contain `containing`, whatever their case; `empty` when there is nothing."""
        before, self._log = self._log, log
        is_same = before is not None and before.reading == log.reading and containing == self._filter
        self._filter = containing
        if not is_same:
            self.is_following = True
        new = log.total - before.total if is_same and before is not None else 0
        if not is_same or self._empty != empty or new > len(log.lines):
            self._empty = empty
            self._rebuild()
        elif new:
            self._append(log.lines[-new:])

    def _append(self, texts: tuple[str, ...]) -> None:
        kept = [*self._kept, *self._styled(texts)]
        self._kept = kept[-SHOWN_LINES:]
        self._refill(len(kept) - len(self._kept))

    def _rebuild(self) -> None:
        self._kept = self._styled(self._log.lines)[-SHOWN_LINES:] if self._log is not None else []
        self._refill(0)

    def _styled(self, texts: tuple[str, ...]) -> list[Line]:
        wanted = self._filter.lower()
        cells = self.scrollable_content_region.width - 2 if self.is_wrapping else 0
        return [
            plain(f"  {piece}" if self.is_wrapping else f"  {text}", _tone(text))
            for text in texts
            if wanted in text.lower()
            for piece in wrapped(text, cells)
        ]

    def _refill(self, dropped: int) -> None:
        """dropped: lines that were cut off at the start; what the user reads stays where it is."""
        self.show(self._kept or [self._empty])
        if self.is_following:
            self._to_end()
        elif dropped:
            self.scroll_to(y=self.scroll_offset.y - dropped, animate=False, force=True)

    def _content_width(self) -> int:
        return super()._content_width() if self.is_wrapping else longest(self.lines)

    def watch_is_wrapping(self) -> None:
        self.set_class(not self.is_wrapping, "-sideways")
        self.scroll_to(x=0, animate=False, force=True)
        self._rebuild()

    def on_resize(self, event: events.Resize) -> None:
        if event.size.width != self._width:
            self._width = event.size.width
            self._rebuild()
        elif self.is_following:
            self._to_end()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        is_at_end = new_value >= self.max_scroll_y
        if new_value < old_value and not is_at_end:
            self.is_following = False
        elif is_at_end:
            self.is_following = True

    def watch_is_following(self) -> None:
        self.post_message(FollowChanged().set_sender(self))

    def _to_end(self) -> None:
        # force: the scrollbar that makes scrolling allowed appears only after the next layout.
        self.scroll_end(animate=False, immediate=True, x_axis=False, force=True)

    def action_follow(self) -> None:
        self.is_following = True
        self._to_end()


def _tone(text: str) -> Tone:
    if _BAD.search(text):
        return Tone.BAD
    return Tone.BUSY if _WARNING.search(text) else Tone.PLAIN
