"""The loop's mind: events in, state and the next step out. No files, no Git, no platform."""

from __future__ import annotations

from dataclasses import dataclass, field

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
    assert [phase for phase, _ in loop.state.last.timings] == ["snapshot", "build", "commit", "push", "rollout"]


def test_the_phases_of_a_cycle_add_up_to_its_whole_time() -> None:
    loop = Loop()
    loop.up_to_live()
    loop.tell(e.FilesChanged(("app.py",)))
    loop.up_to_push("s2", "c2")
    loop.tell(e.Pushed("c2", 25))
    loop.now_s += 2
    loop.tell(e.WentLive("c2"))
    assert loop.state.last is not None
    assert sum(ms for _, ms in loop.state.last.timings) == 2000


def test_a_save_during_a_build_drops_the_build_and_takes_a_new_snapshot() -> None:
    loop = Loop()
    loop.step()
    assert loop.tell(e.SnapshotTaken("s1", (), 10)) == Build("s1")
    assert loop.tell(e.FilesChanged(("app.py",))) == Hold("busy with the build")
    assert loop.tell(e.BuildFinished("old", False, 20)) == TakeSnapshot()
    assert loop.tell(e.SnapshotTaken("s2", ("app.py",), 10)) == Build("s2")


def test_three_saves_during_a_build_take_exactly_one_more_snapshot() -> None:
    loop = Loop()
    loop.step()
    loop.tell(e.SnapshotTaken("s1", (), 10))
    for name in ("a.py", "b.py", "c.py"):
        loop.tell(e.FilesChanged((name,)))
    assert loop.state.changed_paths == ("a.py", "b.py", "c.py")
    assert loop.tell(e.BuildFinished("old", False, 20)) == TakeSnapshot()
    assert loop.tell(e.SnapshotTaken("s2", (), 10)) == Build("s2")
    assert loop.tell(e.BuildFinished("new", False, 20)) == Commit("s2", "new")


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
    assert loop.tell(e.BuildFinished("image", False, 20)) == TakeSnapshot()
    assert loop.tell(e.SnapshotTaken("s1", (), 10)) == Commit("s1", "image")


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
