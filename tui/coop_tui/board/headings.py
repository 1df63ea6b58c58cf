"""The one-line headings of the screen and its panels, and the words for an empty one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.clock import age
from coop_tui.board.events import Pane, Sort
from coop_tui.board.lines import EMPTY, Line, Span, Tone, fitted, plain
from coop_tui.board.selectors import Link, connection, wanted_log

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coop_core.cluster.views import ServiceView
    from coop_tui.board.selectors import Connection, EventRow
    from coop_tui.board.state import Board

_LINKS: dict[Link, Span] = {
    Link.CONNECTING: ("◌ connecting", Tone.BUSY),
    Link.LIVE: ("● live", Tone.GOOD),
    Link.STALE: ("⚠ stale", Tone.BAD),
    Link.DOWN: ("✗ no platform", Tone.BAD),
}


def link(found: Connection, now_s: float) -> Line:
    """The connection in words; a stale one says for how long."""
    text, tone = _LINKS[found.link]
    since = "" if found.since_s is None else f" for {age(now_s - found.since_s)}"
    return ((f"{text}{since}", tone),)


def services(board: Board, rows: Sequence[ServiceView], shown: int) -> Line:
    spans: list[Span] = [("services", Tone.STRONG)]
    if board.view.sort is not Sort.NAME:
        spans.append((f"  by {board.view.sort.value}", Tone.DIM))
    if board.view.filter:
        spans.append((f"  {shown} of {len(rows)} match “{board.view.filter}”", Tone.BUSY))
    return tuple(spans)


def no_services(board: Board, environment: str) -> tuple[Line, ...]:
    """Why the table is empty, and what to do about it."""
    match connection(board).link:
        case Link.CONNECTING:
            return EMPTY, plain("  Connecting to the platform…", Tone.DIM)
        case Link.DOWN | Link.STALE:
            return EMPTY, plain("  Nothing to show until the platform answers; it is tried again.", Tone.DIM)
    if board.view.filter:
        return (
            EMPTY,
            plain(f"  No service matches “{board.view.filter}”.", Tone.DIM),
            (("  Press ", Tone.DIM), ("Esc", Tone.ACCENT), (" to drop the filter.", Tone.DIM)),
        )
    return (
        EMPTY,
        plain("  No services yet.", Tone.PLAIN),
        (("  In a Git repository with a coop.yaml, run ", Tone.DIM), ("coop dev", Tone.ACCENT), (":", Tone.DIM)),
        (("  it deploys to ", Tone.DIM), (environment, Tone.PLAIN), (" and again at each save.", Tone.DIM)),
    )


def loop(board: Board) -> tuple[Line, Line]:
    """The timeline's heading: whose loop on the left, whether it runs on the right."""
    found, key = board.loop, board.loop_of
    if key is None or (board.narration and not found.service):
        return plain("demo" if board.narration else "dev loop", Tone.STRONG), EMPTY
    left: Line = (("dev loop", Tone.STRONG), (f"  {key.service} in {key.environment}", Tone.DIM))
    if not found.service:
        return left, EMPTY
    return left, plain("running", Tone.GOOD) if found.is_running else plain("stopped", Tone.DIM)


def detail(board: Board, row: ServiceView | None, *, is_following: bool, is_wrapping: bool) -> tuple[Line, Line]:
    """The lower panel's heading: what it shows of which service, and how."""
    title = plain(board.view.pane.value, Tone.STRONG)
    if row is None:
        return title, EMPTY
    if board.view.pane is Pane.EVENTS:
        return (*title, (f"  {row.service} in {row.environment}", Tone.DIM)), EMPTY
    target = wanted_log(board)
    pod = f"  {target.pod}" if target else f"  {row.service} in {row.environment}"
    left: list[Span] = [*title, (pod, Tone.DIM)]
    if target and target.previous:
        left.append(("  the run before this one", Tone.BUSY))
    if board.view.log_filter:
        left.append((f"  “{board.view.log_filter}”", Tone.BUSY))
    return tuple(left), _log_state(board, is_following=is_following, is_wrapping=is_wrapping)


def _log_state(board: Board, *, is_following: bool, is_wrapping: bool) -> Line:
    if board.log.why:
        return plain(board.log.why, Tone.BAD)
    following = "ended" if board.log.has_ended else "following" if is_following else "paused"
    return plain(f"{following} · {'wrapped' if is_wrapping else 'not wrapped'}", Tone.DIM)


def no_log(board: Board, row: ServiceView | None) -> Line:
    """Why the log is empty."""
    if row is None:
        return plain("  Select a service to see its log.", Tone.DIM)
    if wanted_log(board) is None:
        return plain("  The service has no pod.", Tone.DIM)
    if board.view.log_filter and board.log.lines:
        return plain(f"  No line contains “{board.view.log_filter}”.", Tone.DIM)
    return plain("  Nothing logged." if board.log.has_ended else "  Nothing logged yet.", Tone.DIM)


def event_lines(found: Sequence[EventRow], now_s: float) -> tuple[Line, ...]:
    """Events as a table, newest first; a warning says so in a word."""
    if not found:
        return (plain("  No events in the last hour.", Tone.DIM),)
    return tuple(_event(row, now_s) for row in found)


def _event(row: EventRow, now_s: float) -> Line:
    since = age(now_s - row.last_s) if row.last_s else "-"
    times = f", {row.count} times" if row.count > 1 else ""
    return (
        (f"  {since:>6}  ", Tone.DIM),
        (fitted("warning" if row.is_warning else "normal", 9), Tone.BAD if row.is_warning else Tone.DIM),
        (fitted(row.reason, 20), Tone.STRONG),
        (row.message, Tone.PLAIN),
        (f"  {row.subject}{times}", Tone.DIM),
    )
