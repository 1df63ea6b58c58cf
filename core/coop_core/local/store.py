"""The objects of the local platform: in memory for reading, in SQLite for keeping.

Owns the one global revision and the order of changes; knows nothing of what objects mean (`objects.py` does).
Invariant: a change is on disk before anybody is told of it.
"""

from __future__ import annotations

import asyncio
import sqlite3
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from coop_core.cluster.kinds import Kind, Raw

ChangeType = Literal["ADDED", "MODIFIED", "DELETED"]
Key = tuple[str, str, str, str]
"""(group, plural, namespace, name); namespace is "" for cluster-scoped kinds."""

HISTORY = 20_000
"""Changes kept for watches that resume; older revisions are expired."""


class Expired(Exception):
    """A watch asked for a revision that is no longer kept: list again."""


@dataclass(frozen=True, slots=True)
class Change:
    """One write. `previous` is None for ADDED; a DELETED object carries the revision of its deletion."""

    revision: int
    type: ChangeType
    key: Key
    object: Raw
    previous: Raw | None


class Store:
    """Reads and writes are synchronous and atomic: one event loop owns the store."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        # NORMAL survives the death of the process at any point; only a power cut can lose the last writes.
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS objects (grp TEXT, plural TEXT, namespace TEXT, name TEXT, "
            "revision INTEGER, body BLOB, PRIMARY KEY (grp, plural, namespace, name)) WITHOUT ROWID"
        )
        self._db.execute("CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID")
        self._objects: dict[tuple[str, str], dict[tuple[str, str], Raw]] = {}
        self._log: list[Change] = []
        self._waiting: set[asyncio.Future[None]] = set()
        self.revision = 1
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
            self._objects.setdefault((group, plural), {})[(namespace, name)] = msgspec.json.decode(body)

    def close(self) -> None:
        self._db.close()

    def get(self, kind: Kind, namespace: str, name: str) -> Raw | None:
        return self._objects.get((kind.group, kind.plural), {}).get((namespace if kind.namespaced else "", name))

    def objects(self, kind: Kind, namespace: str | None = None) -> list[Raw]:
        """Objects in order of namespace and name."""
        found = self._objects.get((kind.group, kind.plural), {})
        return [found[key] for key in sorted(found) if namespace is None or key[0] == namespace]

    def put(self, kind: Kind, body: Raw) -> Raw:
        """Writes `body` whole and gives it the next revision. Whether it may be written is the caller's affair."""
        metadata = body["metadata"]
        where = (metadata.get("namespace", "") if kind.namespaced else "", metadata["name"])
        previous = self._objects.get((kind.group, kind.plural), {}).get(where)
        revision = self.revision + 1
        stored = {**body, "metadata": {**metadata, "resourceVersion": str(revision)}}
        key = (kind.group, kind.plural, *where)
        self._write(
            revision,
            "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?)",
            (*key, revision, msgspec.json.encode(stored)),
        )
        self._objects.setdefault((kind.group, kind.plural), {})[where] = stored
        self._tell(Change(revision, "MODIFIED" if previous else "ADDED", key, stored, previous))
        return stored

    def remove(self, kind: Kind, namespace: str, name: str) -> Raw | None:
        """Takes an object away; None when there was none."""
        where = (namespace if kind.namespaced else "", name)
        previous = self._objects.get((kind.group, kind.plural), {}).get(where)
        if previous is None:
            return None
        revision = self.revision + 1
        key = (kind.group, kind.plural, *where)
        self._write(
            revision, "DELETE FROM objects WHERE grp = ? AND plural = ? AND namespace = ? AND name = ?", key
        )
        del self._objects[(kind.group, kind.plural)][where]
        gone = {**previous, "metadata": {**previous["metadata"], "resourceVersion": str(revision)}}
        self._tell(Change(revision, "DELETED", key, gone, previous))
        return gone

    def _write(self, revision: int, statement: str, values: tuple[object, ...]) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.execute(statement, values)
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('revision', ?)", (revision,))
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self.revision = revision

    def _tell(self, change: Change) -> None:
        self._log.append(change)
        if len(self._log) > 2 * HISTORY:
            self.oldest_revision = self._log[HISTORY - 1].revision
            del self._log[:HISTORY]
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting.clear()

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
