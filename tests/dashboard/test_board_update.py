"""Events in, board out."""

from __future__ import annotations

from dataclasses import replace

from coop_core.cluster import kinds
from coop_devloop.events import Problem
from coop_tui.board import events as e
from coop_tui.board import selectors
from coop_tui.board.scene import Scenes
from coop_tui.board.selectors import Link
from coop_tui.board.state import Board
from coop_tui.board.update import LOG_LINES, update
from tests.dashboard.board_cluster import NOW_S, Service

APPLICATIONS = e.Feed(kinds.APPLICATION, kinds.ARGOCD_NAMESPACE)


def feed(kind: kinds.Kind, environment: str = "dev-ada") -> e.Feed:
    return e.Feed(kind, environment)


def board_of(*services: Service) -> Board:
    board = update(Board(NOW_S), e.ObjectsListed(APPLICATIONS, tuple(s.application for s in services)))
    for service in services:
        for kind, raw in (
            (kinds.DEPLOYMENT, service.deployment),
            (kinds.REPLICA_SET, service.replica_set),
            (kinds.INGRESS, service.ingress),
            *((kinds.POD, pod) for pod in service.pods),
        ):
            board = update(board, e.ObjectChanged(feed(kind, service.environment), raw))
    return board


def after(board: Board, *events: e.Event) -> Board:
    for event in events:
        board = update(board, event)
    return board


def scene_rows(board: Board) -> list[tuple[str, str, str]]:
    shown = Scenes(lambda host: f"http://{host}").scene(board).shown
    return [(row.environment, row.service, row.health) for row in shown]


def test_a_service_is_a_row_of_its_objects() -> None:
    (row,) = Scenes(lambda host: f"http://{host}").scene(board_of(Service("dev-ada", "hello"))).rows
    assert (row.service, row.version, row.sync, row.health) == ("hello", "3f2a1bc", "Synced", "Healthy")
    assert (row.ready, row.wanted, row.age_s, row.url) == (1, 1, 300.0, "http://hello.dev-ada.localhost")


def test_what_is_gone_from_a_new_list_is_gone_from_the_board() -> None:
    board = board_of(Service("dev-ada", "hello"), Service("dev-ada", "orders"))
    board = after(board, e.ObjectsListed(APPLICATIONS, (Service("dev-ada", "orders").application,)))
    assert [service for _, service, _ in scene_rows(board)] == ["orders"]


def test_a_deleted_object_leaves_the_board() -> None:
    hello = Service("dev-ada", "hello")
    board = after(board_of(hello), e.ObjectGone(APPLICATIONS, hello.application))
    assert scene_rows(board) == []


def test_a_lost_feed_keeps_what_it_said_and_marks_it_stale_until_it_lists_again() -> None:
    hello = Service("dev-ada", "hello")
    board = after(
        board_of(hello), e.FeedLost(APPLICATIONS, "refused", 500.0), e.FeedLost(APPLICATIONS, "no", 510.0)
    )
    assert scene_rows(board) == [("dev-ada", "hello", "Healthy")]
    found = selectors.connection(board)
    assert (found.link, found.since_s) == (Link.STALE, 500.0)
    assert "applications in argocd: no" in found.why
    back = after(board, e.ObjectsListed(APPLICATIONS, (hello.application,)))
    assert selectors.connection(back).link is Link.LIVE


def test_a_stale_board_says_what_to_do() -> None:
    board = after(board_of(Service("dev-ada", "hello")), e.FeedLost(APPLICATIONS, "refused", 500.0))
    found = selectors.visible_problem(board)
    assert found is not None
    assert found.remedy == "coop platform status"


def test_a_dismissed_problem_stays_away_until_there_is_another() -> None:
    first, second = Problem("a", "b", "c"), Problem("d", "e", "f")
    board = after(Board(NOW_S), e.ConnectFailed(first), e.ProblemDismissed(), e.ConnectFailed(first))
    assert selectors.visible_problem(board) is None
    assert selectors.visible_problem(after(board, e.ConnectFailed(second))) == second


def test_a_connection_ends_the_problem_of_having_none() -> None:
    board = after(Board(NOW_S), e.ConnectFailed(Problem("a", "b", "c")))
    assert selectors.connection(board).link is Link.DOWN
    assert selectors.connection(after(board, e.Connected())).link is Link.CONNECTING


def test_the_log_of_the_newest_pod_is_wanted() -> None:
    hello = Service("dev-ada", "hello")
    old, new = hello.pods[0], hello.pods[0]
    old["metadata"] = old["metadata"] | {"name": "z-old", "creationTimestamp": "2020-01-01T00:00:00Z"}
    board = after(board_of(hello), e.ObjectChanged(feed(kinds.POD), old))
    board = after(board, e.ServiceSelected(e.ServiceKey("dev-ada", "hello")))
    target = selectors.wanted_log(board)
    assert target is not None
    assert (target.pod, target.previous) == (new["metadata"]["name"], False)


def test_a_crashed_program_shows_the_run_that_crashed_and_p_shows_the_other() -> None:
    orders = Service("dev-ada", "orders")
    orders.ready, orders.restarts = 0, 3
    orders.pod_state = {"waiting": {"reason": "CrashLoopBackOff"}}
    orders.last_state = {"terminated": {"exitCode": 1}}
    board = after(board_of(orders), e.ServiceSelected(e.ServiceKey("dev-ada", "orders")))
    target = selectors.wanted_log(board)
    assert target is not None
    assert (target.previous, target.restarts) == (True, 3)
    other = selectors.wanted_log(after(board, e.PreviousToggled()))
    assert other == replace(target, previous=False)


def test_the_choice_of_an_earlier_run_ends_with_the_service() -> None:
    keys = [e.ServiceKey("dev-ada", "hello"), e.ServiceKey("dev-ada", "orders")]
    board = board_of(Service("dev-ada", "hello"), Service("dev-ada", "orders"))
    board = after(board, e.ServiceSelected(keys[0]), e.PreviousToggled(), e.ServiceSelected(keys[1]))
    target = selectors.wanted_log(board)
    assert target is not None
    assert not target.previous


def test_lines_of_a_log_that_is_no_longer_open_are_dropped() -> None:
    one, two = (e.LogTarget("dev-ada", pod, "c", previous=False, restarts=0) for pod in ("one", "two"))
    board = after(
        Board(NOW_S),
        e.LogOpened(one),
        e.LogRead(one, ("a",), is_first=True),
        e.LogOpened(two),
        e.LogRead(one, ("late",), is_first=False),
        e.LogRead(two, ("b",), is_first=True),
    )
    assert board.log.lines == ("b",)


def test_the_log_is_bounded_and_counts_what_it_cut() -> None:
    target = e.LogTarget("dev-ada", "p", "c", previous=False, restarts=0)
    lines = tuple(str(number) for number in range(LOG_LINES))
    board = after(
        Board(NOW_S),
        e.LogOpened(target),
        e.LogRead(target, lines, is_first=True),
        e.LogRead(target, ("one more",), is_first=False),
    )
    assert (len(board.log.lines), board.log.lines[-1], board.log.total) == (LOG_LINES, "one more", LOG_LINES + 1)


def test_filtering_looks_at_what_is_on_screen() -> None:
    board = board_of(Service("dev-ada", "hello"), Service("main", "hello"), Service("main", "orders"))
    assert scene_rows(after(board, e.ServicesFiltered("MAIN hel"))) == [("main", "hello", "Healthy")]
    assert scene_rows(after(board, e.ServicesFiltered("nothing"))) == []


def test_sorting_by_health_puts_the_worst_first() -> None:
    bad = Service("main", "zoo")
    bad.health = "Degraded"
    board = after(board_of(Service("main", "apple"), bad), e.SortCycled())
    assert [service for _, service, _ in scene_rows(board)] == ["zoo", "apple"]


def test_choosing_what_is_chosen_already_changes_nothing() -> None:
    board = Board(NOW_S)
    assert update(board, e.ServicesFiltered("")) is board


def test_events_are_those_of_the_service_and_of_its_pods_of_old() -> None:
    hello, web = Service("dev-ada", "hello"), Service("dev-ada", "hello-web")
    board = board_of(hello, web)
    gone = hello.event("Killing", "Stopping container", ago_s=5)
    gone["involvedObject"] = {"kind": "Pod", "name": "hello-5d4c9f7b6d-abcde"}
    gone["metadata"] = gone["metadata"] | {"name": "gone"}
    for raw in (hello.event("Started", "ours"), web.event("Pulled", "theirs"), gone):
        board = after(board, e.ObjectChanged(feed(kinds.EVENT), raw))
    found = selectors.events_of(board.cluster, e.ServiceKey("dev-ada", "hello"))
    assert [row.reason for row in found] == ["Killing", "Started"]


def test_an_action_that_can_do_nothing_says_why() -> None:
    from coop_tui.board.actions import unavailable

    service = Service("dev-ada", "hello")
    scenes = Scenes(lambda host: "")
    board = after(board_of(service), e.ServiceSelected(e.ServiceKey("dev-ada", "hello")))
    row = scenes.scene(board).row
    assert unavailable("open_url", board, row) == "hello has no ingress, so no URL"
    assert unavailable("show_log", board, None) == "no service is selected"
    assert unavailable("previous_log", board, row) == ""
