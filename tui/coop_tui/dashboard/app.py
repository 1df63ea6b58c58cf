"""The dashboard's wiring: sources into the store, the store's board onto the screen, intents back into the store.

Only the app dispatches; a widget never calls a source, a source never touches a widget.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import App

from coop_core.errors import CoopError
from coop_tui.board import events as e
from coop_tui.board import selectors
from coop_tui.board.actions import unavailable
from coop_tui.board.scene import Scene, Scenes
from coop_tui.board.sources import connected, followed, log_lines, loop_events, told
from coop_tui.board.state import Board, View
from coop_tui.board.store import Store
from coop_tui.board.update import update
from coop_tui.dashboard import keys, theme
from coop_tui.dashboard.browser import open_url
from coop_tui.dashboard.filter_entry import FilterEntry
from coop_tui.dashboard.help import HelpScreen
from coop_tui.dashboard.log_view import LogView
from coop_tui.dashboard.messages import BoardChanged, FollowChanged, RowChosen, RowHighlighted
from coop_tui.dashboard.screen import MainScreen
from coop_tui.dashboard.service_table import ServiceTable
from coop_tui.dashboard.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from textual.binding import BindingType
    from textual.screen import Screen

    from coop_tui.board.sources import Reader, Sources
    from coop_tui.narration import Narrated

TICK_S = 1.0


class Dashboard(App[None], inherit_bindings=False):
    """`coop ui`. Run it with `run_async`; when that returns, nothing of it runs any more.

    title: the platform's name; environment: the user's own, named where something is empty. start: the service
    to select once it has a row. narration: lines told beside the dev loop, as the demo does.
    """

    TITLE = "coop"
    CSS = theme.CSS
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = theme.BREAKPOINTS
    BINDINGS: ClassVar[list[BindingType]] = keys.BINDINGS

    def __init__(
        self,
        sources: Sources,
        *,
        title: str,
        user: str,
        environment: str,
        start: e.ServiceKey | None = None,
        narration: AsyncIterator[Narrated] | None = None,
    ) -> None:
        # With colours taken as the terminal's own, NO_COLOR removes them all; else Textual only makes them grey.
        super().__init__(ansi_color=theme.is_colourless() or None)
        self._sources = sources
        self._main = MainScreen(title=title, user=user, environment=environment, start=start)
        self._narration = narration
        self._scenes = Scenes(sources.base_url)
        self._store = Store(Board(time.time(), view=View(selected=start)), update, self._tell)
        self._scene = Scene(self._store.state)
        self._tasks = Tasks(lambda problem: self._store.dispatch(e.WorkerFailed(problem)))
        self._reader: Reader | None = None
        self._unavailable: tuple[str, ...] = ()
        self.register_theme(theme.COOP)
        self.theme = theme.preferred()

    def get_default_screen(self) -> Screen[None]:
        return self._main

    def on_mount(self) -> None:
        self._store.flush()
        # The first frame is painted before anything is asked of the network.
        self.call_after_refresh(self._start)

    def _start(self) -> None:
        self.set_interval(TICK_S, lambda: self._store.dispatch(e.Ticked(time.time())))
        self._tasks.start("connection", self._connect())
        if self._narration is not None:
            self._tasks.start("narration", self._feed(told(self._narration)))

    async def on_unmount(self) -> None:
        self._store.close()
        await self._tasks.close()

    async def _connect(self) -> None:
        self._reader = await connected(self._sources, self._store.dispatch)
        self._store.dispatch(e.Connected())
        for feed in self._sources.feeds:
            self._tasks.start(str(feed), self._feed(followed(self._reader, feed)))

    async def _feed(self, source: AsyncGenerator[e.Event, None]) -> None:
        async with aclosing(source) as events:
            async for event in events:
                self._store.dispatch(event)

    # --- the board, downwards

    def _tell(self, board: Board) -> None:
        self.post_message(BoardChanged(board))

    def on_board_changed(self, message: BoardChanged) -> None:
        if not (self.is_running and self._main.is_attached):
            return  # it came while the app was closing
        started_s = time.perf_counter()
        self._show(message.board)
        # A cluster so large that painting is slow is painted less often: keys come first.
        self._store.rest(3 * (time.perf_counter() - started_s))

    def _show(self, board: Board) -> None:
        self._scene = self._scenes.scene(board)
        self._read_log(board)
        self._read_loop(board)
        self._main.scene = self._scene
        now = tuple(unavailable(action, board, self._scene.row) for action in keys.ACTIONS)
        if now != self._unavailable:
            self._unavailable = now
            self.refresh_bindings()

    def _read_log(self, board: Board) -> None:
        """Reads the log that the board wants, and no other."""
        target = selectors.wanted_log(board)
        if target == board.log.target or self._reader is None:
            return
        self._tasks.stop("log")
        self._store.dispatch(e.LogOpened(target))
        if target is not None:
            self._tasks.start("log", self._feed(log_lines(self._reader, target)))

    def _read_loop(self, board: Board) -> None:
        """Reads the dev loop of the service that is selected, and no other."""
        key = board.view.selected
        if key is None or key == board.loop_of:
            return
        self._tasks.stop("dev loop")
        self._store.dispatch(e.LoopOpened(key))
        if log := self._sources.loop_log(key):
            self._tasks.start("dev loop", self._feed(loop_events(log)))

    # --- intents, upwards

    def _choose(self, event: e.Event) -> None:
        """What a key press changed is on screen before the next one."""
        self._store.dispatch(event)
        self._store.flush()

    def on_row_highlighted(self, message: RowHighlighted) -> None:
        self._choose(e.ServiceSelected(message.key))

    def on_row_chosen(self, message: RowChosen) -> None:
        self.action_show_log()

    def on_follow_changed(self, message: FollowChanged) -> None:
        self._main.repaint()

    def on_filter_entry_edited(self, message: FilterEntry.Edited) -> None:
        self._choose(e.LogFiltered(message.text) if message.of_log else e.ServicesFiltered(message.text))

    def on_filter_entry_left(self, message: FilterEntry.Left) -> None:
        self._main.query_one(LogView if message.of_log else ServiceTable).focus()

    # --- actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """None greys a key out; `explain` is bound behind it and says why."""
        return None if unavailable(action, self._scene.board, self._scene.row) else True

    def action_explain(self, action: str) -> None:
        why = unavailable(action, self._scene.board, self._scene.row)
        if why:
            self.notify(why, markup=False, timeout=3)

    def action_show_log(self) -> None:
        self._choose(e.PaneChosen(e.Pane.LOG))
        self._main.query_one(LogView).focus()

    def action_show_events(self) -> None:
        self._choose(e.PaneChosen(e.Pane.EVENTS))
        self._main.query_one("#events").focus()

    def action_to_services(self) -> None:
        """Drops the filter of the panel that has the focus; without one, goes to the services."""
        view = self._scene.board.view
        if self._main.query_one(LogView).has_focus and view.log_filter:
            self._choose(e.LogFiltered(""))
        elif self._main.query_one(ServiceTable).has_focus and view.filter:
            self._choose(e.ServicesFiltered(""))
        else:
            self._main.query_one(ServiceTable).focus()

    def action_filter(self) -> None:
        view, of_log = self._scene.board.view, self._main.query_one(LogView).has_focus
        self._main.query_one(FilterEntry).open(view.log_filter if of_log else view.filter, of_log=of_log)

    def action_open_url(self) -> None:
        if self._scene.row is not None:
            self._tasks.start("browser", self._open(self._scene.row.url))

    async def _open(self, url: str) -> None:
        try:
            await asyncio.to_thread(open_url, url)
        except CoopError as error:
            self.notify(f"{error.why}; {error.remedy}", title=error.what, severity="warning", markup=False)

    def action_copy_url(self) -> None:
        if self._scene.row is not None:
            self.copy_to_clipboard(self._scene.row.url)
            self.notify(f"copied {self._scene.row.url}", markup=False, timeout=3)

    def action_wrap(self) -> None:
        log = self._main.query_one(LogView)
        log.is_wrapping = not log.is_wrapping
        self._main.repaint()

    def action_follow(self) -> None:
        self._main.query_one(LogView).action_follow()

    def action_previous_log(self) -> None:
        self._choose(e.PreviousToggled())

    def action_sort(self) -> None:
        self._choose(e.SortCycled())

    def action_dismiss(self) -> None:
        self._choose(e.ProblemDismissed())

    def action_help(self) -> None:
        why = partial(unavailable, board=self._scene.board, row=self._scene.row)
        self.push_screen(HelpScreen("Keys", keys.help_lines(self.screen, why)))
