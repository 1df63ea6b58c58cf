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
from coop_core.git.repository import COOP
from coop_core.git.runner import check_ref

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from coop_core.git.repository import Repository
    from coop_core.git.runner import Result, Running

KEPT = 5
"""Snapshots of one series that stay reachable, the newest ones."""

_DOING = "take a snapshot of your files"
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
    """The one before it in its series; None for the first. Equal to `commit` when nothing changed."""
    changed: tuple[str, ...] | None
    """Paths from the root that differ from `previous`; None when there is nothing to compare with."""


@dataclass(frozen=True, slots=True)
class _Last:
    """The series' snapshot before."""

    commit: str | None = None
    tree: str | None = None
    head: str | None = None
    slot: int = 0

    @classmethod
    def read(cls, path: Path) -> _Last:
        try:
            return cls(**_read_json(path))
        except TypeError:  # written by another version
            return cls()


def take(repository: Repository, series: str) -> Snapshot:
    """Commits everything tracked, changed or new that is not ignored, and keeps it under refs/coop/snapshots.

    series: `<environment>/<service>`, or whatever else may stand in a ref; each has a snapshot before of its own.
    Five git processes, of which three run one after the other.
    """
    repository.own_dir.mkdir(exist_ok=True)
    with _locked(repository.own_dir / "lock") as lock, Objects(repository.git) as objects:
        check_ref(_ref(series, 0))
        last_file = repository.own_dir / f"{series.replace('/', '+')}.json"
        last = _Last.read(last_file)
        with _adding(repository, lock) as adding:
            head = objects.commit("HEAD")  # while git scans the files
            _finish(repository, lock, adding)
        # Both wait for their input, so their start costs nothing while the tree is written.
        hashing, keeping = ("hash-object", "-t", "commit", "-w", "--stdin"), ("update-ref", "--stdin", "-z")
        with repository.git.start(hashing, has_stdin=True) as hash_object, \
             repository.git.start(keeping, has_stdin=True) as update_ref:  # fmt: skip
            tree = _tree(repository, lock)
            head_id = head.id if head else None
            if last.commit and (tree, head_id) == (last.tree, last.head) and objects.commit(last.commit):
                return Snapshot(last.commit, tree, head, last.commit, ())
            commit = _done(hash_object.finish(_commit(tree, head)), repository)
            slot = (last.slot + 1) % KEPT
            _done(update_ref.finish(f"update {_ref(series, slot)}\0{commit}\0\0".encode()), repository)
        # Nothing to compare with when git has collected the older tree since.
        changed = objects.differing(last.tree, tree) if last.tree and objects.tree(last.tree) else None
        _write_json(last_file, {"commit": commit, "tree": tree, "head": head_id, "slot": slot})
        return Snapshot(commit, tree, head, last.commit, None if changed is None else tuple(changed))


def _done(result: Result, repository: Repository) -> str:
    if result.status != 0:
        raise failures.translate(_DOING, result.err, repository.root)
    return result.text


def _index(repository: Repository) -> Path:
    return repository.own_dir / "index"


def _ref(series: str, slot: int) -> str:
    return f"refs/coop/snapshots/{series}/{slot}"


def _adding(repository: Repository, lock: int) -> Running:
    """git, bringing the private index up to date with the files."""
    index = _index(repository)
    # Whoever wrote this lock is gone: git holds our own lock for as long as it runs.
    index.with_name("index.lock").unlink(missing_ok=True)
    _refresh_index(repository, index)
    return repository.git.start(_ADD, env={"GIT_INDEX_FILE": str(index)}, keep_open=(lock,))


def _finish(repository: Repository, lock: int, adding: Running) -> None:
    """Waits until git has added everything; adds again when the files moved meanwhile."""
    added = adding.finish()
    for attempt in range(1, _ATTEMPTS):
        if added.status == 0:
            return
        if _IS_BROKEN_INDEX.search(added.err):
            _index(repository).unlink(missing_ok=True)
        elif _IS_RACE.search(added.err):
            time.sleep(0.02 * attempt)
        else:
            break
        with _adding(repository, lock) as again:
            added = again.finish()
    _done(added, repository)


def _tree(repository: Repository, lock: int) -> str:
    """The id of the tree that the private index stands for."""
    env = {"GIT_INDEX_FILE": str(_index(repository))}
    written = repository.git.attempt("write-tree", env=env)
    if written.status != 0:  # git has collected what a crash had left unreferenced: read the files again
        _index(repository).unlink(missing_ok=True)
        with _adding(repository, lock) as adding:
            _finish(repository, lock, adding)
        written = repository.git.attempt("write-tree", env=env)
    return _done(written, repository)


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


def _commit(tree: str, head: Commit | None) -> bytes:
    """The commit object. The same tree on the same HEAD is the same commit: its time is HEAD's."""
    parent = f"parent {head.id}\n" if head else ""
    who = f"{COOP.name} <{COOP.email}> {max(head.at_s, 0) if head else 0} +0000"
    return f"tree {tree}\n{parent}author {who}\ncommitter {who}\n\ncoop: the work tree as it is\n".encode()


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
