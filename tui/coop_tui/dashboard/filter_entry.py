"""The one-line entry for filters: what is typed counts at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

if TYPE_CHECKING:
    from textual import events


class FilterEntry(Input):
    """Not on screen until it is opened. `of_log` in its messages tells which of the two filters is meant."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "leave", "Keep this filter"),
        Binding("escape", "drop", "Drop it"),
    ]

    class Edited(Message):
        """The text is another one."""

        def __init__(self, text: str, *, of_log: bool) -> None:
            super().__init__()
            self.text, self.of_log = text, of_log

    class Left(Message):
        """The entry is closed."""

        def __init__(self, *, of_log: bool) -> None:
            super().__init__()
            self.of_log = of_log

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name for it
        super().__init__(id=id, compact=True, select_on_focus=False)
        self._of_log = False

    def open(self, text: str, *, of_log: bool) -> None:
        self._of_log = of_log
        self.placeholder = "words in the log" if of_log else "name, environment, version, health"
        with self.prevent(Input.Changed):
            self.value = text
        self.add_class("-open")
        self.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Edited(event.value, of_log=self._of_log))

    def on_blur(self, event: events.Blur) -> None:
        self.remove_class("-open")

    def action_leave(self) -> None:
        self.remove_class("-open")
        self.post_message(self.Left(of_log=self._of_log))

    def action_drop(self) -> None:
        self.value = ""
        self.action_leave()
