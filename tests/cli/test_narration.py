"""What `coop dev` says."""

from __future__ import annotations

import click
import pytest

from coop_devloop import events as e
from coop_devloop.state import Cycle, LoopState
from coop_tui.narration import Narrator, change_set, duration, notification

URL = "http://hello.dev-ada.localhost:4780"
LIVE = LoopState(live_commit="0123456789ab")


def told(event: e.Event, state: LoopState = LIVE) -> list[str]:
    return [click.unstyle(line) for line in Narrator(URL).tell(e.Entry(0.0, event), state)]


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        ((), "the service as it is"),
        (("app.py",), "app.py"),
        (("a", "b"), "2 files: a, b"),
        (("a", "b", "c", "d"), "4 files: a, b, c, …"),
    ],
)
def test_a_change_set_is_named_shortly(paths: tuple[str, ...], said: str) -> None:
    assert change_set(paths) == said


def test_times_read_in_the_unit_that_fits() -> None:
    assert (duration(12.4), duration(999.4), duration(1000), duration(61_234)) == (
        "12 ms", "999 ms", "1.00 s", "61.23 s",
    )  # fmt: skip


def test_going_live_names_commit_url_and_where_the_time_went() -> None:
    event = e.WentLive("0123456789ab", "pod", phases={"snapshot": 12.0, "rollout": 100.0}, total_ms=112.0)
    head, bar, phases = told(event)
    assert head.endswith(f"● live in 112 ms  01234567  {URL}")
    assert bar.strip() == "━" * 48
    assert phases.strip() == "snapshot 12 ms · rollout 100 ms"


def test_a_failure_says_what_why_what_to_do_and_what_still_runs() -> None:
    lines = told(e.BuildFailed(e.Problem("cannot build hello", "pip failed", "mend requirements.txt")))
    assert lines[0].endswith("✗ cannot build hello")
    assert [line.strip() for line in lines[1:]] == [
        "pip failed", "hint: mend requirements.txt", "version 01234567 keeps running; the next save tries again",
    ]  # fmt: skip


def test_a_first_version_that_fails_claims_nothing_still_runs() -> None:
    lines = told(e.RolloutFailed("c1", "crashed", ("SyntaxError: oops",)), LoopState())
    assert lines[0].endswith("✗ the new version does not run: crashed")
    assert lines[1].strip() == "│ SyntaxError: oops"
    assert lines[2].strip() == "the next save tries again"


def test_a_save_names_its_files_and_a_touched_file_says_nothing() -> None:
    cycle = Cycle(0.0, changed=("app.py",), snapshot="s1")
    assert told(e.SnapshotTaken("s1", ("app.py",), 1), LoopState(cycle=cycle))[0].endswith("→ app.py")
    assert told(e.SnapshotTaken("s1", (), 1), LoopState()) == []


def test_a_change_set_is_told_once_also_when_the_files_are_looked_at_again_during_its_build() -> None:
    narrator = Narrator(URL)
    state = LoopState(cycle=Cycle(5.0, snapshot="s1"))
    again = e.Entry(0.0, e.SnapshotTaken("s1", ("app.py",), 1))
    assert narrator.tell(again, state)
    assert narrator.tell(again, state) == []


def test_a_change_that_no_event_told_of_is_said_to_be_found() -> None:
    cycle = Cycle(0.0, snapshot="s1", was_missed=True)
    assert "found by looking" in told(e.SnapshotTaken("s1", ("app.py",), 1), LoopState(cycle=cycle))[0]


def test_a_push_of_the_newest_image_is_said_and_one_of_an_older_one_is_not() -> None:
    pushing = LoopState(cycle=Cycle(0.0, snapshot="s2"))
    assert told(e.ImageBuilt("s2", 1234), pushing)[0].endswith("… built in 1.23 s; pushing the image")
    assert told(e.ImageBuilt("s1", 1234), pushing) == []


def test_a_build_that_waits_for_its_engine_says_so() -> None:
    waiting = LoopState(cycle=Cycle(0.0, snapshot="s2"))
    assert told(e.BuildWaits("s2", "waiting for Dagger's engine"), waiting)[0].endswith(
        "… waiting for Dagger's engine"
    )
    assert told(e.BuildWaits("s1", "waiting for Dagger's engine"), waiting) == []


def test_undoing_a_mistake_ends_with_what_is_live() -> None:
    assert told(e.NothingToDeploy("0123456789ab"))[0].endswith(f"● nothing to deploy: 01234567 is live  {URL}")


def test_a_live_service_that_answers_with_an_error_is_said_to() -> None:
    assert told(e.Answered("c1", 502, 1))[0].endswith(f"! it answers 502 at {URL}")
    assert told(e.Answered("c1", 200, 1)) == []


def test_a_platform_that_is_away_comes_with_the_command_that_starts_it() -> None:
    assert "coop platform up" in told(e.PlatformLost("connection refused"))[1]


@pytest.mark.parametrize("event", [e.WentLive("c", phases={"build": 1.0}), e.RolloutFailed("c", "crashed")])
def test_the_desktop_is_told_how_it_ended_and_the_bell_rings(event: e.Event) -> None:
    assert notification("hello", event).startswith("\x1b]9;coop: hello ")
    assert notification("hello", event).endswith("\x07\x07")


def test_nothing_rings_in_between() -> None:
    assert notification("hello", e.Pushed("c", 1)) == ""


def test_what_is_only_of_interest_to_machines_says_nothing() -> None:
    for event in (e.FilesChanged(("a",)), e.BuildFinished("i", True, 1), e.Pushed("c", 1), e.LoopStopped()):
        assert told(event) == []


def test_a_build_that_failed_shows_what_it_printed_last() -> None:
    problem = e.Problem("cannot build hello", "Dockerfile:3: `make` ended with 2", "correct it and save")
    lines = told(e.BuildFailed(problem, ("cc: no input", "stop")))
    assert [line.strip() for line in lines[1:5]] == [
        "Dockerfile:3: `make` ended with 2", "│ cc: no input", "│ stop", "hint: correct it and save",
    ]  # fmt: skip


def test_a_version_that_recovers_is_said_to_and_one_that_was_never_lost_is_not() -> None:
    narrator = Narrator(URL)
    live = e.Entry(0.0, e.WentLive("0123456789ab"))
    assert narrator.tell(live, LIVE) == []
    narrator.tell(e.Entry(0.0, e.RolloutFailed("0123456789ab", "crashed")), LIVE)
    assert "live again" in narrator.tell(live, LIVE)[0]
    assert narrator.tell(live, LIVE) == []


def test_a_version_that_was_live_and_fails_is_not_called_new_and_nothing_else_keeps_running() -> None:
    failed = e.RolloutFailed(LIVE.live_commit, "crashed")
    said = " ".join(Narrator(URL).tell(e.Entry(0.0, failed), LIVE))
    assert f"version {LIVE.live_commit[:8]}, which was live, runs no more: crashed" in said
    assert "keeps running" not in said
