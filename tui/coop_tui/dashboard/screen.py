"""The main screen: services on top, the dev loop and one service's log or events below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Container, Vertical
from textual.reactive import var
from textual.screen import Screen
from textual.widgets import ContentSwitcher, Footer

from coop_tui.board import headings, selectors
from coop_tui.board.lines import EMPTY, Tone, plain
from coop_tui.board.timeline import quiet, timeline
from coop_tui.dashboard.filter_entry import FilterEntry
from coop_tui.dashboard.lines_view import LinesView
from coop_tui.dashboard.log_view import LogView
from coop_tui.dashboard.one_line import OneLine
from coop_tui.dashboard.problem_panel import ProblemPanel
from coop_tui.dashboard.service_table import ServiceTable

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from coop_tui.board.events import ServiceKey
    from coop_tui.board.scene import Scene


class MainScreen(Screen[None]):
    """Paints a `Scene`; decides nothing."""

    scene: var[Scene | None] = var(None)

    def __init__(self, *, title: str, user: str, environment: str, start: ServiceKey | None = None) -> None:
        """start: the service to select once it has a row."""
        super().__init__()
        self._about = (title, user, environment)
        self._start = start

    def compose(self) -> ComposeResult:
        yield OneLine(id="header")
        yield OneLine(fill="─", id="services-head")
        yield ServiceTable(self._start, id="services")
        with Container(id="lower"):
            with Vertical(id="loop"):
                yield OneLine(fill="─", id="loop-head")
                yield LinesView(id="timeline")
            with Vertical(id="detail"):
                yield OneLine(fill="─", id="detail-head")
                with ContentSwitcher(initial="log", id="detail-body"):
                    yield LogView(id="log")
                    yield LinesView(id="events")
        yield ProblemPanel(id="problem")
        yield FilterEntry(id="filter")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        title, user, _ = self._about
        header = self.query_one("#header", OneLine)
        header.left = (("coop", Tone.STRONG), (f"  {title}", Tone.PLAIN), (f"  {user}", Tone.DIM))
        self.query_one(ServiceTable).focus()

    def watch_scene(self, scene: Scene | None) -> None:
        if scene is None or not self.is_mounted:
            return
        self._paint_top(scene)
        self._paint_loop(scene)
        self._paint_detail(scene)
        self.query_one(ProblemPanel).show_problem(selectors.visible_problem(scene.board))

    def _paint_top(self, scene: Scene) -> None:
        board = scene.board
        found = selectors.connection(board)
        self.query_one("#header", OneLine).right = headings.link(found, board.now_s)
        table = self.query_one(ServiceTable)
        empty = headings.no_services(board, self._about[2])
        table.show_rows(scene.shown, empty=empty, elapsed_s=scene.elapsed_s)
        head = self.query_one("#services-head", OneLine)
        head.left = headings.services(board, scene.rows, len(scene.shown))
        url = scene.row.url if scene.row is not None and not table.shows_urls else ""
        head.right = plain(url, Tone.ACCENT) if url else EMPTY

    def _paint_loop(self, scene: Scene) -> None:
        board = scene.board
        head = self.query_one("#loop-head", OneLine)
        head.left, head.right = headings.loop(board)
        panel = self.query_one("#timeline", LinesView)
        cells = panel.scrollable_content_region.width
        lines = timeline(board.loop, board.narration, cells=cells, now_s=board.now_s)
        panel.show(lines or quiet(board.loop_of, self._about[2]))

    def _paint_detail(self, scene: Scene) -> None:
        board, row = scene.board, scene.row
        log = self.query_one(LogView)
        head = self.query_one("#detail-head", OneLine)
        head.left, head.right = headings.detail(
            board, row, is_following=log.is_following, is_wrapping=log.is_wrapping
        )
        self.query_one("#detail-body", ContentSwitcher).current = board.view.pane.value
        log.show_log(board.log, containing=board.view.log_filter, empty=headings.no_log(board, row))
        if row is not None:
            found = selectors.events_of(board.cluster, selectors.key_of(row))
            self.query_one("#events", LinesView).show(headings.event_lines(found, board.now_s))

    def on_resize(self) -> None:
        self.call_after_refresh(self.repaint)

    def repaint(self) -> None:
        """Paints the same scene again, for another size."""
        self.watch_scene(self.scene)
