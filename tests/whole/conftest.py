"""Users with a home of their own, and a service to work on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from coop_core.paths import Home
from tests.whole.dagger_kit import Team
from tests.whole.whole_kit import User, wait_until, write_service

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def user(tmp_path: Path) -> Iterator[User]:
    """A user with an empty home and a settings file that takes any free port."""
    home = Home.under(tmp_path / "home")
    home.config.mkdir(parents=True)
    home.settings_file.write_text('user = "ada"\nport = 0\n')
    folder = tmp_path / "work"
    folder.mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TERM") if name in os.environ}
    gitconfig = tmp_path / "gitconfig"
    gitconfig.write_text("[user]\n\tname = Ada\n\temail = ada@example.org\n[init]\n\tdefaultBranch = main\n")
    environ = {
        **kept,
        **home.environ(),
        "HOME": str(tmp_path),
        "GIT_CONFIG_GLOBAL": str(gitconfig),
        "COLUMNS": "100",
    }
    person = User(home, folder, environ)
    yield person
    for running in person.running:
        running.close()
    person.coop("platform", "down")
    wait_until(lambda: person.processes() == [], lambda: f"nothing is left, but {person.processes()} is")


@pytest.fixture
def service(user: User) -> User:
    """The user stands in a committed repository with a small service in it, and a remote beside it."""
    remote = user.folder.parent / "hello.git"
    user.git("init", "--bare", "--quiet", str(remote))
    user.git("init", "--quiet")
    user.git("remote", "add", "origin", str(remote))
    write_service(user.folder, "one")
    user.git("add", "-A")
    user.git("commit", "--quiet", "-m", "start")
    return user


@pytest.fixture
def team(service: User) -> Team:
    """The user's settings name a cluster, which runs, and a registry; there is a Dagger CLI on PATH."""
    assert service.coop("platform", "up").code == 0
    return Team.of(service)
