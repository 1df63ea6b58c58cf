from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from coop_core.git import refs, remotes

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "r.git"
    git(tmp_path, "init", "--quiet", "--bare", str(folder))
    return folder


def git(folder: Path, *arguments: str, stdin: str = "") -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=True).stdout.strip()


def commit(repository: Path, note: str) -> str:
    return git(repository, "commit-tree", "-m", note, git(repository, "mktree"))


def as_git_says(repository: Path) -> dict[str, str]:
    lines = git(repository, "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads/env").split("\n")
    return dict(line.split(" ") for line in lines if line)


def test_loose_packed_and_both_read_as_git_reads_them(repository: Path) -> None:
    prefix = "refs/heads/env/"
    assert refs.under(repository, prefix) == {}
    git(repository, "update-ref", "refs/heads/env/main", commit(repository, "1"))
    git(repository, "update-ref", "refs/heads/env/deep/er", commit(repository, "2"))
    git(repository, "update-ref", "refs/heads/environment", commit(repository, "3"))
    assert refs.under(repository, prefix) == as_git_says(repository)
    git(repository, "pack-refs", "--all")
    assert refs.under(repository, prefix) == as_git_says(repository)
    git(repository, "update-ref", "refs/heads/env/main", commit(repository, "4"))
    (repository / "refs/heads/env/other.lock").write_text("half a ref")
    assert refs.under(repository, prefix) == as_git_says(repository) == remotes.heads(str(repository), prefix)
    assert set(as_git_says(repository)) == {"refs/heads/env/main", "refs/heads/env/deep/er"}


def test_a_symbolic_ref_is_left_to_git(repository: Path) -> None:
    git(repository, "update-ref", "refs/heads/env/main", commit(repository, "1"))
    git(repository, "symbolic-ref", "refs/heads/env/alias", "refs/heads/env/main")
    with pytest.raises(refs.Unreadable):
        refs.under(repository, "refs/heads/env/")
    assert set(remotes.heads(str(repository), "refs/heads/env/")) == {"refs/heads/env/main", "refs/heads/env/alias"}
