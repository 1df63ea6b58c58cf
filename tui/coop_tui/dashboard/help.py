"""The help screen, made of the bindings themselves, so that it cannot say anything else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from coop_tui.board.lines import EMPTY, Line, Tone, fitted
from coop_tui.dashboard.lines_view import LinesView
from coop_tui.dashboard.one_line import OneLine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

_KEYS_CELLS = 14


@dataclass(frozen=True, slots=True)
class KeyHelp:
    """One line of help. unavailable: why the key does nothing now; "" when it works."""

    keys: str
    meaning: str
    unavailable: str = ""


class HelpScreen(ModalScreen[None]):
    """Lists keys; closes on any of the keys that people try."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,q,enter", "dismiss", "Close")]
    DEFAULT_CSS = """
HelpScreen {
    align: center middle;
    & > Vertical {
        width: 78;
        max-width: 100%;
        height: auto;
        max-height: 100%;
        background: $surface;
        border: round $panel-lighten-1;
        padding: 0 1;
    }
    OneLine, LinesView { background: $surface; }
    LinesView { height: auto; max-height: 100%; }
}
"""

    def __init__(self, title: str, keys: Sequence[KeyHelp]) -> None:
        super().__init__()
        self._title = title
        self._keys = keys

    def compose(self) -> ComposeResult:
        with Vertical():
            yield OneLine(id="help-head")
            yield LinesView(id="help-keys")

    def on_mount(self) -> None:
        head = self.query_one("#help-head", OneLine)
        head.left, head.right = ((self._title, Tone.STRONG),), (("Esc closes", Tone.DIM),)
        keys = self.query_one("#help-keys", LinesView)
        lines = [EMPTY, *(_line(key) for key in self._keys)]
        keys.styles.height = len(lines)
        keys.show(lines)


def _line(key: KeyHelp) -> Line:
    tone = Tone.DIM if key.unavailable else Tone.PLAIN
    why = f"  ({key.unavailable})" if key.unavailable else ""
    return (
        (" " + fitted(key.keys, _KEYS_CELLS), Tone.DIM if key.unavailable else Tone.ACCENT),
        (key.meaning, tone),
        (why, Tone.DIM),
    )
