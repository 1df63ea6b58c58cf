"""The loop's mind: events in, state and the next step out. No files, no Git, no platform."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from coop_devloop import events as e
from coop_devloop.decide import Build, Commit, Hold, Push, Step, TakeSnapshot, decide
from coop_devloop.state import LoopState, Phase
from coop_devloop.update import begun, update

PASSING = e.Problem("cannot push", "the network is away", "wait", can_pass=True)
LASTING = e.Problem("cannot push", "a hook declined it", "ask whoever owns the hook")


@dataclass
class Loop:
    """Plays the worker: takes each step when it is decided, and answers when told to."""

    state: LoopState = field(default_factory=LoopState)
    now_s: float = 100.0

    def step(self) -> Step | Hold:
        step = decide(self.state, self.now_s)
        if not isinstance(step, Hold):
            self.state = begun(self.state, step.phase)
        return step

    def tell(self, event: e.Event) -> Step | Hold:
        self.state = update(self.state, e.Entry(self.now_s, event))
        return self.step()

    def up_to_push(self, snapshot: str = "s1", commit: str = "c1") -> Step | Hold:
        self.tell(e.SnapshotTaken(snapshot, ("app.py",), 10))
        self.tell(e.BuildFinished(f"image-{snapshot}", False, 20))
        return self.tell(e.DeployCommitted(commit, "base", 5))

    def up_to_live(self) -> None:
        self.step()
        self.up_to_push()
        self.tell(e.Pushed("c1", 25))
        self.tell(e.WentLive("c1"))


def test_a_fresh_loop_takes_a_snapshot_without_waiting_for_a_save() -> None:
    assert Loop().step() == TakeSnapshot()


def test_a_save_goes_through_every_phase_in_order() -> None:
    loop = Loop()
    assert loop.step() == TakeSnapshot()
    assert loop.tell(e.SnapshotTaken("s1", ("app.py",), 10)) == Build("s1")
    assert loop.tell(e.BuildFinished("image", False, 20)) == Commit("s1", "image")
    assert loop.tell(e.DeployCommitted("c1", "base", 5)) == Push("c1", "base")
    assert isinstance(loop.tell(e.Pushed("c1", 25)), Hold)
    assert loop.state.phase is Phase.ROLLOUT
    loop.now_s += 1
    loop.tell(e.WentLive("c1"))
    assert loop.state.live_commit == "c1"
    assert loop.state.last is not None
    assert [phase for phase, ms in loop.state.last.timings if ms] == PHASES


PHASES = ["snapshot", "build", "commit", "push", "rollout"]


def test_what_the_platform_is_seen_at_is_timed_apart() -> None:
    loop = Loop()
    loop.step()
    loop.tell(e.SnapshotTaken("s1", ("app.py",), 10, saved_s=99.5))
    loop.tell(e.BuildFinished("image", False, 20))
    loop.tell(e.DeployCommitted("c1", "base", 5, render_ms=3))
    loop.tell(e.Pushed("c1", 25))
    for on in ("sync", "operation", "rollout", "pods"):
        loop.now_s += 1
        loop.tell(e.RolloutWaits("c1", "…", on))
    loop.now_s += 1
    loop.tell(e.WentLive("c1"))
    assert loop.state.last is not None
    timings = dict(loop.state.last.timings)
    assert (timings["render"], timings["commit"]) == (3, 5)
    assert (timings["notice"], timings["sync"], timings["rollout"]) == (2000, 1000, 2000)


def test_the_phases_of_a_cycle_add_up_to_its_whole_time() -> None:
    loop = Loop()
    loop.up_to_live()
    loop.tell(e.FilesChanged(("app.py",)))
    loop.now_s += 0.1
    loop.up_to_push("s2", "c2")
    loop.tell(e.Pushed("c2", 25))
    loop.now_s += 2
    loop.tell(e.WentLive("c2"))
    assert loop.state.last is not None
    assert sum(ms for _, ms in loop.state.last.timings) == pytest.approx(2100)


def timings_of(built: e.BuildFinished) -> dict[str, float]:
    loop = Loop()
    loop.step()
    loop.tell(e.SnapshotTaken("s1", (), 10))
    loop.tell(e.ImageBuilt("s1", 20))
    loop.tell(built)
    assert loop.state.cycle is not None
    return dict(loop.state.cycle.timings)


def test_the_push_of_an_image_is_a_phase_and_its_time_is_counted_once() -> None:
    timings = timings_of(e.BuildFinished("image", False, 20, push_ms=7))
    assert list(timings) == ["noticed", "snapshot", "build", "push image"]
    assert (timings["build"], timings["push image"]) == (20, 7)


def test_where_no_image_is_pushed_there_is_no_such_phase() -> None:
    assert "push image" not in timings_of(e.BuildFinished("image", False, 20))


def test_a_save_during_a_build_is_looked_at_at_once_and_supersedes_it() -> None:
    loop = Loop()
    loop.step()
    assert loop.tell(e.SnapshotTaken("s1", (), 10)) == Build("s1")
    assert loop.tell(e.FilesChanged(("app.py",))) == TakeSnapshot()
    assert loop.tell(e.SnapshotTaken("s2", ("app.py",), 10)) == Build("s2")
    assert loop.tell(e.BuildFinished("new", False, 20)) == Commit("s2", "new")


def test_a_build_that_ends_while_the_files_are_looked_at_goes_no_further_before_it_is_known_to_be_newest() -> None:
    loop = Loop()
    loop.step()
    loop.tell(e.SnapshotTaken("s1", (), 10))
    loop.tell(e.FilesChanged(("app.py",)))
    assert loop.tell(e.BuildFinished("old", False, 20)) == Hold("busy with the snapshot")
    assert loop.tell(e.SnapshotTaken("s2", ("app.py",), 10)) == Build("s2")


def test_three_saves_during_a_build_take_a_snapshot_for_the_first_and_one_for_the_rest() -> None:
    loop = Loop()
    loop.step()
    loop.tell(e.SnapshotTaken("s1", (), 10))
    assert loop.tell(e.FilesChanged(("a.py",))) == TakeSnapshot()
    assert isinstance(loop.tell(e.FilesChanged(("b.py",))), Hold)
    assert isinstance(loop.tell(e.FilesChanged(("c.py",))), Hold)
    assert loop.state.changed_paths == ("b.py", "c.py")
    assert loop.tell(e.SnapshotTaken("s2", (), 10)) == TakeSnapshot()
    assert loop.tell(e.SnapshotTaken("s3", (), 10)) == Build("s3")
    assert loop.tell(e.BuildFinished("new", False, 20)) == Commit("s3", "new")


def test_a_save_before_the_push_keeps_the_stale_version_on_this_machine() -> None:
    loop = Loop()
    loop.step()
    loop.tell(e.SnapshotTaken("s1", (), 10))
    loop.tell(e.BuildFinished("old", False, 20))
    loop.tell(e.FilesChanged(("app.py",)))
    assert loop.tell(e.DeployCommitted("c1", "base", 5)) == TakeSnapshot()


def test_a_touched_file_lets_the_running_cycle_go_on_where_it_was() -> None:
    loop = Loop()
    loop.step()
    loop.tell(e.SnapshotTaken("s1", (), 10))
    loop.tell(e.FilesChanged(("app.py",)))
    assert loop.tell(e.SnapshotTaken("s1", (), 10)) == Hold("busy with the build")
    assert loop.tell(e.BuildFinished("image", False, 20)) == Commit("s1", "image")
    loop.tell(e.FilesChanged(("app.py",)))
    assert loop.tell(e.DeployCommitted("c1", "base", 5)) == TakeSnapshot()
    assert loop.tell(e.SnapshotTaken("s1", (), 10)) == Push("c1", "base")


def test_a_touched_file_does_nothing_when_its_version_is_live() -> None:
    loop = Loop()
    loop.up_to_live()
    assert loop.tell(e.FilesChanged(("app.py",))) == TakeSnapshot()
    assert loop.tell(e.SnapshotTaken("s1", (), 10)) == Hold("waiting for a save")


def test_going_live_while_the_next_snapshot_is_taken_is_not_lost() -> None:
    loop = Loop()
    loop.step()
    loop.up_to_push()
    loop.tell(e.Pushed("c1", 25))
    assert loop.tell(e.FilesChanged()) == TakeSnapshot()
    assert loop.tell(e.WentLive("c1")) == Hold("busy with the snapshot")
    assert loop.tell(e.SnapshotTaken("s1", (), 10)) == Hold("waiting for a save")
    assert loop.state.live_commit == "c1"


def test_news_of_a_superseded_version_is_never_taken_for_the_newest() -> None:
    loop = Loop()
    loop.step()
    loop.up_to_push()
    loop.tell(e.Pushed("c1", 25))
    loop.tell(e.FilesChanged(("app.py",)))
    loop.up_to_push("s2", "c2")
    loop.tell(e.Pushed("c2", 25))
    loop.tell(e.WentLive("c1"))
    assert loop.state.live_commit == ""
    assert loop.state.phase is Phase.ROLLOUT


def test_a_broken_build_waits_for_the_next_save_and_keeps_what_is_live() -> None:
    loop = Loop()
    loop.up_to_live()
    loop.tell(e.FilesChanged(("app.py",)))
    loop.tell(e.SnapshotTaken("s2", ("app.py",), 10))
    assert loop.tell(e.BuildFailed(LASTING)) == Hold("waiting for a save")
    assert loop.state.live_commit == "c1"
    assert loop.state.problem == LASTING


def test_saving_again_unchanged_after_a_failure_tries_again() -> None:
    loop = Loop()
    loop.step()
    loop.tell(e.SnapshotTaken("s1", (), 10))
    loop.tell(e.BuildFailed(LASTING))
    loop.tell(e.FilesChanged(("app.py",)))
    assert loop.tell(e.SnapshotTaken("s1", (), 10)) == Build("s1")


def test_looking_again_without_a_save_does_not_repeat_a_failure() -> None:
    loop = Loop()
    loop.step()
    loop.tell(e.SnapshotTaken("s1", (), 10))
    loop.tell(e.BuildFailed(LASTING))
    assert loop.tell(e.FilesChanged()) == TakeSnapshot()
    assert loop.tell(e.SnapshotTaken("s1", (), 10)) == Hold("waiting for a save")
    assert loop.state.problem == LASTING


def test_a_save_of_what_is_ignored_deploys_nothing() -> None:
    loop = Loop()
    loop.up_to_live()
    loop.tell(e.FilesChanged(("notes.txt",)))
    assert loop.tell(e.SnapshotTaken("s2", (), 10, is_same=True)) == Hold("waiting for a save")


def test_the_first_snapshot_is_deployed_also_when_it_is_the_same_as_that_of_an_earlier_loop() -> None:
    loop = Loop()
    loop.step()
    assert loop.tell(e.SnapshotTaken("s1", (), 10, is_same=True)) == Build("s1")


def test_a_change_that_no_event_told_of_is_found_and_said_to_be() -> None:
    loop = Loop()
    loop.up_to_live()
    assert loop.tell(e.FilesChanged()) == TakeSnapshot()
    assert loop.tell(e.SnapshotTaken("s2", ("app.py",), 10)) == Build("s2")
    assert loop.state.cycle is not None
    assert loop.state.cycle.was_missed


def test_a_snapshot_that_failed_beside_a_build_ends_the_cycle_and_the_next_one_is_new() -> None:
    loop = Loop()
    loop.step()
    loop.tell(e.SnapshotTaken("s1", (), 10))
    loop.tell(e.FilesChanged(("app.py",)))
    assert loop.tell(e.SnapshotFailed(LASTING)) == Hold("waiting for a save")
    loop.tell(e.FilesChanged())
    assert loop.tell(e.SnapshotTaken("s1", (), 10)) == Build("s1")


def test_a_push_that_somebody_overtook_is_committed_again_on_top() -> None:
    loop = Loop()
    loop.step()
    assert loop.up_to_push() == Push("c1", "base")
    assert loop.tell(e.PushOvertaken()) == Commit("s1", "image-s1")
    assert loop.tell(e.DeployCommitted("c2", "theirs", 5)) == Push("c2", "theirs")


def test_a_push_without_network_is_tried_again_later_and_later() -> None:
    loop = Loop()
    loop.step()
    loop.up_to_push()
    first = loop.tell(e.PushFailed(PASSING))
    assert first == Hold("trying the push again soon: the network is away", until_s=101.0)
    loop.now_s = 101.0
    assert loop.step() == Push("c1", "base")
    second = loop.tell(e.PushFailed(PASSING))
    assert second == Hold("trying the push again soon: the network is away", until_s=103.0)


def test_a_fetch_without_network_is_tried_again_and_goes_on_from_there() -> None:
    loop = Loop()
    loop.step()
    loop.tell(e.SnapshotTaken("s1", (), 10))
    loop.tell(e.BuildFinished("image", False, 20))
    held = loop.tell(e.DeployFailed(PASSING))
    assert held == Hold("trying the commit again soon: the network is away", until_s=101.0)
    loop.now_s = 101.0
    assert loop.step() == Commit("s1", "image")
    assert loop.tell(e.DeployCommitted("c1", "base", 5)) == Push("c1", "base")


def test_a_refused_push_is_not_repeated_until_something_is_saved() -> None:
    loop = Loop()
    loop.step()
    loop.up_to_push()
    assert loop.tell(e.PushFailed(LASTING)) == Hold("waiting for a save")
    loop.now_s += 3600
    assert loop.step() == Hold("waiting for a save")
    assert loop.tell(e.FilesChanged(("app.py",))) == TakeSnapshot()


def test_a_version_that_does_not_run_ends_the_cycle_with_its_reason() -> None:
    loop = Loop()
    loop.up_to_live()
    loop.tell(e.FilesChanged(("app.py",)))
    loop.up_to_push("s2", "c2")
    loop.tell(e.Pushed("c2", 25))
    loop.tell(e.RolloutFailed("c2", "crashed with exit code 1", ("SyntaxError",)))
    assert loop.state.problem is not None
    assert loop.state.problem.why == "crashed with exit code 1"
    assert loop.state.live_commit == "c1"


def test_a_failed_version_that_recovers_by_itself_is_live() -> None:
    loop = Loop()
    loop.step()
    loop.up_to_push()
    loop.tell(e.Pushed("c1", 25))
    loop.tell(e.RolloutFailed("c1", "crashed"))
    loop.tell(e.WentLive("c1"))
    assert loop.state.live_commit == "c1"
    assert loop.state.problem is None


def test_an_unchanged_render_waits_for_the_commit_that_is_there_already() -> None:
    loop = Loop()
    loop.step()
    loop.tell(e.SnapshotTaken("s1", (), 10))
    loop.tell(e.BuildFinished("image", True, 1))
    assert isinstance(loop.tell(e.NothingToDeploy("c0")), Hold)
    assert loop.state.phase is Phase.ROLLOUT
    loop.tell(e.WentLive("c0"))
    assert loop.state.live_commit == "c0"


def test_while_rolling_out_the_reason_is_the_platforms_own() -> None:
    loop = Loop()
    loop.step()
    loop.up_to_push()
    loop.tell(e.Pushed("c1", 25))
    reason = "Readiness probe failed: GET /healthz: connection refused"
    assert loop.tell(e.RolloutWaits("c1", reason)) == Hold(reason)
