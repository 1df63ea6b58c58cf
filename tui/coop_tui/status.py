"""`coop status` without its command: the services as they are now, as a table or as JSON. Loads no Textual."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec

from coop_core.clock import age
from coop_core.cluster import kinds, labels, views
from coop_core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from coop_core.cluster.kinds import Kind
    from coop_core.cluster.views import ServiceView
    from coop_core.kube.reading import Listing

_HEADINGS = ("ENVIRONMENT", "SERVICE", "VERSION", "SYNC", "HEALTH", "READY", "AGE", "URL")


class Lister(Protocol):
    """The part of a `KubeClient` that reads things once."""

    async def list(self, kind: Kind, namespace: str | None = None) -> Listing: ...


async def collect(
    client: Lister, namespaces: Sequence[str], *, now_s: float, base_url: Callable[[str], str]
) -> tuple[ServiceView, ...]:
    """A row for every service of these environments. Raises ApiError when something cannot be read."""
    workloads = (kinds.DEPLOYMENT, kinds.REPLICA_SET, kinds.POD, kinds.INGRESS)
    applications, *lists = await asyncio.gather(
        client.list(kinds.APPLICATION, kinds.ARGOCD_NAMESPACE),
        *(client.list(kind, namespace) for kind in workloads for namespace in namespaces),
    )
    deployments, replica_sets, pods, ingresses = (
        [raw for listing in lists[start : start + len(namespaces)] for raw in listing.items]
        for start in range(0, len(lists), len(namespaces) or 1)
    )
    objects = views.Objects(applications.items, deployments, replica_sets, pods, ingresses)
    return views.services(objects, now_s=now_s, base_url=base_url)


@dataclass(frozen=True, slots=True)
class Expired:
    """An environment that the agent has ended. at: RFC 3339."""

    environment: str
    at: str


async def expired(client: Lister, namespaces: Sequence[str]) -> tuple[Expired, ...]:
    """Those of these environments whose time was over. Raises ApiError when they cannot be read."""
    listing = await client.list(kinds.NAMESPACE)
    marks = {
        str(body["metadata"]["name"]): (body["metadata"].get("annotations") or {}).get(labels.EXPIRED)
        for body in listing.items
    }
    return tuple(Expired(name, one_line(str(at), 30)) for name in namespaces if (at := marks.get(name)))


def render_status(rows: Sequence[ServiceView], ended: Sequence[Expired] = (), *, as_json: bool) -> str:
    """Rows for a terminal or for a program; ends with a line break. No colour, so that nothing depends on it."""
    return _json(rows, ended) if as_json else _table(rows, ended)


def _json(rows: Sequence[ServiceView], ended: Sequence[Expired]) -> str:
    said = {
        "services": [msgspec.to_builtins(row) for row in rows],
        "expired": [msgspec.to_builtins(one) for one in ended],
    }
    return msgspec.json.format(msgspec.json.encode(said), indent=2).decode() + "\n"


def _table(rows: Sequence[ServiceView], ended: Sequence[Expired]) -> str:
    notes = [
        f"{one.environment} expired at {one.at}; it comes back with coop dev, or: coop env wake {one.environment}"
        for one in ended
    ]
    if not rows and notes:
        return "\n".join(notes) + "\n"
    if not rows:
        return "No services yet. Run `coop dev` beside a coop.yaml to deploy one.\n"
    cells = [_HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [_line(texts, widths) for texts in cells]
    causes = [f"{row.environment}/{row.service}: {row.message}" for row in rows if row.message] + notes
    return "\n".join([*lines, *([""] if causes else []), *causes]) + "\n"


def _cells(row: ServiceView) -> tuple[str, ...]:
    is_rolling = row.next_version and row.next_version != row.version
    version = f"{row.version} -> {row.next_version}".lstrip() if is_rolling else row.version or "-"
    ready = "asleep" if row.is_asleep else f"{row.ready}/{row.wanted}"
    served = "-" if row.age_s is None else age(row.age_s)
    return (row.environment, row.service, version, row.sync, row.health, ready, served, row.url or "-")


def _line(texts: tuple[str, ...], widths: list[int]) -> str:
    return "  ".join(text.ljust(cells) for text, cells in zip(texts, widths, strict=True)).rstrip()
