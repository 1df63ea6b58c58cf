"""Which repositories the local platform is told to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.agent import configuration
from coop_core.git import repository
from coop_core.paths import Home
from coop_core.platform import remotes
from tests.git.git_scene import git

if TYPE_CHECKING:
    from pathlib import Path


def test_a_repository_is_read_from_one_remote_whichever_of_its_work_trees_names_it(tmp_path: Path) -> None:
    home, work, beside, other = Home.under(tmp_path / "home"), *(tmp_path / name for name in ("a", "b", "other"))
    for folder in (work, other):
        git(tmp_path, "init", "--quiet", str(folder))
    git(work, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--allow-empty", "-m", "start")
    git(work, "worktree", "add", "--quiet", str(beside))
    remotes.follow(home, repository.find(other), "https://example.org/other")
    remotes.follow(home, repository.find(work), "https://example.org/before")
    remotes.follow(home, repository.find(beside), "https://example.org/before")
    remotes.follow(home, repository.find(work), "https://example.org/now")
    read = configuration.read(remotes.config_file(home))
    assert read.urls == ("https://example.org/other", "https://example.org/now")
