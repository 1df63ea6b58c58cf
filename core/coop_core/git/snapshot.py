"""Snapshots: the work tree as it is, as a commit that nobody else notices.

Works on a private copy of the user's index, kept between calls because the file times in it are what makes a
scan cheap. Invariant: HEAD, the user's index, files, stash and hooks are never touched; a crash at any point
leaves objects that nothing refers to, and no more.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coop_core.errors import CoopError, ExitCode
from coop_core.git import failures
from coop_core.git.objects import Commit, Objects
from coop_core.git.runner import check_ref

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from coop_core.git.repository import Repository
    from coop_core.git.runner import Running

KEPT = 5
"""Snapshots of one environment that stay reachable, the newest ones."""

_LOCK_LIMIT_S = 30.0
_ATTEMPTS = 4

# A file that vanished or changed while git read it: the next scan sees the newer state.
_IS_RACE = re.compile(r"unable to (stat|index)|short read|No such file or directory|file changed")
_IS_BROKEN_INDEX = re.compile(r"index file (corrupt|smaller)|bad (index|signature)|unable to map index|sharedindex")

_ADD = (
    "-c", "core.safecrlf=false", "-c", "core.splitIndex=false", "-c", "add.ignoreErrors=false",
    "add", "--all", "--no-warn-embedded-repo",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Snapshot:
    """commit: its id, the same for the same tree on the same HEAD. head: None on a branch without commits."""

    commit: str
    tree: str
    head: Commit | None
    previous: str | None
    """The environment's snapshot before this one; None for the first. Equal to `commit` when nothing changed."""
    changed: tuple[str, ...]
    """Paths from the root that differ from `previous`; empty when there is none."""


@dataclass(frozen=True, slots=True)
class _Last:
    commit: str | None = None
    tree: str | None = None
    head: str | None = None
    slot: int = 0


def take(repository: Repository, environment: str) -> Snapshot:
    """Commits everything tracked, changed or new that is not ignored, and keeps it under refs/coop/snapshots.

    Five git processes, one of them beside the others; three when nothing changed.
    """
    repository.own_dir.mkdir(exist_ok=True)
    with _locked(repository.own_dir / "lock") as lock:
        last_file = repository.own_dir / f"{check_ref(_ref(environment, 0)).split('/')[3]}.json"
        last = _Last(**_read_json(last_file))
        with Objects(repository.git) as objects:
            with _adding(repository, lock) as adding:
                head = objects.commit("HEAD")  # while git scans the files
                tree = _tree(repository, lock, adding)
            head_id = head.id if head else None
            if last.commit and (tree, head_id) == (last.tree, last.head):
                return Snapshot(last.commit, tree, head, last.commit, ())
            commit = _commit(repository, tree, head)
            # Nothing to compare with when git has collected the older tree since.
            changed = objects.differing(last.tree, tree) if last.tree and objects.tree(last.tree) else []
        slot = (last.slot + 1) % KEPT
        repository.git.run("update-ref", _ref(environment, slot), commit, doing="keep the snapshot")
        _write_json(last_file, {"commit": commit, "tree": tree, "head": head_id, "slot": slot})
        return Snapshot(commit, tree, head, last.commit, tuple(changed))


def _ref(environment: str, slot: int) -> str:
    return f"refs/coop/snapshots/{environment}/{slot}"


def _adding(repository: Repository, lock: int) -> Running:
    """git, bringing the private index up to date with the files."""
    index = repository.own_dir / "index"
    # Whoever wrote this lock is gone: git holds our own lock for as long as it runs.
    index.with_name("index.lock").unlink(missing_ok=True)
    _refresh_index(repository, index)
    return repository.git.start(_ADD, env={"GIT_INDEX_FILE": str(index)}, keep_open=(lock,))


def _tree(repository: Repository, lock: int, adding: Running) -> str:
    """The id of the work tree's tree, once git has added everything; added again when the files moved meanwhile."""
    doing = "take a snapshot of your files"
    index = repository.own_dir / "index"
    added = adding.finish()
    for attempt in range(1, _ATTEMPTS):
        if added.status == 0:
            break
        if _IS_BROKEN_INDEX.search(added.err):
            index.unlink(missing_ok=True)
        elif _IS_RACE.search(added.err):
            time.sleep(0.02 * attempt)
        else:
            break
        with _adding(repository, lock) as again:
            added = again.finish()
    if added.status != 0:
        raise failures.translate(doing, added.err, repository.root)
    return repository.git.run("write-tree", doing=doing, env={"GIT_INDEX_FILE": str(index)}).text


def _refresh_index(repository: Repository, index: Path) -> None:
    """Starts from the user's index again when that has changed: it says what is tracked though ignored."""
    origin = index.with_name("index.json")
    try:
        with (repository.git_dir / "index").open("rb") as source:
            stat = os.fstat(source.fileno())
            seen = {"mtime_ns": stat.st_mtime_ns, "size": stat.st_size, "inode": stat.st_ino}
            if index.exists() and _read_json(origin) == seen:
                return
            copy = index.with_name("index.new")
            copy.write_bytes(source.read())
    except FileNotFoundError:
        return  # nothing was ever added; git begins an empty one
    # Git distrusts entries that are as new as the index itself, so the copy keeps its time.
    os.utime(copy, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    origin.unlink(missing_ok=True)
    copy.replace(index)
    _write_json(origin, seen)


def _commit(repository: Repository, tree: str, head: Commit | None) -> str:
    # The same tree on the same HEAD is the same commit: who and when come from HEAD alone.
    when = f"@{head.at_s if head else 0} +0000"
    person = {"NAME": "coop", "EMAIL": "coop@coop.internal", "DATE": when}
    env = {f"GIT_{role}_{field}": value for role in ("AUTHOR", "COMMITTER") for field, value in person.items()}
    parent = ["-p", head.id] if head else []
    config = ["-c", "i18n.commitEncoding=UTF-8"]
    return repository.git.run(
        *config,
        "commit-tree",
        *parent,
        "-m",
        "coop: the work tree as it is",
        tree,
        doing="keep the snapshot",
        env=env,
    ).text


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Holds the lock file; git inherits its descriptor, so the lock outlives a coop that was killed."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + _LOCK_LIMIT_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise CoopError(
                        "cannot take a snapshot", "another coop has been taking one for too long",
                        f"end the process that holds {path}", ExitCode.BUSY,
                    ) from error  # fmt: skip
                time.sleep(0.005)
        yield descriptor
    finally:
        os.close(descriptor)


def _read_json(path: Path) -> dict[str, Any]:
    """What `_write_json` wrote; empty when that is lost."""
    try:
        found = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write_json(path: Path, value: dict[str, Any]) -> None:
    new = path.with_suffix(".new")
    new.write_text(json.dumps(value))
    new.replace(path)
