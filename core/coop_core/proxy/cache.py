"""All objects of one kind, under the proxy's own revisions, with the changes of late. Pure.

Viewers' lists and watches are answered from here; the platform is asked once, whoever looks.
"""

from __future__ import annotations

import secrets
from bisect import bisect_right
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from coop_core.cluster.kinds import Kind
    from coop_core.proxy.entries import Entry, Key

HISTORY_CHANGES = 2048
HISTORY_BYTES = 1024 * 1024
"""Of old states, per kind. A viewer that is further behind lists again."""
_A_SECOND = 100_000_000
"""Revisions for each: nobody sees so many changes in one. Together with the time they have 18 digits."""


class TooOld(Exception):
    """The changes since that revision are not known any more, or never were."""


class Revisions:
    """One count for all kinds."""

    def __init__(self, start: int) -> None:
        self._last = start

    @classmethod
    def of(cls, now_s: float) -> Self:
        """Beyond everything that an earlier process gave out, and far from what another one does.

        Clients go from one replica to another: what they have seen of one must be too old or too new for the other,
        never mistaken for a revision of its own. Chance keeps those apart that begin in the same second.
        """
        return cls(int(now_s) * _A_SECOND + secrets.randbelow(_A_SECOND // 2))

    def next(self) -> int:
        self._last += 1
        return self._last


@dataclass(slots=True)
class Change:
    """`after` None: the object is gone. `before` None: it is new.

    encoded: what viewers are sent of it, by form; kept, as most of them are sent the same.
    """

    revision: int
    before: Entry | None
    after: Entry | None
    encoded: dict[object, bytes] = field(default_factory=dict)


class Cache:
    """Empty and without a past until the first `replace`."""

    def __init__(self, kind: Kind, revisions: Revisions) -> None:
        self.kind = kind
        self.revisions = revisions
        self.revision = revisions.next()
        """As of which everything here is."""
        self.size_bytes = 0
        self._oldest = self.revision
        self._entries: dict[str, dict[str, Entry]] = {}
        self._history: list[Change] = []
        self._history_bytes = 0

    def __len__(self) -> int:
        return sum(map(len, self._entries.values()))

    def get(self, namespace: str, name: str) -> Entry | None:
        return self._entries.get(namespace, {}).get(name)

    def entries(self, namespaces: Iterable[str] | None = None) -> list[Entry]:
        """In the order of namespace and name; None for all namespaces."""
        chosen = self._entries if namespaces is None else self._entries.keys() & set(namespaces)
        return [entry for namespace in sorted(chosen) for _, entry in sorted(self._entries[namespace].items())]

    def put(self, entry: Entry) -> None:
        """Takes over an object as it is now, under a revision of its own."""
        before = self.get(*entry.key)
        if before is None or before.upstream != entry.upstream:
            numbered = replace(entry, revision=self.revisions.next())
            self._keep(Change(numbered.revision, before, numbered))

    def drop(self, key: Key) -> None:
        before = self.get(*key)
        if before is not None:
            self._keep(Change(self.revisions.next(), before, None))

    def replace(self, entries: Sequence[Entry]) -> None:
        """Takes over everything there is now; what differs from before becomes a change like any other."""
        if not self._entries and not self._history:
            self._fill(entries)
            return
        found = {entry.key for entry in entries}
        for known in self.entries():
            if known.key not in found:
                self.drop(known.key)
        for entry in entries:
            self.put(entry)

    def at(self, revision: int, namespaces: Iterable[str] | None = None) -> list[Entry]:
        """As `entries`, as of an earlier revision. Raises TooOld."""
        changes = self.since(revision)
        if not changes:
            return self.entries(namespaces)
        now = {entry.key: entry for entry in self.entries(namespaces)}
        wanted = None if namespaces is None else set(namespaces)
        for change in reversed(changes):
            shown = change.after or change.before
            assert shown is not None
            if wanted is not None and shown.namespace not in wanted:
                continue
            if change.before is None:
                now.pop(shown.key, None)
            else:
                now[shown.key] = change.before
        return [now[key] for key in sorted(now)]

    def since(self, revision: int) -> list[Change]:
        """The changes after a revision. Raises TooOld, also for one that was never given out."""
        if revision == self.revision:
            return []
        if not self._oldest <= revision <= self.revision:
            raise TooOld
        return self._history[bisect_right(self._history, revision, key=lambda change: change.revision) :]

    def _fill(self, entries: Sequence[Entry]) -> None:
        """The very first state, which nobody can have seen without: it needs no past."""
        self.revision = self._oldest = self.revisions.next()
        for entry in entries:
            numbered = replace(entry, revision=self.revision)
            self._entries.setdefault(entry.namespace, {})[entry.name] = numbered
            self.size_bytes += len(entry.tail)

    def _keep(self, change: Change) -> None:
        shown = change.after or change.before
        assert shown is not None
        if change.after is None:
            bucket = self._entries[shown.namespace]
            del bucket[shown.name]
            if not bucket:
                del self._entries[shown.namespace]
        else:
            self._entries.setdefault(shown.namespace, {})[shown.name] = change.after
            self.size_bytes += len(change.after.tail)
        if change.before is not None:
            self.size_bytes -= len(change.before.tail)
        self.revision = change.revision
        self._history.append(change)
        self._history_bytes += _past_bytes(change)
        if len(self._history) > 2 * HISTORY_CHANGES or self._history_bytes > HISTORY_BYTES:
            self._forget()

    def _forget(self) -> None:
        """The older half, at once: a little at each change would cost as much each time."""
        half = min(len(self._history) - 1, max(len(self._history) // 2, len(self._history) - HISTORY_CHANGES))
        if half > 0:
            self._oldest = self._history[half - 1].revision
            del self._history[:half]
            self._history_bytes = sum(map(_past_bytes, self._history))


def _past_bytes(change: Change) -> int:
    """What it keeps alive that the present does not, and the copies of the present that viewers are sent."""
    return sum(len(entry.tail) for entry in (change.before, change.after) if entry is not None)
