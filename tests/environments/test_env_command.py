"""`coop env` as a person runs it, on a local platform."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from coop_core.git import deploying, repository
from tests.git.git_scene import request
from tests.whole.conftest import service, user
from tests.whole.whole_kit import PROGRAM, save, wait_until

if TYPE_CHECKING:
    from tests.whole.whole_kit import User

__all__ = ["service", "user"]

HOST = "hello.dev-ada.localhost"


def state(user: User) -> str:
    listed = json.loads(user.coop("env", "list", "-o", "json").out)["environments"]
    return next((str(one["state"]) for one in listed if one["name"] == "dev-ada"), "none")


def deployed_once(user: User) -> None:
    loop = user.start("dev")
    loop.until("live in", "✗")
    wait_until(lambda: user.get(HOST) == "one", "the first version is served")
    assert loop.stop() == 0


def test_an_environment_sleeps_wakes_and_goes_as_its_branch_says(service: User) -> None:
    deployed_once(service)
    slept = service.coop("env", "sleep")
    assert slept.code == 0, slept.err
    assert "coop env wake dev-ada" in slept.out
    wait_until(lambda: "asleep" in service.coop("status").out, "coop status says asleep")
    assert service.get(HOST) == ""
    assert state(service) == "asleep"
    assert service.coop("env", "wake").code == 0
    wait_until(lambda: service.get(HOST) == "one", "it answers again")
    assert state(service) == "awake"
    refused = service.coop("env", "delete")
    assert (refused.code, "coop env delete dev-ada --yes" in refused.err) == (2, True)
    assert service.coop("env", "delete", "--yes").code == 0
    wait_until(lambda: "No services yet" in service.coop("status").out, "nothing is left")
    assert state(service) == "none"


def test_a_save_wakes_a_sleeping_environment(service: User) -> None:
    deployed_once(service)
    assert service.coop("env", "sleep").code == 0
    wait_until(lambda: service.get(HOST) == "", "it sleeps")
    save(service.folder / "app.py", PROGRAM.format(message="two"))
    loop = service.start("dev")
    wait_until(lambda: service.get(HOST) == "two", f"the save is served; the loop said\n{loop.text}")
    assert loop.stop() == 0
    assert state(service) == "awake"


def test_what_has_expired_is_taken_down_told_and_comes_back_with_a_commit(service: User) -> None:
    deployed_once(service)
    found = repository.find(service.folder)
    remote = repository.remote(found)
    listing = service.git("ls-tree", "-r", "--name-only", "env/dev-ada", folder=service.folder.parent / "hello.git")
    files = {
        name.removeprefix("hello/"): service.git(
            "show", f"env/dev-ada:{name}", folder=service.folder.parent / "hello.git"
        ).encode()
        for name in listing.split("\n")
    }
    deploying.deploy(found, remote, request(files={**files, "x.yaml": CONFIG}, lifetime_s=-5.0))
    wait_until(lambda: "dev-ada expired at" in service.coop("status").out, "coop status says expired")
    assert service.get(HOST) == ""
    assert state(service) == "expired"
    assert service.coop("env", "wake").code == 0
    wait_until(lambda: service.get(HOST) == "one", "it answers again")
    assert "expired" not in service.coop("status").out


CONFIG = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: dev-ada}\n"


def test_a_folder_without_a_repository_says_what_to_do(user: User) -> None:
    done = user.coop("env", "list")
    assert (done.code, "git init" in done.err) == (4, True)
