"""The objects of the local platform: in memory for reading, in SQLite for keeping.

Owns the one global revision and the order of changes; knows nothing of what objects mean (`objects.py` does).
Invariants: a change is on disk before anybody is told of it; the revision never goes back, also over a kill.
"""

from __future__ import annotations

import asyncio
import errno
import os
import shlex
import shutil
import sqlite3
from bisect import bisect_right
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec

from coop_core.errors import CoopError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from coop_core.cluster.kinds import Kind, Raw

ChangeType = Literal["ADDED", "MODIFIED", "DELETED"]
Key = tuple[str, str, str, str]
"""(group, plural, namespace, name); namespace is "" for cluster-scoped kinds."""

HISTORY = 4_000
"""Changes kept for watches that resume; older revisions are expired. Up to twice as many are, between two cuts."""
HISTORY_BYTES = 1024 * 1024
"""The same as JSON; in memory an object weighs several times that."""

_ROOM_BYTES = 64 * 1024
"""With less, SQLite cannot grow its files."""


class Expired(Exception):
    """A watch asked for a revision that is no longer kept: list again."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object and its JSON, which is made once for the disk and then serves every list and watch."""

    object: Raw
    encoded: bytes


@dataclass(frozen=True, slots=True)
class Change:
    """One write. `previous` is None for ADDED; a DELETED object carries the revision of its deletion."""

    revision: int
    type: ChangeType
    key: Key
    object: Raw
    previous: Raw | None
    encoded: bytes
    """`object` as JSON."""


def _opened(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    # NORMAL survives the death of the process at any point; only a power cut can lose the last writes.
    db.execute("PRAGMA synchronous=NORMAL")
    db.execute(
        "CREATE TABLE IF NOT EXISTS objects (grp TEXT, plural TEXT, namespace TEXT, name TEXT, "
        "revision INTEGER, body BLOB, PRIMARY KEY (grp, plural, namespace, name)) WITHOUT ROWID"
    )
    db.execute("CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID")
    return db


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raises what SQLite says of the file at `path` as the operating system, or coop, would say it."""
    try:
        yield
    except sqlite3.Error as error:
        # The low byte is the error's class; the rest says at which call it came.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise CoopError(
                "cannot read what the local platform keeps", f"{path} is damaged: {error}",
                f"coop platform down && mv {shlex.quote(str(path))} {shlex.quote(f'{path}.damaged')}; environments "
                "come back from Git", ExitCode.PLATFORM,
            ) from error  # fmt: skip
        # SQLite calls it an I/O error when a file beside its own has no room.
        is_full = code == sqlite3.SQLITE_FULL or shutil.disk_usage(path.parent).free < _ROOM_BYTES
        number = errno.ENOSPC if is_full else errno.EIO
        raise OSError(number, os.strerror(number) if is_full else str(error), str(path)) from error


class Store:
    """Reads and writes are synchronous and atomic: one event loop owns the store.

    What cannot be kept is not written at all: OSError when the disk refuses, CoopError when the file is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._objects: dict[tuple[str, str], dict[str, dict[str, Stored]]] = {}
        """By kind, namespace and name."""
        self._log: list[Change] = []
        self._changed_at: dict[tuple[str, str], int] = {}
        self._log_bytes = 0
        self._waiting: set[asyncio.Future[None]] = set()
        self._listeners: set[Callable[[], None]] = set()
        self.revision = 1
        with translated(path):
            self._db = _opened(path)
            self._load()
        self.oldest_revision = self.revision
        """Watches may start from here on; what came before is expired."""

    def _load(self) -> None:
        row = self._db.execute("SELECT value FROM meta WHERE name = 'revision'").fetchone()
        if row:
            self.revision = int(row[0])
        for group, plural, namespace, name, body in self._db.execute(
            "SELECT grp, plural, namespace, name, body FROM objects"
        ):
            names = self._objects.setdefault((group, plural), {}).setdefault(namespace, {})
            names[name] = Stored(msgspec.json.decode(body), body)

    def close(self) -> None:
        self._db.close()

    def _find(self, kind: Kind, namespace: str, name: str) -> Stored | None:
        names = self._objects.get((kind.group, kind.plural), {}).get(namespace if kind.namespaced else "", {})
        return names.get(name)

    def get(self, kind: Kind, namespace: str, name: str) -> Raw | None:
        found = self._find(kind, namespace, name)
        return found.object if found else None

    def changed_at(self, kind: Kind) -> int:
        """When an object of this kind changed last; 0 when none did since the store was opened."""
        return self._changed_at.get((kind.group, kind.plural), 0)

    def objects(self, kind: Kind, namespace: str | None = None) -> list[Raw]:
        """Objects in order of namespace and name."""
        return [stored.object for stored in self.stored(kind, namespace)]

    def stored(self, kind: Kind, namespace: str | None = None) -> Iterator[Stored]:
        """Objects with their JSON, in order of namespace and name. Do not write while you iterate."""
        namespaces = self._objects.get((kind.group, kind.plural), {})
        for where in sorted(namespaces) if namespace is None else (namespace,):
            names = namespaces.get(where, {})
            for name in sorted(names):
                yield names[name]

    def stored_at(self, kind: Kind, namespace: str | None, revision: int) -> Iterator[Stored]:
        """Objects as they were at a revision, in the same order; raises Expired when that is no longer known."""
        before: dict[tuple[str, str], Raw | None] = {}
        for change in self.changes(revision):
            if change.key[:2] == (kind.group, kind.plural) and namespace in (None, change.key[2]):
                before.setdefault(change.key[2:], change.previous)
        if not before:
            yield from self.stored(kind, namespace)
            return
        then = {self._place(one.object): one for one in self.stored(kind, namespace)}
        for place, body in before.items():
            if body is None:
                then.pop(place, None)
            else:
                then[place] = Stored(body, msgspec.json.encode(body))
        for place in sorted(then):
            yield then[place]

    @staticmethod
    def _place(body: Raw) -> tuple[str, str]:
        return body["metadata"].get("namespace", ""), body["metadata"]["name"]

    def put(self, kind: Kind, body: Raw) -> Raw:
        """Writes `body` whole and gives it the next revision. Whether it may be written is the caller's affair."""
        metadata = body["metadata"]
        where = (metadata.get("namespace", "") if kind.namespaced else "", metadata["name"])
        previous = self.get(kind, *where)
        revision = self.revision + 1
        stored = {**body, "metadata": {**metadata, "resourceVersion": str(revision)}}
        encoded = msgspec.json.encode(stored)
        key = (kind.group, kind.plural, *where)
        self._write(revision, "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?)", (*key, revision, encoded))
        names = self._objects.setdefault((kind.group, kind.plural), {}).setdefault(where[0], {})
        names[where[1]] = Stored(stored, encoded)
        self._tell(Change(revision, "MODIFIED" if previous else "ADDED", key, stored, previous, encoded))
        return stored

    def remove(self, kind: Kind, namespace: str, name: str) -> Raw | None:
        """Takes an object away; None when there was none."""
        where = (namespace if kind.namespaced else "", name)
        previous = self.get(kind, *where)
        if previous is None:
            return None
        revision = self.revision + 1
        key = (kind.group, kind.plural, *where)
        self._write(
            revision, "DELETE FROM objects WHERE grp = ? AND plural = ? AND namespace = ? AND name = ?", key
        )
        names = self._objects[(kind.group, kind.plural)][where[0]]
        del names[name]
        gone = {**previous, "metadata": {**previous["metadata"], "resourceVersion": str(revision)}}
        self._tell(Change(revision, "DELETED", key, gone, previous, msgspec.json.encode(gone)))
        return gone

    def _write(self, revision: int, statement: str, values: tuple[object, ...]) -> None:
        with translated(self._path):
            try:
                self._db.execute("BEGIN IMMEDIATE")
                self._db.execute(statement, values)
                self._db.execute("INSERT OR REPLACE INTO meta VALUES ('revision', ?)", (revision,))
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # on a full disk, SQLite has rolled back already
                    self._db.execute("ROLLBACK")
                raise
        self.revision = revision

    def _tell(self, change: Change) -> None:
        self._log.append(change)
        self._changed_at[change.key[:2]] = change.revision
        self._log_bytes += len(change.encoded)
        if len(self._log) > 2 * HISTORY or self._log_bytes > 2 * HISTORY_BYTES:
            self._cut_log()
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting.clear()
        for listener in tuple(self._listeners):
            listener()

    def _cut_log(self) -> None:
        """Forgets all but the newest changes that keep to both limits; the very newest always stays."""
        kept = kept_bytes = 0
        for change in reversed(self._log[-HISTORY:]):
            if kept and kept_bytes + len(change.encoded) > HISTORY_BYTES:
                break
            kept += 1
            kept_bytes += len(change.encoded)
        gone = len(self._log) - kept
        if gone:
            self.oldest_revision = self._log[gone - 1].revision
            del self._log[:gone]
            self._log_bytes = kept_bytes

    def changes(self, after: int) -> Iterator[Change]:
        """What happened after a revision, oldest first; raises Expired when that is no longer known."""
        if after < self.oldest_revision:
            raise Expired
        start = bisect_right(self._log, after, key=lambda change: change.revision)
        yield from self._log[start:]

    async def changed(self, after: int) -> None:
        """Returns once there is a change after `after`."""
        while self.revision <= after:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.add(future)
            try:
                await future
            finally:
                self._waiting.discard(future)

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Calls `listener` after every change, until what is returned here is called. It must not write."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)
