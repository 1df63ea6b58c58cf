"""Whose the personal environment is, for every command."""

from __future__ import annotations

import fcntl
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from coop_core.git.repository import find
from coop_core.local.runtime import processes
from coop_core.paths import Home
from coop_core.platform import owner
from coop_core.platform import record as records
from coop_core.settings import Cluster, Settings
from coop_tui.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Git knows Ada; the platform that ran last here was Bob's."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    subprocess.run(["git", "config", "--global", "user.email", "ada@example.org"], check=True)
    home = Home.under(tmp_path / "home")
    home.platform.mkdir(parents=True)
    process = processes.identify(os.getpid())
    assert process is not None
    records.write(home.platform, records.Record(process.pid, process.began, 0.0, "bob", 1, 2, 3))
    return home


def test_a_platform_keeps_the_user_that_it_had_whatever_git_says_now(home: Home, tmp_path: Path) -> None:
    assert owner.user(home, Settings(), tmp_path) == "bob"


def test_commands_beside_a_service_mean_the_same_environment(home: Home, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    assert Workspace(home, Settings(), find(tmp_path), tmp_path).user() == "bob"


def test_the_first_platform_takes_git_s_identity(tmp_path: Path, home: Home) -> None:
    assert owner.user(Home.under(tmp_path / "new"), Settings(), tmp_path) == "ada"


def test_settings_that_name_a_user_count_as_soon_as_no_other_platform_runs(home: Home, tmp_path: Path) -> None:
    assert owner.user(home, Settings(user="Grace H"), tmp_path) == "grace-h"
    with records.lock_file(home.platform).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert owner.user(home, Settings(user="Grace H"), tmp_path) == "bob"


def test_a_cluster_has_nothing_to_do_with_the_local_platform_s_user(home: Home, tmp_path: Path) -> None:
    assert owner.user(home, Settings(cluster=Cluster(kubeconfig="/x")), tmp_path) == "ada"
