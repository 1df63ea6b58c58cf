"""The dev loop's event log as cycles."""

from __future__ import annotations

from coop_devloop import events as e
from coop_tui.board.cycles import Cycle, Loop, Note, Outcome, update
from coop_tui.board.lines import text_of
from coop_tui.board.timeline import timeline


def after(*said: tuple[float, e.Event], loop: Loop | None = None) -> Loop:
    found = loop or Loop()
    for at_s, event in said:
        found = update(found, event, at_s)
    return found


def deployed(start_s: float, snapshot: str, path: str = "app.py") -> list[tuple[float, e.Event]]:
    """A cycle up to its push."""
    return [
        (start_s, e.FilesChanged((path,))),
        (start_s + 0.02, e.SnapshotTaken(snapshot, (path,), 12.0)),
        (start_s + 0.06, e.BuildFinished("coop.local/x", False, 40.0)),
        (start_s + 0.07, e.DeployCommitted(f"deploy-{snapshot}", "base", 9.0)),
        (start_s + 0.10, e.Pushed(f"deploy-{snapshot}", 30.0)),
    ]


def newest(loop: Loop) -> Cycle:
    assert loop.newest is not None
    return loop.newest


def test_a_save_that_becomes_live_is_one_cycle_with_every_phase() -> None:
    loop = after(*deployed(100.0, "a"), (100.5, e.WentLive("deploy-a")))
    cycle = newest(loop)
    assert cycle.outcome is Outcome.LIVE
    assert [phase.name for phase in cycle.phases] == ["snapshot", "build", "commit", "push", "rollout"]
    assert round(cycle.total_ms) == 500
    assert cycle.paths == ("app.py",)


def test_the_loops_own_timings_win() -> None:
    said = e.WentLive("deploy-a", phases={"snapshot": 10.0, "rollout": 90.0}, total_ms=100.0)
    cycle = newest(after(*deployed(100.0, "a"), (100.5, said)))
    assert [(phase.name, phase.took_ms) for phase in cycle.phases] == [("snapshot", 10.0), ("rollout", 90.0)]


def test_a_save_during_a_cycle_belongs_to_the_next_one_which_replaces_the_first() -> None:
    loop = after(
        *deployed(100.0, "a"),
        (100.2, e.FilesChanged(("b.py",))),
        (100.3, e.SnapshotTaken("b", (), 5.0)),
    )
    first, second = (item for item in loop.history if isinstance(item, Cycle))
    assert first.outcome is Outcome.REPLACED
    assert (second.outcome, second.paths, second.started_s) == (Outcome.RUNNING, ("b.py",), 100.2)


def test_a_replaced_version_that_becomes_live_all_the_same_is_shown_as_live() -> None:
    loop = after(*deployed(100.0, "a"), *deployed(101.0, "b"), (101.2, e.WentLive("deploy-a")))
    first, second = (item for item in loop.history if isinstance(item, Cycle))
    assert (first.outcome, second.outcome) == (Outcome.LIVE, Outcome.RUNNING)


def test_a_save_of_what_was_there_before_leaves_no_trace() -> None:
    loop = after(*deployed(100.0, "a"), (100.5, e.WentLive("deploy-a")))
    again = after((110.0, e.FilesChanged(("app.py",))), (110.1, e.SnapshotTaken("a", (), 5.0)), loop=loop)
    assert again.history == loop.history


def test_a_failed_build_keeps_what_why_and_remedy() -> None:
    problem = e.Problem("cannot build hello", "app.py:3: invalid syntax", "correct app.py")
    loop = after((1.0, e.SnapshotTaken("a", ("app.py",), 5.0)), (2.0, e.BuildFailed(problem)))
    assert newest(loop).problem == problem
    text = "\n".join(text_of(line) for line in timeline(loop, (), cells=100, now_s=3.0))
    assert "✗ failed at build  app.py" in text
    assert "cannot build hello: app.py:3: invalid syntax" in text
    assert "→ correct app.py" in text


def test_a_crashed_version_shows_the_end_of_its_log() -> None:
    failed = e.RolloutFailed("deploy-a", "exit code 1", ("Traceback:", "ValueError: no"))
    loop = after(*deployed(100.0, "a"), (101.0, failed))
    text = "\n".join(text_of(line) for line in timeline(loop, (), cells=100, now_s=3.0))
    assert "✗ failed at rollout" in text
    assert "│ ValueError: no" in text


def test_a_push_that_is_tried_again_is_no_failure() -> None:
    said = e.PushFailed(e.Problem("cannot push", "the network is away", "wait", can_pass=True))
    cycle = newest(after(*deployed(100.0, "a")[:-1], (100.2, said)))
    assert cycle.outcome is Outcome.RUNNING
    assert cycle.waits_for == "pushing again soon: the network is away"


def test_a_cycle_that_was_cut_short_is_not_shown_as_running() -> None:
    loop = after(*deployed(100.0, "a"), (101.0, e.LoopStopped()))
    assert newest(loop).outcome is Outcome.FAILED
    assert not loop.is_running


def test_the_platform_going_and_coming_is_noted() -> None:
    loop = after((1.0, e.PlatformLost("refused")), (2.0, e.PlatformBack()))
    assert [item.text for item in loop.history if isinstance(item, Note)] == [
        "platform lost: refused",
        "platform is back",
    ]


def test_history_is_bounded() -> None:
    loop = Loop()
    for number in range(200):
        loop = update(loop, e.PlatformBack(), float(number))
    assert len(loop.history) == 50


def test_phases_are_bars_that_begin_where_the_last_one_ended() -> None:
    loop = after(*deployed(100.0, "a"), (100.5, e.WentLive("deploy-a")))
    lines = [text_of(line).rstrip() for line in timeline(loop, (), cells=80, now_s=101.0)]
    assert "● live in 500 ms  app.py" in lines[0]
    starts = [line.index("━") for line in lines[1:6]]
    assert starts == sorted(starts)
    assert lines[5].count("━") > 5 * lines[1].count("━")


def test_a_running_build_says_which_step_it_is_past_and_late_steps_say_nothing() -> None:
    begun = after((100.0, e.FilesChanged(("a.py",))), (100.1, e.SnapshotTaken("a", ("a.py",), 12.0)))
    stepped = after((100.2, e.BuildStepped("pip install", False, 900.0)), loop=begun)
    assert newest(stepped).waits_for == "built pip install"
    built = after(
        (100.3, e.BuildFinished("i", False, 40.0)), (100.4, e.BuildStepped("export", False, 1.0)), loop=stepped
    )
    assert newest(built).waits_for == ""


def test_a_push_of_an_image_is_a_phase_that_is_shown_while_it_runs_and_where_it_fails() -> None:
    begun = after((100.0, e.SnapshotTaken("a", ("a.py",), 12.0)), (100.5, e.ImageBuilt("a", 500.0)))
    assert "push image… 2s  a.py" in text_of(timeline(begun, (), cells=100, now_s=102.0)[0])
    failed = after((101.0, e.BuildFailed(e.Problem("cannot publish hello", "denied", "docker login"))), loop=begun)
    assert "failed at push image" in text_of(timeline(failed, (), cells=100, now_s=102.0)[0])
    pushed = after((101.0, e.BuildFinished("i", False, 500.0, push_ms=700.0)), loop=begun)
    assert [(phase.name, phase.took_ms) for phase in newest(pushed).phases] == [
        ("snapshot", 12.0), ("build", 500.0), ("push image", 700.0),
    ]  # fmt: skip
    assert "commit…" in text_of(timeline(pushed, (), cells=100, now_s=102.0)[0])


def test_an_image_that_was_built_of_an_older_save_says_nothing_of_the_newer_one() -> None:
    begun = after((100.0, e.SnapshotTaken("a", (), 12.0)), (100.2, e.SnapshotTaken("b", (), 12.0)))
    assert after((100.3, e.ImageBuilt("a", 300.0)), loop=begun) == begun
    assert after((100.3, e.BuildWaits("a", "the engine")), loop=begun) == begun
    assert newest(after((100.3, e.BuildWaits("b", "the engine")), loop=begun)).waits_for == "the engine"


def test_the_first_answer_is_a_phase_of_the_version_that_gave_it() -> None:
    live = after(*deployed(100.0, "a"), (100.5, e.WentLive("deploy-a")), (100.6, e.Answered("deploy-a", 200, 5.0)))
    assert (newest(live).phases[-1].name, newest(live).phases[-1].note) == ("answer", "HTTP 200")
