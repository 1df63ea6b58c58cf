"""Which repositories the local platform reads, and bare ones for projects that have no remote yet."""

from __future__ import annotations

import fcntl
import hashlib
import os
from typing import TYPE_CHECKING

import msgspec

from coop_core.git import repository as repositories

if TYPE_CHECKING:
    from pathlib import Path

    from coop_core.git.repository import Repository
    from coop_core.paths import Home


def config_file(home: Home) -> Path:
    """The agent's configuration on the local platform."""
    return home.platform / "agent.json"


def ensure(home: Home) -> None:
    """Makes the configuration, with no repository in it, when it is not there."""
    path = config_file(home)
    if not path.exists():
        _write(path, [])


def follow(home: Home, repository: Repository, url: str) -> None:
    """Makes the local platform's agent read the environment branches of `url`, the remote of `repository` now.

    A remote that this repository, in any of its work trees, had before is read no more, lest two of them say what
    runs in one environment.
    """
    path = config_file(home)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    entry = {"url": url, "folder": str(repository.common_dir.resolve())}
    with path.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = msgspec.json.decode(path.read_bytes())["repositories"] if path.exists() else []
        if entry not in known:
            _write(path, [*(one for one in known if one.get("folder") != entry["folder"]), entry])


def _write(path: Path, repositories: list[dict[str, str]]) -> None:
    new = path.with_suffix(".new")
    new.write_bytes(msgspec.json.encode({"repositories": repositories}))
    os.replace(new, path)


def bare(home: Home, repository: Repository) -> Path:
    """A bare repository on this disk that serves as the remote of `repository`; made when it is not there."""
    root = repository.root.resolve()
    digest = hashlib.sha256(str(root).encode()).hexdigest()[:8]
    folder = home.platform / "git" / f"{root.name}-{digest}.git"
    if not folder.exists():
        repositories.create_bare(folder)
    return folder
