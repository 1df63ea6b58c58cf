"""Real repositories for tests: a clone, its bare remote, and plain git to look at both."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from coop_core.git import repository
from coop_core.git.deploy_request import DeployRequest
from coop_core.git.objects import Objects
from coop_core.git.repository import Remote
from coop_core.git.runner import Git
from coop_core.git.trees import Limits, contents

if TYPE_CHECKING:
    from pathlib import Path

    from coop_core.git.repository import Repository


def git(folder: Path, *args: str, env: dict[str, str] | None = None, fails: bool = False) -> str:
    """What plain git prints."""
    done = subprocess.run(
        ["git", *args], cwd=folder, env={**os.environ, **(env or {})}, capture_output=True, check=False
    )
    assert fails or done.returncode == 0, done.stderr.decode(errors="replace")
    return os.fsdecode(done.stdout).removesuffix("\n")


def add_hook(git_dir: Path, name: str, script: str) -> Path:
    hook = git_dir / "hooks" / name
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\n{script}\n")
    hook.chmod(0o755)
    return hook


@dataclass(frozen=True)
class Scene:
    """work: a clone with one commit on main; bare: its remote."""

    work: Path
    bare: Path

    @cached_property
    def repository(self) -> Repository:
        return repository.find(self.work)

    @property
    def remote(self) -> Remote:
        return Remote("origin", str(self.bare))

    def write(self, path: str, text: str) -> Path:
        file = self.work / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def git(self, *args: str, **kwargs: bool) -> str:
        return git(self.work, *args, fails=kwargs.get("fails", False))

    def commit(self, message: str = "change") -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def paths(self, tree_ish: str) -> list[str]:
        return [path for path in self.git("ls-tree", "-r", "-z", "--name-only", tree_ish).split("\0") if path]

    def user_state(self) -> tuple[object, ...]:
        """Everything of the user's that coop must leave alone."""
        index = self.work / ".git" / "index"
        return (
            index.read_bytes() if index.exists() else None,
            (self.work / ".git" / "HEAD").read_bytes(),
            self.git("rev-parse", "HEAD", fails=True),
            self.git("stash", "list"),
            self.git("reflog", fails=True),
            self.git("for-each-ref", "refs/heads", "refs/tags"),
        )


def new_scene(folder: Path) -> Scene:
    """A clone with one commit that was pushed."""
    scene = Scene(folder / "work", folder / "remote.git")
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "--quiet", "--bare", "--template=", str(scene.bare))
    git(folder, "init", "--quiet", "--template=", str(scene.work))
    scene.git("remote", "add", "origin", str(scene.bare))
    scene.write("hello/app.py", "print('hello')\n")
    scene.commit("first")
    scene.git("push", "--quiet", "origin", "main")
    return scene


def files(repository: Path, tree_ish: str, prefix: str = "", limits: Limits | None = None) -> dict[str, bytes]:
    """Contents by path below a folder of a commit; the repository may be a bare one."""
    with Objects(Git(repository, repository)) as objects:
        tree = objects.tree(tree_ish, prefix)
        assert tree
        return contents(objects, tree, limits or Limits())


def request(**changes: object) -> DeployRequest:
    """A deploy of hello to dev-ada."""
    values: dict[str, object] = {
        "environment": "dev-ada",
        "service": "hello",
        "files": {"deployment-hello.yaml": b"kind: Deployment\n"},
        "image": "coop.local/hello@sha256:" + "0" * 64,
        "source_commit": "a" * 40,
    }
    return DeployRequest(**{**values, **changes})  # type: ignore[arg-type]  # the values are of the right types
