"""The dashboard as its user meets it: keys in, screen out, on a cluster that changes meanwhile."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

import pytest

from coop_core.cluster import kinds
from coop_core.errors import CoopError
from coop_core.paths import Home
from coop_tui.board.events import ServiceKey
from coop_tui.board.sources import Sources
from coop_tui.dashboard.opening import loop_log
from coop_tui.narration import Narrated
from tests.dashboard import board_cluster
from tests.dashboard.board_cluster import Cluster, Service
from tests.dashboard.dashboard_kit import dashboard, dashboard_of, screen_text, shows, shows_no_more, until

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from coop_tui.board.sources import Reader
    from coop_tui.dashboard.app import Dashboard

NARROW, WIDE = (80, 24), (140, 40)


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects are as old as they say."""
    monkeypatch.setattr(board_cluster, "NOW_S", time.time())


def pod_of(service: Service) -> str:
    return str(service.pods[0]["metadata"]["name"])


def crashing(environment: str = "dev-ada", name: str = "orders") -> Service:
    service = Service(environment, name)
    service.ready, service.restarts, service.health = 0, 4, "Degraded"
    service.pod_state = {"waiting": {"reason": "CrashLoopBackOff"}}
    service.last_state = {"terminated": {"exitCode": 1, "message": "no module named orders"}}
    return service


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_services_are_listed_with_their_state(size: tuple[int, int]) -> None:
    app = dashboard(Cluster(Service("main", "hello", replicas=3), Service("dev-ada", "hello"), crashing()))
    async with app.run_test(size=size):
        screen = await shows(app, "● live", "✓ Synced", "● Healthy", "✗ Degraded", "3/3", "0/1")
        assert "╰ the program crashes again and again: exit code 1: no module named orders" in screen
        await shows(app, "hello.main.localhost:4780", "/ Filter", "q Quit")


async def test_a_change_in_the_cluster_is_on_screen_without_a_key() -> None:
    hello = Service("dev-ada", "hello", replicas=2)
    cluster = Cluster(hello)
    app = dashboard(cluster)
    async with app.run_test(size=NARROW):
        await shows(app, "2/2", "● Healthy")
        hello.ready, hello.health, hello.sync = 1, "Progressing", "OutOfSync"
        cluster.put(hello)
        await shows(app, "1/2", "◐ Progressing", "↻ OutOfSync")


async def test_an_empty_platform_says_what_to_do_next() -> None:
    app = dashboard(Cluster())
    async with app.run_test(size=NARROW):
        screen = await shows(app, "No services yet.", "coop dev", "No dev loop has run yet.")
        assert "Select a service to see its log." in screen


async def test_the_first_frame_does_not_wait_for_the_platform() -> None:
    may_connect = asyncio.Event()

    async def connect() -> Reader:
        await may_connect.wait()
        return Cluster(Service("main", "hello"))

    app = dashboard_of(Sources(connect, ("main",), lambda host: host))
    async with app.run_test(size=NARROW):
        await shows(app, "◌ connecting", "Connecting to the platform…")
        may_connect.set()
        await shows(app, "● live", "hello")


async def test_a_platform_that_cannot_be_reached_is_an_error_with_a_remedy_and_is_tried_again() -> None:
    tries = 0

    async def connect() -> Reader:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise CoopError("cannot reach the platform", "connection refused", "coop platform up")
        return Cluster(Service("main", "hello"))

    app = dashboard_of(Sources(connect, ("main",), lambda host: host))
    async with app.run_test(size=NARROW):
        await shows(app, "✗ cannot reach the platform", "connection refused", "→ coop platform up")
        await shows(app, "● live", "hello")
        assert "connection refused" not in screen_text(app)


async def test_a_lost_connection_keeps_the_last_state_marked_stale_and_comes_back() -> None:
    cluster = Cluster(Service("dev-ada", "hello"))
    app = dashboard(cluster)
    async with app.run_test(size=NARROW) as pilot:
        await shows(app, "● live")
        cluster.go_away("https://127.0.0.1:6443 cannot be reached")
        screen = await shows(app, "⚠ stale for", "what is shown may be old", "→ coop platform status")
        assert "dev-ada" in screen
        assert "● Healthy" in screen
        await pilot.press("x")
        await shows_no_more(app, "what is shown may be old")
        cluster.come_back()
        await shows(app, "● live")


async def test_the_log_follows_the_selected_service() -> None:
    hello, orders = Service("dev-ada", "hello"), Service("dev-ada", "orders")
    cluster = Cluster(hello, orders)
    cluster.log(pod_of(hello), b"hello says hello\n")
    cluster.log(pod_of(orders), b"orders says hello\n")
    app = dashboard(cluster)
    async with app.run_test(size=NARROW) as pilot:
        await shows(app, "hello says hello", f"log  {pod_of(hello)}")
        await pilot.press("j")
        await shows(app, "orders says hello", f"log  {pod_of(orders)}")
        await shows_no_more(app, "hello says hello")
        await pilot.press("up")
        cluster.log(pod_of(hello), b"hello again\n")
        await shows(app, "hello again")


async def test_a_crashed_service_shows_the_run_before() -> None:
    orders = crashing()
    cluster = Cluster(orders)
    cluster.log(pod_of(orders), b"Traceback (most recent call last):\n")
    app = dashboard(cluster)
    async with app.run_test(size=NARROW) as pilot:
        await shows(app, "Traceback", "the run before this one")
        assert cluster.log_queries[-1][1].previous
        await pilot.press("p")
        await shows_no_more(app, "the run before this one")
        assert not cluster.log_queries[-1][1].previous


async def test_scrolling_up_pauses_the_log_and_f_follows_again() -> None:
    hello = Service("dev-ada", "hello")
    cluster = Cluster(hello)
    cluster.log(pod_of(hello), b"".join(b"line %d\n" % number for number in range(100)))
    app = dashboard(cluster)
    async with app.run_test(size=NARROW) as pilot:
        await shows(app, "line 99", "following")
        await pilot.press("enter", "k", "k")
        await shows(app, "paused")
        cluster.log(pod_of(hello), b"line 100\n")
        await pilot.pause(0.3)
        assert "line 100" not in screen_text(app)
        await pilot.press("f")
        await shows(app, "line 100", "following")


async def test_the_log_can_be_filtered_wrapped_and_left() -> None:
    hello = Service("dev-ada", "hello")
    cluster = Cluster(hello)
    cluster.log(pod_of(hello), b"GET /healthz\nGET /orders " + b"x" * 100 + b" end\n")
    app = dashboard(cluster)
    async with app.run_test(size=NARROW) as pilot:
        await shows(app, "GET /healthz", "end", "wrapped")
        await pilot.press("w")
        await shows(app, "not wrapped")
        await shows_no_more(app, " end")
        await pilot.press("w", "l", "slash", *"orders", "enter")
        await shows(app, "log  " + pod_of(hello), "“orders”", "GET /orders")
        await shows_no_more(app, "GET /healthz")
        await pilot.press("escape")
        await shows(app, "GET /healthz")
        await pilot.press("escape")
        await until(lambda: app.focused is not None and app.focused.id == "services", "the table has the focus")


async def test_filtering_services_narrows_the_table_and_escape_drops_the_filter() -> None:
    app = dashboard(Cluster(Service("dev-ada", "hello"), Service("dev-ada", "orders")))
    async with app.run_test(size=NARROW) as pilot:
        await shows(app, "hello", "orders")
        await pilot.press("slash", *"ord")
        await shows(app, "1 of 2 match “ord”")
        await pilot.press(*"x")
        await shows(app, "No service matches “ordx”.")
        await pilot.press("escape")
        await shows(app, "hello", "orders")


async def test_the_selection_stays_with_its_service_when_rows_move() -> None:
    cluster = Cluster(Service("dev-ada", "hello"), Service("dev-ada", "orders"))
    app = dashboard(cluster)
    async with app.run_test(size=NARROW) as pilot:
        await shows(app, "hello", "orders")
        await pilot.press("end")
        await shows(app, "▌ dev-ada      orders")
        cluster.put(Service("dev-ada", "aaa"))
        await shows(app, "aaa", "▌ dev-ada      orders")


async def test_events_of_the_service_are_one_key_away() -> None:
    hello = Service("dev-ada", "hello")
    cluster = Cluster(hello)
    cluster.change(kinds.EVENT, hello.event("Unhealthy", "Readiness probe failed", warning=True))
    app = dashboard(cluster)
    async with app.run_test(size=NARROW) as pilot:
        await shows(app, f"log  {pod_of(hello)}")
        await pilot.press("e")
        await shows(app, "events  hello in dev-ada", "warning", "Unhealthy", "Readiness probe failed")


async def test_help_lists_every_key_with_its_meaning_and_why_some_do_nothing() -> None:
    app = dashboard(Cluster())
    async with app.run_test(size=(80, 30)) as pilot:
        await shows(app, "No services yet.")
        await pilot.press("question_mark")
        screen = await shows(app, "Keys")
        for text in ("↓ j", "The service below", "Wrap long log lines", "Leave; services go on running"):
            assert text in screen
        assert "Copy its URL, over SSH too  (no service is selected)" in screen
        await pilot.press("escape")
        await shows(app, "No services yet.")


async def test_a_key_that_can_do_nothing_says_why() -> None:
    app = dashboard(Cluster())
    async with app.run_test(size=NARROW, notifications=True) as pilot:
        await shows(app, "No services yet.")
        await pilot.press("y")
        await shows(app, "no service is selected")


async def test_y_copies_the_url() -> None:
    app = dashboard(Cluster(Service("dev-ada", "hello")))
    async with app.run_test(size=NARROW, notifications=True) as pilot:
        await shows(app, "http://hello.dev-ada.localhost:4780")
        await pilot.press("y")
        await shows(app, "▌ copied", "▌ http://hello.dev-ada.localhost:4780")
        assert app.clipboard == "http://hello.dev-ada.localhost:4780"


async def test_the_dev_loop_is_shown_as_it_writes(tmp_path: Path) -> None:
    log, hello = tmp_path / "events.jsonl", ServiceKey("dev-ada", "hello")
    app = dashboard(Cluster(), loops={hello: log}, start=hello)
    async with app.run_test(size=NARROW):
        await shows(app, "No dev loop has run yet.")
        said = [
            {"event": "LoopStarted", "environment": "dev-ada", "service": "hello", "pid": 1},
            {"event": "SnapshotTaken", "commit": "a", "changed": ["hello/app.py"], "took_ms": 12},
            {"event": "BuildFinished", "image": "i", "was_cached": True, "took_ms": 1234},
        ]
        log.write_text("".join(json.dumps({"at": time.time(), **fields}) + "\n" for fields in said))
        await shows(app, "dev loop  hello in dev-ada", "◐ commit…  app.py", "1.2 s", "cached")
        problem = {"what": "cannot commit", "why": "k8s/x.yaml:3: no kind", "remedy": "add a kind"}
        with log.open("a") as file:
            file.write(json.dumps({"at": time.time(), "event": "DeployFailed", "problem": problem}) + "\n")
        await shows(app, "✗ failed at commit", "✗ cannot commit", "k8s/x.yaml:3: no kind", "→ add a kind")


async def test_the_dev_loop_that_is_shown_is_that_of_the_selected_service(tmp_path: Path) -> None:
    loops = {ServiceKey("dev-ada", name): tmp_path / name for name in ("api", "web")}
    for key, log in loops.items():
        started = {"event": "LoopStarted", "environment": key.environment, "service": key.service, "pid": 1}
        saved = {"event": "FilesChanged", "paths": [f"{key.service}/{key.service}.py"]}
        log.write_text("".join(json.dumps({"at": time.time(), **fields}) + "\n" for fields in (started, saved)))
    cluster = Cluster(Service("dev-ada", "api"), Service("dev-ada", "web"), Service("main", "web"))
    app = dashboard(cluster, loops=loops)
    async with app.run_test(size=NARROW) as pilot:
        await shows(app, "dev loop  web in main", "No dev loop has run here.", "Yours run in dev-ada")
        await pilot.press("down")
        screen = await shows(app, "dev loop  api in dev-ada", "snapshot…", "api.py")
        assert "web.py" not in screen
        await pilot.press("down")
        await shows(app, "dev loop  web in dev-ada", "web.py")
        await shows_no_more(app, "api.py")
        with loops[ServiceKey("dev-ada", "api")].open("a") as file:
            file.write(json.dumps({"at": time.time(), "event": "FilesChanged", "paths": ["late.py"]}) + "\n")
        await pilot.press("up")
        await shows(app, "dev loop  api in dev-ada", "api.py and 1 more")
        await shows_no_more(app, "web.py")


async def test_the_service_one_stands_in_is_selected_as_soon_as_it_is_there() -> None:
    cluster = Cluster(Service("dev-ada", "api"))
    app = dashboard(cluster, start=ServiceKey("dev-ada", "web"))
    async with app.run_test(size=NARROW) as pilot:
        await shows(app, "dev loop  api in dev-ada")
        cluster.put(Service("dev-ada", "web"))
        await shows(app, "dev loop  web in dev-ada")
        await pilot.press("up")
        await shows(app, "dev loop  api in dev-ada")


def test_event_logs_are_looked_for_in_the_own_environment_and_never_outside_of_their_folder(tmp_path: Path) -> None:
    home = Home.under(tmp_path)
    assert (
        loop_log(home, "dev-ada", ServiceKey("dev-ada", "web")) == home.devloop("dev-ada", "web") / "events.jsonl"
    )
    for environment, name in (("main", "web"), ("dev-bob", "web"), ("dev-ada", "../web"), ("dev-ada", "..")):
        assert loop_log(home, "dev-ada", ServiceKey(environment, name)) is None


async def test_a_demo_tells_its_story_in_the_timeline() -> None:
    async def story() -> AsyncGenerator[Narrated, None]:
        yield Narrated("a local platform", 812.0)
        yield Narrated("edit one line of app.py")

    app = dashboard(Cluster(), narration=story())
    async with app.run_test(size=NARROW):
        await shows(app, "✓ a local platform  812 ms", "▸ edit one line of app.py")


async def test_a_source_that_breaks_is_told_and_the_rest_goes_on() -> None:
    async def broken() -> AsyncGenerator[Narrated, None]:
        yield Narrated("so far so good")
        raise RuntimeError("boom")

    app = dashboard(Cluster(Service("dev-ada", "hello")), narration=broken())
    async with app.run_test(size=NARROW):
        await shows(app, "the dashboard's narration stopped", "RuntimeError: boom", "● live", "hello")


async def test_it_fits_again_after_the_terminal_changed_its_size() -> None:
    app = dashboard(Cluster(Service("dev-ada", "hello")))
    async with app.run_test(size=NARROW) as pilot:
        await shows(app, "● live", "hello")
        await pilot.resize_terminal(*WIDE)
        await shows(app, "  hello.dev-ada.localhost:4780")
        await pilot.resize_terminal(60, 15)
        await shows(app, "dev-ada", "hello", "✓ Synced")


async def quits(app: Dashboard, cluster: Cluster, key: str) -> None:
    before = asyncio.all_tasks()
    async with app.run_test(size=NARROW) as pilot:
        await shows(app, "● live", "hello")
        assert cluster.open_streams > 10
        await pilot.press(key)
        await until(lambda: not app.is_running, "the app has ended")
    assert cluster.open_streams == 0
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_quitting_leaves_nothing_running(key: str) -> None:
    cluster = Cluster(Service("dev-ada", "hello"))
    await quits(dashboard(cluster), cluster, key)


async def test_a_thousand_changes_are_a_few_repaints() -> None:
    cluster = Cluster(*(Service("dev-ada", f"service-{number}") for number in range(20)))
    app = dashboard(cluster)
    async with app.run_test(size=WIDE):
        await shows(app, "● live", "service-0")
        painted = 0

        def count() -> None:
            nonlocal painted
            painted += 1

        main = app.screen
        app.watch(main, "scene", count, init=False)
        for number in range(1000):
            cluster.change(kinds.POD, Service("dev-ada", f"service-{number % 20}").pods[0])
        cluster.put(Service("dev-ada", "service-999"))
        await shows(app, "service-1 ")
        await until(lambda: "21" in str(len(cluster.objects[("applications", "argocd")])), "all put")
        assert painted < 20
