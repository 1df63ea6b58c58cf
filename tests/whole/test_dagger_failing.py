"""`coop dev` with Dagger when something goes wrong: what is said, what goes on, what is left."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from coop_core.platform import record as records
from tests.build_dagger.session_server import Fault, exec_fault
from tests.whole.dagger_kit import HOST, Team
from tests.whole.whole_kit import DYING, save, wait_until

if TYPE_CHECKING:
    from tests.whole.whole_kit import Running, User

KEEPS = "keeps running; the next save tries again"


def serves(team: Team, message: str, loop: Running) -> None:
    wait_until(lambda: team.user.get(HOST) == message, lambda: f"{message} is served; the loop said\n{loop.text}")


def live(team: Team) -> Running:
    """A dev loop whose first version answers."""
    team.runs_what_is_published()
    loop = team.user.start("dev", "--no-logs")
    loop.until("live in", "✗")
    serves(team, "one", loop)
    return loop


def reached(team: Team, name: str, loop: Running) -> None:
    wait_until(lambda: name in team.journal("reached"), lambda: f"{name} is reached; the loop said\n{loop.text}")


@pytest.mark.parametrize(
    ("broken", "code", "said"),
    [
        ("no repository", 4, ["no Git repository", "hint: git init"]),
        ("no coop.yaml", 3, ["there is no coop.yaml", "run: python app.py"]),
        ("bad coop.yaml", 3, ["coop.yaml:2", "hint: write port"]),
    ],
)
def test_what_is_wrong_with_the_folder_is_told_before_a_session_starts(
    user: User, broken: str, code: int, said: list[str]
) -> None:
    team = Team.of(user)
    if broken != "no repository":
        user.git("init", "--quiet")
    if broken == "bad coop.yaml":
        (user.folder / "coop.yaml").write_text("name: hello\nprot: 8080\nrun: python app.py\n")
    refused = user.coop("dev")
    assert refused.code == code
    for text in said:
        assert text in refused.err
    assert "Traceback" not in refused.err
    assert team.journal("start") == []
    assert user.processes() == []


@pytest.mark.parametrize(("broken", "said"), DYING.values(), ids=DYING)
def test_a_program_that_dies_is_shown_with_its_last_words_and_the_old_one_serves(
    team: Team, broken: str, said: str
) -> None:
    loop = live(team)
    save(team.user.folder / "app.py", broken)
    loop.until("does not run")
    loop.until(said)
    loop.until(KEEPS)
    assert team.user.get(HOST) == "one"
    team.save("mended")
    serves(team, "mended", loop)


def test_a_program_that_never_gets_ready_is_shown_with_the_reason_and_the_old_one_serves(team: Team) -> None:
    (team.user.folder / "k8s").mkdir()
    (team.user.folder / "k8s" / "patience.yaml").write_text(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: hello}\nspec: {progressDeadlineSeconds: 3}\n"
    )
    loop = live(team)
    save(team.user.folder / "app.py", "import time\nprint('dozing', flush=True)\ntime.sleep(3600)\n")
    loop.until("Readiness probe failed")
    loop.until("did not become ready in time")
    assert team.user.get(HOST) == "one"


def test_a_build_step_that_fails_shows_command_code_and_last_lines_and_the_old_one_serves(team: Team) -> None:
    (team.user.folder / "Dockerfile").write_text("FROM python:3.13-slim\nCOPY . .\nRUN python -m compileall .\n")
    loop = live(team)
    said = '  File "./app.py", line 1\n    def oops(:\nSyntaxError: invalid syntax\n'
    team.fault(exec_fault("Container.sync", ["/bin/sh", "-c", "python -m compileall ."], 1, stdout=said))
    save(team.user.folder / "app.py", "def oops(:\n")
    loop.until("│ SyntaxError: invalid syntax")
    loop.until(KEEPS)
    assert "Dockerfile:3: `python -m compileall .` ended with 1" in loop.text
    assert team.events("BuildFailed")[0]["lines"] == said.splitlines()
    assert team.user.get(HOST) == "one"
    team.save("mended")
    serves(team, "mended", loop)
    assert len(team.journal("start")) == 1


def test_a_step_that_an_engine_or_a_registry_refuses_is_told_with_what_helps_and_the_next_save_goes_live(
    team: Team,
) -> None:
    loop = live(team)
    refusals = [
        ("Container.publish", "401 Unauthorized", "hint: docker login registry.example.org; or set COOP_REGISTRY"),
        ("Container.publish", "dial tcp: connection refused", "hint: check that registry.example.org answers from"),
        ("Container.publish", "push layer: no space left on device", "hint: free disk space where Dagger's engine"),
        (
            "Container.sync",
            "write /var/lib/dagger: no space left on device",
            "dagger core engine local-cache prune",
        ),
        ("Directory.sync", "read tcp: broken pipe", "hint: save again to try it once more"),
    ]
    for number, (where, told, helps) in enumerate(refusals):
        loop.lines.clear()
        team.fault(Fault(where, "error", told))
        team.save(f"refused {number}")
        loop.until(helps)
        assert told in loop.text
        assert KEEPS in loop.text
    assert team.user.get(HOST) == "one"
    team.save("mended")
    serves(team, "mended", loop)
    assert len(team.journal("start")) == 1
    # Each image was sent once: the first, the three that were refused, and the last.
    assert team.journal("reached").count("Container.publish") == 5


def test_a_remote_that_refuses_the_push_is_quoted_and_what_is_live_stays(team: Team) -> None:
    loop = live(team)
    hook = team.remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'environments are frozen' >&2\nexit 1\n")
    hook.chmod(0o755)
    team.save("two")
    loop.until("environments are frozen")
    loop.until("hint: ask whoever runs the Git server")
    assert team.user.get(HOST) == "one"
    hook.unlink()
    team.save("three")
    serves(team, "three", loop)


def test_a_second_loop_on_the_same_environment_is_told_who_has_it_and_leaves_no_session(team: Team) -> None:
    loop = live(team)
    [first] = team.sessions()
    second = team.user.coop("dev")
    assert second.code == 6
    assert f"process {loop.process.pid} runs one in dev-ada already" in second.err
    assert team.sessions() == [first]


@pytest.mark.parametrize(
    "moment", ["start", "Query.version", "Directory.sync", "Container.sync", "Container.publish"]
)
def test_ctrl_c_at_any_moment_ends_the_session_and_leaves_the_repository_clean(team: Team, moment: str) -> None:
    hanging = {"waits_for": "/nowhere"} if moment == "start" else {"faults": [{"on": moment, "do": "hang"}]}
    team.plan(hanging)
    loop = team.user.start("dev", "--no-logs")
    loop.until("watching")
    wait_until(lambda: moment in team.journal("reached") or (moment == "start" and team.journal("start")), moment)
    assert loop.stop(signal.SIGINT) == 0
    assert "Traceback" not in loop.text
    assert team.sessions() == []
    assert team.user.git("status", "--porcelain") == ""
    team.user.git("fsck", "--strict")
    assert team.user.git("--git-dir", str(team.remote), "branch", "--list", "env/*") == ""
    again = team.user.start("dev", "--no-logs")
    wait_until(lambda: team.events("Pushed"), lambda: f"the next loop goes on; it said\n{again.text}")


def test_kill_9_of_coop_dev_during_a_build_ends_its_session(team: Team) -> None:
    team.plan({"faults": [{"on": "Container.sync", "do": "hang"}]})
    loop = team.user.start("dev", "--no-logs")
    reached(team, "Container.sync", loop)
    loop.process.kill()
    wait_until(lambda: team.sessions() == [], "the session has ended")
    team.user.git("fsck", "--strict")
    again = team.user.start("dev", "--no-logs")
    wait_until(lambda: team.events("Pushed"), lambda: f"the next loop goes on; it said\n{again.text}")


def test_kill_9_of_the_platform_during_a_build_loses_nothing(team: Team, tmp_path: Path) -> None:
    loop = live(team)
    team.fault(Fault("Container.sync", "hang", until=str(tmp_path / "go")))
    before = len(team.events("Pushed"))
    team.save("two")
    wait_until(lambda: team.journal("reached").count("Container.sync") == 2, "the build is under way")
    os.kill(team.user.platform().pid, signal.SIGKILL)
    loop.until("the platform is away")
    (tmp_path / "go").touch()
    wait_until(
        lambda: len(team.events("Pushed")) > before, lambda: f"it is built and in Git; the loop said\n{loop.text}"
    )
    wait_until(lambda: not records.is_held(team.user.home.platform), "the platform is dead")
    assert team.user.coop("platform", "up").code == 0
    loop.until("the platform is back")
    serves(team, "two", loop)
    assert len(team.journal("start")) == 1


def test_a_session_that_dies_in_a_build_is_replaced_once_and_then_reported(team: Team) -> None:
    dies = {"dies_on": "Container.sync"}
    team.plan(dies, {}, dies, dies)
    loop = team.user.start("dev", "--no-logs")
    wait_until(lambda: team.events("Pushed"), lambda: f"nobody notices; the loop said\n{loop.text}")
    assert "✗" not in loop.text
    os.kill(team.sessions()[0], signal.SIGKILL)
    wait_until(lambda: team.sessions() == [], "the session is gone")
    team.save("two")
    loop.until("the Dagger session was lost twice")
    assert "hint: check that the engine runs (docker ps), then save again" in loop.text
    assert len(team.journal("start")) == 4
    team.save("three")
    wait_until(
        lambda: len(team.events("Pushed")) == 2, lambda: f"the next save goes on; the loop said\n{loop.text}"
    )
    assert team.journal("reached").count("Container.publish") == 2


def test_without_a_cli_the_way_to_get_one_is_shown(team: Team) -> None:
    (team.user.folder.parent / "bin" / "dagger").unlink()
    folders = team.user.environ["PATH"].split(":")
    team.user.environ["PATH"] = ":".join(f for f in folders if not (Path(f) / "dagger").exists())
    loop = team.user.start("dev", "--no-logs")
    loop.until("dl.dagger.io/dagger/install.sh")
    assert "cannot build with Dagger" in loop.text


def test_an_engine_that_does_not_answer_is_told_and_the_next_save_looks_again(team: Team) -> None:
    said = "Error: start engine: Cannot connect to the Docker daemon. Is the docker daemon running?"
    team.plan({"say": said, "end": 1})
    loop = team.user.start("dev", "--no-logs")
    loop.until("hint: start Docker or Podman, or name an engine in the settings")
    assert f"cannot start Dagger\n          {said}" in loop.text
    team.save("two")
    wait_until(lambda: team.events("Pushed"), lambda: f"the next save goes on; the loop said\n{loop.text}")


def test_a_save_while_an_older_one_is_pushed_to_the_registry_goes_live_instead(team: Team) -> None:
    loop = live(team)
    team.fault(Fault("Container.publish", "hang"))
    team.save("older")
    loop.until("pushing the image")
    assert team.journal("reached").count("Container.publish") == 2
    team.save("newest")
    serves(team, "newest", loop)
    assert len(team.events("Pushed")) == 2
    assert team.journal("reached").count("Container.publish") == 3
    assert len(team.journal("start")) == 1
    trailer = "--format=%(trailers:key=Coop-Source-Commit,valueonly)"
    sources = team.user.git("--git-dir", str(team.remote), "log", trailer, "env/dev-ada").split()
    assert len(sources) == 2
    assert 'MESSAGE = "newest"' in team.user.git("show", f"{sources[0]}:app.py")
