"""What to show, worked out of the board: pure questions, each answered in one place.

Rows come from `coop_core.cluster.views`, which the command line uses too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from coop_core.clock import parse_rfc3339
from coop_core.cluster import containers, kinds, labels, views
from coop_devloop.events import Problem
from coop_tui.board import cycles
from coop_tui.board.events import LogTarget, ServiceKey, Sort

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from coop_core.cluster.kinds import Raw
    from coop_core.cluster.views import ServiceView
    from coop_tui.board.cluster import Cluster
    from coop_tui.board.state import Board

_WORST_FIRST = ("Degraded", "Missing", "Unknown", "Progressing", "Suspended", "Healthy")


class Link(Enum):
    """How the dashboard stands to the cluster. The value is what the user reads."""

    CONNECTING = "connecting"
    LIVE = "live"
    STALE = "stale"
    DOWN = "no platform"


@dataclass(frozen=True, slots=True)
class Connection:
    """since_s: when what is shown began to be old; None unless the link is stale."""

    link: Link
    why: str = ""
    since_s: float | None = None


@dataclass(frozen=True, slots=True)
class EventRow:
    """A Kubernetes event of a service, one line."""

    last_s: float
    is_warning: bool
    reason: str
    subject: str
    """e.g. "Pod hello-7d9f-x2x"."""
    message: str
    count: int


def rows(cluster: Cluster, *, now_s: float, base_url: Callable[[str], str]) -> tuple[ServiceView, ...]:
    """Every service that is known, in the order of `views`."""
    found = views.Objects(
        applications=cluster.objects(kinds.APPLICATION),
        deployments=cluster.objects(kinds.DEPLOYMENT),
        replica_sets=cluster.objects(kinds.REPLICA_SET),
        pods=cluster.objects(kinds.POD),
        ingresses=cluster.objects(kinds.INGRESS),
    )
    return views.services(found, now_s=now_s, base_url=base_url)


def key_of(row: ServiceView) -> ServiceKey:
    return ServiceKey(row.environment, row.service)


def shown(found: Iterable[ServiceView], text: str, sort: Sort) -> tuple[ServiceView, ...]:
    """Rows that contain every word of `text` in something that is on screen, in the order asked for."""
    words = text.lower().split()
    kept = [row for row in found if all(word in _searched(row) for word in words)]
    if sort is Sort.HEALTH:
        kept.sort(key=lambda row: _WORST_FIRST.index(row.health) if row.health in _WORST_FIRST else 0)
    elif sort is Sort.AGE:
        kept.sort(key=lambda row: row.age_s if row.age_s is not None else -1.0)
    return tuple(kept)


def _searched(row: ServiceView) -> str:
    words = (row.environment, row.service, row.version, row.next_version, row.sync, row.health, row.message)
    return " ".join(words).lower()


def connection(board: Board) -> Connection:
    cluster = board.cluster
    if board.connect_problem is not None:
        return Connection(Link.DOWN, board.connect_problem.why)
    if cluster.lost:
        # The feed that fell silent first is the one that explains the most.
        feed, silence = min(cluster.lost.items(), key=lambda item: item[1].since_s)
        whole = not cluster.feeds.keys() - cluster.lost.keys()
        why = silence.why if whole else f"{feed}: {silence.why}"
        return Connection(Link.STALE, why, silence.since_s)
    return Connection(Link.LIVE if cluster.feeds else Link.CONNECTING)


def problem(board: Board) -> Problem | None:
    """The one problem worth the error panel now, the broadest first; None when all is well."""
    if board.failure is not None:
        return board.failure
    if board.connect_problem is not None:
        return board.connect_problem
    link = connection(board)
    if link.link is Link.STALE:
        return Problem("the platform does not answer; what is shown may be old", link.why, "coop platform status")
    newest = board.loop.newest
    if newest is not None and newest.outcome is cycles.Outcome.FAILED:
        return newest.problem
    return None


def visible_problem(board: Board) -> Problem | None:
    found = problem(board)
    return None if found == board.dismissed else found


def wanted_log(board: Board) -> LogTarget | None:
    """The log to read for the selected service: its newest pod's; None when it has no pod."""
    key = board.view.selected
    pod = _newest_pod(board.cluster, key) if key else None
    if key is None or pod is None:
        return None
    wrong = containers.trouble(pod)
    suggested = wrong is not None and wrong.previous
    return LogTarget(
        namespace=key.environment,
        pod=pod["metadata"]["name"],
        container=wrong.container if wrong else containers.main_container(pod),
        previous=suggested if board.view.previous is None else board.view.previous,
        restarts=containers.restarts(pod),
    )


def _newest_pod(cluster: Cluster, key: ServiceKey) -> Raw | None:
    pods = [
        pod
        for pod in cluster.objects(kinds.POD)
        if pod["metadata"].get("namespace") == key.environment and _name_label(pod) == key.service
    ]
    return max(pods, key=_by_age, default=None)


def _by_age(pod: Raw) -> tuple[bool, str, str]:
    """Pods that stay before pods that go, then by age; the name makes it one order for all."""
    metadata = pod["metadata"]
    return "deletionTimestamp" not in metadata, metadata.get("creationTimestamp", ""), metadata["name"]


def _name_label(raw: Raw) -> str:
    return str((raw["metadata"].get("labels") or {}).get(labels.NAME, ""))


def events_of(cluster: Cluster, key: ServiceKey) -> tuple[EventRow, ...]:
    """Events about the service's own objects, newest first."""
    own = {
        (kind.name, raw["metadata"]["name"])
        for kind in (kinds.DEPLOYMENT, kinds.REPLICA_SET, kinds.POD, kinds.INGRESS)
        for raw in cluster.objects(kind)
        if raw["metadata"].get("namespace") == key.environment and _name_label(raw) == key.service
    }
    # Pods and replica sets of older versions are gone, their events are not; their names tell whose they were.
    child = re.compile(rf"{re.escape(key.service)}-[a-z0-9]{{4,10}}(-[a-z0-9]{{5}})?")
    found = [
        (_event_row(raw), _revision(raw))
        for raw in cluster.objects(kinds.EVENT)
        if raw["metadata"].get("namespace") == key.environment and _is_about(raw, own, child)
    ]
    # Times are whole seconds; within one, the server's revision tells what came later.
    newest_first = sorted(found, key=lambda item: (item[0].last_s, item[1]), reverse=True)
    return tuple(row for row, _ in newest_first)


def _revision(raw: Raw) -> int:
    text = str(raw["metadata"].get("resourceVersion", ""))
    return int(text) if text.isdecimal() else 0


def _is_about(event: Raw, own: set[tuple[str, str]], child: re.Pattern[str]) -> bool:
    about = event.get("involvedObject") or {}
    kind, name = str(about.get("kind", "")), str(about.get("name", ""))
    return (kind, name) in own or (kind in ("Pod", "ReplicaSet") and child.fullmatch(name) is not None)


def _event_row(event: Raw) -> EventRow:
    about = event.get("involvedObject") or {}
    series = event.get("series") or {}
    at = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime") or ""
    return EventRow(
        last_s=parse_rfc3339(str(at)) or 0.0,
        is_warning=event.get("type") == "Warning",
        reason=str(event.get("reason", "")),
        subject=f"{about.get('kind', '')} {about.get('name', '')}".strip(),
        message=str(event.get("message", "")),
        count=_count(series.get("count") or event.get("count")),
    )


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 1
