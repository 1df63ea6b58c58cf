"""The board's one transition: `(state, event) -> state`. No I/O, no clock."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from coop_tui.board import cluster, cycles
from coop_tui.board import events as e
from coop_tui.board.cycles import Loop
from coop_tui.board.selectors import problem, wanted_log
from coop_tui.board.state import Board, LogState

if TYPE_CHECKING:
    from coop_tui.board.state import View

LOG_LINES = 5000
"""Log lines kept; older ones are cut away."""
NARRATION_LINES = 200


def update(board: Board, event: e.Event) -> Board:
    """The board after `event`; the same object when nothing changed."""
    match event:
        case e.ObjectsListed() | e.ObjectChanged() | e.ObjectGone() | e.FeedLost():
            return replace(board, cluster=cluster.update(board.cluster, event))
        case e.Connected():
            return replace(board, connect_problem=None)
        case e.ConnectFailed(found):
            return board if found == board.connect_problem else replace(board, connect_problem=found)
        case e.LogOpened() | e.LogRead() | e.LogEnded():
            return _log(board, event)
        case e.LoopOpened(key):
            return replace(board, loop=Loop(), loop_of=key)
        case e.LoopSaid(at_s, said):
            return replace(board, loop=cycles.update(board.loop, said, at_s))
        case e.LoopSaidMore(at_s, text):
            return replace(board, loop=cycles.noted(board.loop, at_s, text))
        case e.Told():
            return replace(board, narration=(*board.narration, event)[-NARRATION_LINES:])
        case e.Ticked(now_s):
            return replace(board, now_s=now_s)
        case e.WorkerFailed(found):
            return replace(board, failure=found)
        case e.ProblemDismissed():
            return replace(board, dismissed=problem(board))
        case _:
            return _chosen(board, event)


def _log(board: Board, event: e.LogOpened | e.LogRead | e.LogEnded) -> Board:
    """News of a log that is no longer open comes late and is dropped."""
    log = board.log
    match event:
        case e.LogOpened(target):
            return replace(board, log=LogState(target, log.reading + 1))
        case e.LogEnded(target, why) if target == log.target:
            return replace(board, log=replace(log, has_ended=True, why=why))
        case e.LogRead(target, lines, is_first) if target == log.target:
            if is_first:
                log = LogState(target, log.reading + 1)
            kept = (*log.lines, *lines)[-LOG_LINES:]
            return replace(board, log=replace(log, lines=kept, total=log.total + len(lines)))
        case _:
            return board


Choice = e.ServiceSelected | e.ServicesFiltered | e.SortCycled | e.LogFiltered | e.PreviousToggled | e.PaneChosen


def _chosen(board: Board, event: Choice) -> Board:
    view = _view(board, event)
    return board if view == board.view else replace(board, view=view)


def _view(board: Board, event: Choice) -> View:
    view = board.view
    match event:
        case e.ServiceSelected(key):
            # Another service starts with its own suggestion, not with a choice made for the last one.
            return view if key == view.selected else replace(view, selected=key, previous=None)
        case e.ServicesFiltered(text):
            return replace(view, filter=text)
        case e.SortCycled():
            orders = list(e.Sort)
            return replace(view, sort=orders[(orders.index(view.sort) + 1) % len(orders)])
        case e.LogFiltered(text):
            return replace(view, log_filter=text)
        case e.PreviousToggled():
            target = wanted_log(board)
            return view if target is None else replace(view, previous=not target.previous)
        case e.PaneChosen(pane):
            return replace(view, pane=pane)
        case _:
            assert_never(event)
