"""What is asked of an API that is read, and what comes back. Loads no HTTP client."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw

Query = dict[str, str]


@dataclass(frozen=True, slots=True)
class Listing:
    """A list as of one revision, from which a watch can go on."""

    items: list[Raw]
    revision: str


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One line of a watch. A BOOKMARK's object carries its revision alone."""

    type: Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]
    object: Raw


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects of a kind: selectors in Kubernetes' own notation, "" for all."""

    labels: str = ""
    fields: str = ""

    def query(self) -> Query:
        query: Query = {}
        if self.labels:
            query["labelSelector"] = self.labels
        if self.fields:
            query["fieldSelector"] = self.fields
        return query


ALL = Selection()


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    """What of a pod's log. container "" is the pod's default; None leaves a bound out."""

    container: str = ""
    follow: bool = False
    previous: bool = False
    tail_lines: int | None = None
    since_s: int | None = None
    timestamps: bool = False
    limit_bytes: int | None = None

    def query(self) -> Query:
        values = {
            "container": self.container or None,
            "follow": "true" if self.follow else None,
            "previous": "true" if self.previous else None,
            "tailLines": self.tail_lines,
            "sinceSeconds": self.since_s,
            "timestamps": "true" if self.timestamps else None,
            "limitBytes": self.limit_bytes,
        }
        return {name: str(value) for name, value in values.items() if value is not None}
