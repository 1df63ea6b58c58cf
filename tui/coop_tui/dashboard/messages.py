"""What widgets tell the app: intents, never changes. Only the app dispatches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from coop_tui.board.events import ServiceKey
    from coop_tui.board.state import Board


class BoardChanged(Message):
    """The store has a newer board; of several that wait, only the newest is worth handling."""

    def __init__(self, board: Board) -> None:
        super().__init__()
        self.board = board

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, BoardChanged)


class RowHighlighted(Message):
    """The cursor stands on a service."""

    def __init__(self, key: ServiceKey) -> None:
        super().__init__()
        self.key = key


class RowChosen(Message):
    """The user pressed Enter on a service: show more of it."""


class FollowChanged(Message):
    """The log view follows its end, or does no more because the user scrolled away."""
