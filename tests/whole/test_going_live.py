"""`coop dev` when all goes well, and when it does not: what runs, what is said, what is left."""

from __future__ import annotations

import os
import shutil
import signal
from typing import TYPE_CHECKING

import psutil
import pytest

from coop_core.platform import record as records
from tests.whole.whole_kit import DYING, PROGRAM, save, wait_until, write_service

if TYPE_CHECKING:
    from tests.whole.whole_kit import Running, User

HOST = "hello.dev-ada.localhost"


def live(service: User, message: str = "one") -> Running:
    """A dev loop whose first version answers."""
    loop = service.start("dev")
    loop.until("live in", "✗")
    wait_until(lambda: service.get(HOST) == message, lambda: f"{message} is served; the loop said\n{loop.text}")
    return loop


def deployed(service: User) -> str:
    """The program as it was in the snapshot that the newest deploy commit on the remote names."""
    trailer = "--format=%(trailers:key=Coop-Source-Commit,valueonly)"
    source = service.git("log", "-1", trailer, "env/dev-ada", folder=service.folder.parent / "hello.git")
    return service.git("show", f"{source}:app.py")


def test_a_save_is_served_and_its_deploy_commit_is_on_the_remote(service: User) -> None:
    loop = live(service)
    assert 'MESSAGE = "one"' in deployed(service)
    save(service.folder / "app.py", PROGRAM.format(message="two"))
    wait_until(lambda: service.get(HOST) == "two", lambda: f"the save is served; the loop said\n{loop.text}")
    assert 'MESSAGE = "two"' in deployed(service)
    assert service.git("status", "--porcelain") == "M app.py"
    loop.until("listening with two")
    assert loop.stop() == 0
    assert service.get(HOST) == "two"


def test_the_newest_of_many_quick_saves_is_what_stays(service: User) -> None:
    loop = live(service)
    for number in range(8):
        save(service.folder / "app.py", PROGRAM.format(message=f"save {number}"))
    wait_until(
        lambda: service.get(HOST) == "save 7", lambda: f"the last save is served; the loop said\n{loop.text}"
    )
    assert 'MESSAGE = "save 7"' in deployed(service)


@pytest.mark.parametrize(("broken", "said"), DYING.values(), ids=DYING)
def test_a_program_that_dies_is_shown_with_its_last_words_and_the_old_one_serves(
    service: User, broken: str, said: str
) -> None:
    loop = live(service)
    save(service.folder / "app.py", broken)
    loop.until("does not run")
    loop.until(said)
    loop.until("keeps running")
    assert "/rootfs/" not in loop.text, "files are named as they are here"
    assert service.get(HOST) == "one"
    save(service.folder / "app.py", PROGRAM.format(message="mended"))
    wait_until(lambda: service.get(HOST) == "mended", lambda: f"the mend is served; the loop said\n{loop.text}")


def test_a_program_that_never_gets_ready_is_shown_with_the_reason_and_the_old_one_serves(service: User) -> None:
    (service.folder / "k8s").mkdir()
    (service.folder / "k8s" / "patience.yaml").write_text(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: hello}\nspec: {progressDeadlineSeconds: 3}\n"
    )
    loop = live(service)
    save(service.folder / "app.py", "import time\nprint('dozing', flush=True)\ntime.sleep(3600)\n")
    loop.until("Readiness probe failed")
    loop.until("did not become ready in time")
    assert service.get(HOST) == "one"


def test_a_remote_that_refuses_is_quoted_and_what_is_live_stays(service: User) -> None:
    loop = live(service)
    hook = service.folder.parent / "hello.git" / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'environments are frozen' >&2\nexit 1\n")
    hook.chmod(0o755)
    save(service.folder / "app.py", PROGRAM.format(message="two"))
    loop.until("environments are frozen")
    loop.until("hint: ask whoever runs the Git server")
    assert service.get(HOST) == "one"
    hook.unlink()
    save(service.folder / "app.py", PROGRAM.format(message="three"))
    wait_until(lambda: service.get(HOST) == "three", lambda: f"the next save is served; the loop said\n{loop.text}")


def test_a_remote_that_is_gone_is_told_and_saves_go_on_once_it_is_back(service: User) -> None:
    loop = live(service)
    remote = service.folder.parent / "hello.git"
    away = remote.rename(remote.with_name("away.git"))
    save(service.folder / "app.py", PROGRAM.format(message="two"))
    loop.until("hint:")
    assert "Traceback" not in loop.text
    assert service.get(HOST) == "one"
    away.rename(remote)
    save(service.folder / "app.py", PROGRAM.format(message="three"))
    wait_until(lambda: service.get(HOST) == "three", lambda: f"the next save is served; the loop said\n{loop.text}")


def test_a_second_loop_on_the_same_environment_is_told_who_has_it(service: User) -> None:
    loop = live(service)
    second = service.coop("dev")
    assert second.code == 6
    assert f"process {loop.process.pid} runs one in dev-ada already" in second.err
    assert f"hint: use that terminal, or end it with: kill {loop.process.pid}" in second.err


@pytest.mark.parametrize("moment", ["watching", "→", "live in"])
def test_ctrl_c_at_any_moment_ends_quietly_and_leaves_the_repository_clean(service: User, moment: str) -> None:
    loop = service.start("dev")
    loop.until(moment)
    assert loop.stop(signal.SIGINT) == 0
    assert "Traceback" not in loop.text
    assert service.git("status", "--porcelain") == ""
    service.git("fsck", "--strict")
    again = service.start("dev")
    again.until("live in", "live again")
    wait_until(lambda: service.get(HOST) == "one", "it goes live after all")


def test_kill_9_of_the_platform_is_told_and_coming_back_goes_on(service: User) -> None:
    loop = live(service)
    platform = service.platform()
    pod = next(p for p in psutil.process_iter(["cmdline"]) if (p.info["cmdline"] or [])[-1:] == ["app.py"])
    os.kill(platform.pid, signal.SIGKILL)
    loop.until("the platform is away")
    wait_until(lambda: not records.is_held(service.home.platform), "the platform is dead")
    assert service.coop("platform", "up").code == 0
    loop.until("the platform is back")
    assert service.get(HOST) == "one"
    assert pod.is_running(), "the pod was adopted, not started again"
    save(service.folder / "app.py", PROGRAM.format(message="two"))
    wait_until(lambda: service.get(HOST) == "two", lambda: f"saves go on; the loop said\n{loop.text}")


def test_images_that_were_thrown_away_are_made_again_with_no_word_of_what_was_wrong_before(service: User) -> None:
    first = live(service)
    first.stop()
    service.coop("platform", "down")
    shutil.rmtree(service.home.images)
    service.coop("platform", "up")
    wait_until(lambda: "cannot be fetched" in service.coop("status").out, "the platform misses the image")
    second = live(service)
    assert "✗" not in second.text, second.text


def test_a_platform_that_was_killed_and_is_not_wanted_any_more_leaves_no_process(service: User) -> None:
    live(service).stop()
    os.kill(service.platform().pid, signal.SIGKILL)
    wait_until(lambda: not records.is_held(service.home.platform), "the platform is dead")
    down = service.coop("platform", "down")
    assert down.out == "The local platform is stopped.\n"
    wait_until(lambda: not [line for line in service.processes() if "app.py" in line], "the pod is gone")


def test_no_repository_is_told_with_the_command_that_helps(user: User) -> None:
    (user.folder / "coop.yaml").write_text("name: hello\nrun: python app.py\n")
    refused = user.coop("dev")
    assert refused.code == 4
    assert "no Git repository" in refused.err
    assert "hint: git init" in refused.err
    assert user.processes() == []


def test_no_coop_yaml_is_told_with_what_to_write(user: User) -> None:
    user.git("init", "--quiet")
    refused = user.coop("dev")
    assert refused.code == 3
    assert "there is no coop.yaml" in refused.err
    assert "run: python app.py" in refused.err
    assert user.processes() == []


def test_a_bad_coop_yaml_is_told_with_line_and_remedy_before_anything_starts(service: User) -> None:
    (service.folder / "coop.yaml").write_text("name: hello\nrun: python app.py\nprot: 8080\n")
    refused = service.coop("dev")
    assert refused.code == 3
    assert "coop.yaml:3" in refused.err
    assert "port" in refused.err.partition("hint:")[2]
    assert service.processes() == []


def test_a_repository_without_a_remote_gets_one_on_this_disk(user: User) -> None:
    user.git("init", "--quiet")
    write_service(user.folder, "one")
    live(user)
    assert user.git("remote") == ""
    assert list((user.home.platform / "git").glob("work-*.git"))
