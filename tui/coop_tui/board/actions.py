"""Which actions make no sense now, and why not: the words that help and a disabled key show. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_tui.board.selectors import visible_problem, wanted_log

if TYPE_CHECKING:
    from coop_core.cluster.views import ServiceView
    from coop_tui.board.state import Board

_OF_A_SERVICE = ("show_log", "show_events", "open_url", "copy_url", "previous_log", "focus_detail")


def unavailable(action: str, board: Board, row: ServiceView | None) -> str:
    """Why `action` can do nothing now; "" when it can. row: the selected service."""
    if action in _OF_A_SERVICE and row is None:
        return "no service is selected"
    if action in ("open_url", "copy_url") and row is not None and not row.url:
        return f"{row.service} has no ingress, so no URL"
    if action == "previous_log" and wanted_log(board) is None:
        return "the service has no pod"
    if action == "dismiss" and visible_problem(board) is None:
        return "none is shown"
    return ""
