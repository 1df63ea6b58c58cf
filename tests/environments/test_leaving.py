"""What `coop dev` does with the environment at its end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from coop_core.git import environments
from coop_core.paths import Home
from coop_core.platform.access import Access
from coop_core.settings import Settings
from coop_devloop import lock
from coop_tui import leaving
from coop_tui.leaving import Choice, decide, leave, understood
from coop_tui.workspace import Workspace
from tests.environments.test_sleeping import deploy

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.git.git_scene import Scene


def test_the_option_decides_whether_there_is_a_terminal_or_not() -> None:
    for choice in Choice:
        for is_terminal in (True, False):
            assert decide(choice.value, Choice.KEEP, is_terminal=is_terminal) == choice


def test_without_a_terminal_nothing_is_asked_and_the_environment_is_kept() -> None:
    for wish in (None, "ask"):
        assert decide(wish, Choice.DELETE, is_terminal=False) == Choice.KEEP


def test_at_a_terminal_one_is_asked_once_or_when_one_wants_to_be() -> None:
    assert decide(None, None, is_terminal=True) is None
    assert decide(None, Choice.SLEEP, is_terminal=True) == Choice.SLEEP
    assert decide("ask", Choice.SLEEP, is_terminal=True) is None


def test_an_answer_may_be_cut_short_but_is_never_guessed() -> None:
    assert [understood(text) for text in ("k", "SLEEP", " del ", "", "x", "keeps")] == [
        Choice.KEEP, Choice.SLEEP, Choice.DELETE, None, None, None,
    ]  # fmt: skip


@pytest.fixture
def workspace(scene: Scene, tmp_path: Path) -> Workspace:
    return Workspace(Home.under(tmp_path / "home"), Settings(), scene.repository, scene.work / "hello")


def access(tmp_path: Path) -> Access:
    return Access(tmp_path / "kubeconfig", None, "ada", "localhost", "http", 1, is_local=True)


def watched(workspace: Workspace, service: str, remote_url: str) -> AbstractContextManager[None]:
    """While it is entered, a dev loop of that service runs."""
    return lock.held(workspace.home.devloop("dev-ada", service), service, "dev-ada", remote_url)


def state(scene: Scene) -> str:
    found = environments.find(scene.repository, scene.remote, "dev-ada")
    return found.state(time.time()) if found else "none"


def test_sleep_delete_and_keep_do_what_they_say(
    scene: Scene, workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for wish, expected in (("keep", "awake"), ("sleep", "asleep"), ("delete", "none"), ("sleep", "none")):
        if expected != "none":
            deploy(scene)
        leave(workspace, access(tmp_path), wish)
        assert state(scene) == expected
    assert "There is no environment dev-ada to sleep." in capsys.readouterr().out
    assert leaving.recall(workspace.home) is None


def test_nothing_is_taken_from_another_dev_loop_in_the_same_environment(
    scene: Scene, workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(scene)
    with watched(workspace, "web", scene.remote.url):
        leave(workspace, access(tmp_path), "delete")
        assert capsys.readouterr().out == "dev-ada stays: web is still watched by another coop dev.\n"
        with watched(workspace, "api", scene.remote.url):
            leave(workspace, access(tmp_path), "delete")
    assert capsys.readouterr().out == "dev-ada stays: api, web are still watched by another coop dev.\n"
    assert state(scene) == "awake"
    leave(workspace, access(tmp_path), "delete")
    assert state(scene) == "none"


def test_a_dev_loop_of_another_repository_does_not_keep_this_one_s_environment(
    scene: Scene, workspace: Workspace, tmp_path: Path
) -> None:
    deploy(scene)
    with watched(workspace, "web", "https://git.example.org/other"):
        leave(workspace, access(tmp_path), "delete")
    assert state(scene) == "none"


def test_a_lock_that_does_not_tell_its_repository_counts(
    scene: Scene, workspace: Workspace, tmp_path: Path
) -> None:
    deploy(scene)
    with watched(workspace, "web", "https://git.example.org/other"):
        (workspace.home.devloop("dev-ada", "web") / "lock").write_text("17")
        leave(workspace, access(tmp_path), "delete")
    assert state(scene) == "awake"


def test_an_answer_is_remembered_and_a_broken_memory_is_none(tmp_path: Path) -> None:
    home = Home.under(tmp_path)
    assert leaving.recall(home) is None
    leaving.remember(home, Choice.SLEEP)
    assert leaving.recall(home) == Choice.SLEEP
    (home.state / "on-exit").write_text("burn\n")
    assert leaving.recall(home) is None


ASKING = """
import sys
from pathlib import Path
from coop_core.git import repository
from coop_core.paths import Home
from coop_core.platform.access import Access
from coop_core.settings import Settings
from coop_tui.leaving import leave
from coop_tui.workspace import Workspace
folder, home = map(Path, sys.argv[1:])
access = Access(home, None, "ada", "localhost", "http", 1, is_local=True)
leave(Workspace(Home.under(home), Settings(), repository.find(folder), folder), access, None)
"""


def at_a_terminal(scene: Scene, home: Path, typed: bytes) -> str:
    """What is shown when `coop dev` ends at a terminal where somebody types this."""
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", ASKING, str(scene.work), str(home)]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=dict(os.environ))
    os.close(theirs)
    os.write(ours, typed)
    shown = b""
    try:
        while chunk := os.read(ours, 4096):
            shown += chunk
    except OSError:  # how Linux says that the other side is closed
        pass
    os.close(ours)
    assert process.wait(30) == 0, shown
    return shown.decode()


def test_at_a_terminal_the_answer_is_asked_for_once_done_and_remembered(scene: Scene, tmp_path: Path) -> None:
    deploy(scene)
    first = at_a_terminal(scene, tmp_path, b"what\nsleep\n")
    assert "dev-ada is asleep" in first
    assert first.count("Keep it, put it to sleep") == 2
    assert state(scene) == "asleep"
    second = at_a_terminal(scene, tmp_path, b"")
    assert "Keep it" not in second
    assert "dev-ada is asleep" in second


def test_breaking_the_question_off_keeps_everything_and_remembers_nothing(scene: Scene, tmp_path: Path) -> None:
    deploy(scene)
    assert "Keep it" in at_a_terminal(scene, tmp_path, b"\x04")
    assert state(scene) == "awake"
    assert leaving.recall(Home.under(tmp_path)) is None


def test_the_option_offers_every_choice() -> None:
    import click

    @click.command()
    @leaving.option
    def command(**given: Any) -> None:
        raise AssertionError(given)

    (found,) = command.params
    assert isinstance(found.type, click.Choice)
    assert [str(choice) for choice in found.type.choices] == ["keep", "sleep", "delete", "ask"]
