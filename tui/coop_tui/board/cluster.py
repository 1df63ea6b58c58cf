"""What is known of the cluster: objects by feed, and whether each feed still speaks. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from coop_tui.board import events as e

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Kind, Raw

ByName = Mapping[str, "Raw"]


@dataclass(frozen=True, slots=True)
class Silence:
    """A feed that says nothing since `since_s`."""

    why: str
    since_s: float


@dataclass(frozen=True, slots=True)
class Cluster:
    """Objects as last seen. A feed that was lost keeps what it had: old news beats none.

    Equal only to itself, in effect: compare by identity to see whether anything changed.
    """

    feeds: Mapping[e.Feed, ByName] = field(default_factory=dict)
    """What each feed that ever listed has."""
    lost: Mapping[e.Feed, Silence] = field(default_factory=dict)

    def objects(self, kind: Kind) -> list[Raw]:
        """Of all namespaces."""
        return [raw for feed, by_name in self.feeds.items() if feed.kind == kind for raw in by_name.values()]

    def find(self, kind: Kind, namespace: str, name: str) -> Raw | None:
        return self.feeds.get(e.Feed(kind, namespace), {}).get(name)


ClusterEvent = e.ObjectsListed | e.ObjectChanged | e.ObjectGone | e.FeedLost


def update(cluster: Cluster, event: ClusterEvent) -> Cluster:
    match event:
        case e.ObjectsListed(feed, objects):
            by_name = {raw["metadata"]["name"]: raw for raw in objects}
            lost = {known: silence for known, silence in cluster.lost.items() if known != feed}
            return Cluster({**cluster.feeds, feed: by_name}, lost)
        case e.ObjectChanged(feed, raw):
            changed = {**cluster.feeds.get(feed, {}), raw["metadata"]["name"]: raw}
            return replace(cluster, feeds={**cluster.feeds, feed: changed})
        case e.ObjectGone(feed, raw):
            left = {n: known for n, known in cluster.feeds.get(feed, {}).items() if n != raw["metadata"]["name"]}
            return replace(cluster, feeds={**cluster.feeds, feed: left})
        case e.FeedLost(feed, why, at_s):
            since_s = cluster.lost[feed].since_s if feed in cluster.lost else at_s
            return replace(cluster, lost={**cluster.lost, feed: Silence(why, since_s)})
