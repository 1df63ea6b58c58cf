"""A folder that holds one commit of a service at a time, and is brought to the next by what differs.

Files that stay keep their times, and their place stays: whoever uploads the folder sends what changed alone.
Invariant: the file `index` is there only while the folder is exactly what it lists.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import time
from typing import TYPE_CHECKING

from coop_core.build import staging
from coop_core.errors import CoopError, ExitCode
from coop_core.git.objects import SYMLINK

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from coop_core.git.objects import Entry, Objects

_SLOTS = 32
_BATCH = 200


class Stopped(Exception):
    """Nobody waits for it any more."""


class Folder:
    """One such folder, ours until `release`. root: where the files are."""

    def __init__(self, place: Path, lock: int) -> None:
        self.root = place / "root"
        self._index = place / "index"
        self._lock = lock

    def bring(self, objects: Objects, entries: Sequence[Entry], is_stopped: Callable[[], bool]) -> None:
        """Makes `root` hold exactly `entries`. Raises Stopped between files once `is_stopped` says so."""
        before = self._listed()
        if before is None:
            shutil.rmtree(self.root, ignore_errors=True)
            before = {}
        self.root.mkdir(exist_ok=True)
        after = {entry.path: _identity(entry) for entry in entries}
        if before == after:
            return
        self._index.unlink(missing_ok=True)
        for path in before:
            if before[path] != after.get(path):
                self._remove(path)
        changed = [entry for entry in entries if before.get(entry.path) != after[entry.path]]
        # Links in the last batch: no file is written through one.
        changed.sort(key=lambda entry: entry.mode == SYMLINK)
        for start in range(0, len(changed), _BATCH):
            if is_stopped():
                raise Stopped
            staging.write(objects, changed[start : start + _BATCH], self.root)
        staging.check_links([entry for entry in entries if entry.mode == SYMLINK], self.root)
        self._index.write_text(json.dumps(after))

    def _listed(self) -> dict[str, str] | None:
        try:
            found = json.loads(self._index.read_bytes())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def _remove(self, path: str) -> None:
        (self.root / path).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # not empty: somebody else's file keeps the folder
            parent = os.path.dirname(path)
            while parent:
                (self.root / parent).rmdir()
                parent = os.path.dirname(parent)

    def release(self) -> None:
        os.close(self._lock)


def claim(parent: Path) -> Folder:
    """The first folder below `parent` that no other process has; the same one again the next time."""
    for number in range(_SLOTS):
        place = parent / str(number)
        place.mkdir(parents=True, exist_ok=True)
        lock = _locked(place)
        if lock is not None:
            os.utime(lock)
            return Folder(place, lock)
    raise CoopError(
        "cannot stage the service", f"{_SLOTS} builds of it run on this machine", "end some of them", ExitCode.BUSY
    )


def collect(staged: Path, older_than_s: float) -> None:
    """Empties the folders of services nobody staged for so long. Their locks stay: somebody may wait at one."""
    oldest_s = time.time() - older_than_s
    for place in staged.glob("*/*"):
        if not (place / "lock").exists() or (place / "lock").stat().st_mtime > oldest_s:
            continue
        lock = _locked(place)
        if lock is not None:
            (place / "index").unlink(missing_ok=True)
            shutil.rmtree(place / "root", ignore_errors=True)
            os.close(lock)


def _locked(place: Path) -> int | None:
    lock = os.open(place / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def _identity(entry: Entry) -> str:
    return f"{entry.mode} {entry.id}"
