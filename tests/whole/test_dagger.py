"""`coop dev` with a cluster in the settings: images by Dagger, named by digest in Git."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from tests.whole.dagger_kit import HOST, REGISTRY
from tests.whole.whole_kit import save, wait_until

if TYPE_CHECKING:
    from tests.whole.dagger_kit import Team


def test_a_save_becomes_an_image_whose_digest_is_in_git(team: Team) -> None:
    running = team.user.start("dev", "--no-logs")
    wait_until(lambda: team.events("Pushed"), lambda: f"the first version is in Git: {running.text}")
    first = team.image_in_git()
    assert first.startswith("registry.example.org/team/hello@sha256:")
    assert first == team.events("BuildFinished")[0]["image"]
    save(team.user.folder / "app.py", "print('two')\n")
    wait_until(lambda: len(team.events("Pushed")) == 2, lambda: f"the second version is in Git: {running.text}")
    assert team.image_in_git() not in ("", first)
    wait_until(lambda: team.events("BuildStepped"), "steps are in the event log")
    assert {"name", "was_cached", "took_ms"} <= set(team.events("BuildStepped")[0])
    assert len(team.journal("start")) == 1
    assert running.stop(signal.SIGINT) in (0, 130)
    assert team.journal("end") == team.journal("start")


def test_what_is_published_is_what_answers_and_its_push_is_a_phase_of_its_own(team: Team) -> None:
    team.runs_what_is_published()
    running = team.user.start("dev", "--no-logs")
    running.until("live in", "✗")
    wait_until(lambda: team.user.get(HOST) == "one", lambda: f"it is served; the loop said\n{running.text}")
    team.save("two")
    wait_until(lambda: team.user.get(HOST) == "two", lambda: f"the save is served; the loop said\n{running.text}")
    [*_, live] = team.events("WentLive")
    phases = list(live["phases"])
    assert phases.index("build") + 1 == phases.index("push image") < phases.index("push")
    assert live["phases"]["push image"] > 0
    assert " · push image " in running.text
    table = team.user.coop("stats").out
    assert table.index("build") < table.index("push image") < table.index("rollout")


def test_what_does_not_go_together_is_said_before_anything_starts(team: Team) -> None:
    team.settings()
    done = team.user.coop("dev")
    assert done.code == 3
    assert "the settings name no registry" in done.err
    assert 'address = "ghcr.io/<you>"' in done.err
    team.settings(REGISTRY, builder="local")
    assert "what the local builder makes is on this machine alone" in team.user.coop("dev").err
    team.settings(REGISTRY, builder="dagger", cluster=False)
    done = team.user.coop("dev")
    assert done.code == 3
    assert "the local platform runs programs as they are, and no container images" in done.err
    assert 'remove builder = "dagger"' in done.err
    team.settings('[registry]\naddress = "https://ghcr.io"\n')
    assert "without https:// and without a tag" in team.user.coop("dev").err
