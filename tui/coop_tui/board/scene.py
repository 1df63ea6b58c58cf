"""A board with its rows worked out: what one painting of the screen needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_tui.board import selectors

if TYPE_CHECKING:
    from collections.abc import Callable

    from coop_core.cluster.views import ServiceView
    from coop_tui.board.cluster import Cluster
    from coop_tui.board.state import Board


@dataclass(frozen=True, slots=True)
class Scene:
    """rows: all services; shown: those that the filter lets through, in order; row: the selected one.

    elapsed_s: how long ago the rows' ages were taken.
    """

    board: Board
    rows: tuple[ServiceView, ...] = ()
    shown: tuple[ServiceView, ...] = ()
    row: ServiceView | None = None
    elapsed_s: float = 0.0


class Scenes:
    """Makes scenes; works rows out again only when the cluster changed, not when time passed or a key was hit."""

    def __init__(self, base_url: Callable[[str], str]) -> None:
        self._base_url = base_url
        self._cluster: Cluster | None = None
        self._rows: tuple[ServiceView, ...] = ()
        self._taken_s = 0.0

    def scene(self, board: Board) -> Scene:
        if board.cluster is not self._cluster:
            self._rows = selectors.rows(board.cluster, now_s=board.now_s, base_url=self._base_url)
            self._cluster, self._taken_s = board.cluster, board.now_s
        view = board.view
        shown = selectors.shown(self._rows, view.filter, view.sort)
        row = next((row for row in shown if selectors.key_of(row) == view.selected), None)
        return Scene(board, self._rows, shown, row, board.now_s - self._taken_s)
