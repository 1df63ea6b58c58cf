"""What the event log says about time."""

from __future__ import annotations

from coop_devloop import events as e
from coop_devloop.stats import Spread, of_entries

PROBLEM = e.Problem("what", "why", "remedy")


def test_every_phase_has_its_median_and_what_nineteen_of_twenty_stay_below() -> None:
    entries = [
        (0.0, e.WentLive("c", phases={"rollout": float(ms), "push image": 2.0, "build": 1.0}, total_ms=ms + 3))
        for ms in range(1, 101)
    ]
    found = of_entries(entries)
    assert list(found.phases) == ["build", "push image", "rollout"]
    assert found.phases["rollout"] == Spread(50.0, 95.0, 100)
    assert found.total == Spread(53.0, 98.0, 100)


def test_one_cycle_is_its_own_median() -> None:
    found = of_entries(
        [(0.0, e.WentLive("c", phases={"build": 7.0}, total_ms=7.0)), (0.1, e.Answered("c", 200, 3.0))]
    )
    assert found.phases == {"build": Spread(7.0, 7.0, 1), "answer": Spread(3.0, 3.0, 1)}


def test_failures_are_counted_and_what_passes_by_itself_is_none() -> None:
    passing = e.Problem("what", "why", "remedy", can_pass=True)
    found = of_entries([(0.0, e.BuildFailed(PROBLEM)), (0.0, e.PushFailed(passing)), (0.0, e.PushFailed(PROBLEM))])
    assert (found.cycles, found.failed, found.total) == (0, 2, None)


def test_a_version_that_recovers_by_itself_counts_as_no_cycle() -> None:
    assert of_entries([(0.0, e.WentLive("c"))]).cycles == 0


def test_a_version_that_crashes_after_it_was_live_counts_as_no_failure() -> None:
    live = e.WentLive("c", phases={"build": 1.0}, total_ms=1.0)
    found = of_entries(
        [(0.0, live), (9.0, e.RolloutFailed("c", "crashed")), (10.0, e.RolloutFailed("d", "crashed"))]
    )
    assert (found.cycles, found.failed) == (1, 1)
