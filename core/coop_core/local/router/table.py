"""Host and path to the ports of ready pods, as the store's Ingresses, Services and Endpoints have it now.

Invariant: an answer is never older than the store; it is worked out anew when one of the three has changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.cluster import containers, kinds
from coop_core.local.store import Expired

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coop_core.cluster.kinds import Raw
    from coop_core.local.objects import Objects

_KINDS = {(kind.group, kind.plural) for kind in (kinds.INGRESS, kinds.SERVICE, kinds.ENDPOINTS)}


@dataclass(frozen=True, slots=True)
class Backend:
    """A port of a Service, by number or name."""

    namespace: str
    service: str
    port: int | str


@dataclass(frozen=True, slots=True)
class Rule:
    """One path of one Ingress. host "" matches every host, "*.x" one label before x."""

    host: str
    path: str
    is_exact: bool
    backend: Backend

    def matches_host(self, host: str) -> bool:
        if self.host.startswith("*."):
            label, _, rest = host.partition(".")
            return bool(label) and rest == self.host[2:]
        return self.host in ("", host)

    def matches_path(self, path: str) -> bool:
        """A prefix counts by whole segments: /a is a prefix of /a/b, not of /ab."""
        if self.is_exact:
            return path == self.path
        stem = self.path.rstrip("/")
        return path == stem or path.startswith(stem + "/")

    @property
    def rank(self) -> tuple[int, int, bool]:
        """The more particular, the higher: host, then length of the path, then exactness."""
        host = 0 if not self.host else 1 if self.host.startswith("*.") else 2
        return host, len(self.path), self.is_exact


class Table:
    """Answers from memory; reads the store again when it has to."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._seen = -1
        self._rules: list[Rule] = []
        self._ports: dict[Backend, tuple[int, ...]] = {}

    def find(self, host: str, path: str) -> Rule | None:
        """The rule for a request; None when nobody claims it."""
        self._refresh()
        for rule in self._rules:
            if rule.matches_host(host) and rule.matches_path(path):
                return rule
        return None

    def hosts(self) -> list[str]:
        self._refresh()
        return sorted({rule.host for rule in self._rules if rule.host})

    def ports(self, backend: Backend) -> tuple[int, ...]:
        """The local ports of the ready pods behind a Service."""
        self._refresh()
        if backend not in self._ports:
            self._ports[backend] = tuple(self._ready_ports(backend))
        return self._ports[backend]

    def why_none(self, backend: Backend) -> str:
        """Why no pod is ready, for people."""
        service = self._objects.find(kinds.SERVICE, backend.namespace, backend.service)
        where = f"service {backend.service} in {backend.namespace}"
        if service is None:
            return f"there is no {where}"
        if _port_name(service, backend.port) is None:
            return f"{where} has no port {backend.port}"
        pods = self._objects.select(kinds.POD, backend.namespace, service["spec"].get("selector") or None)
        pods = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
        if not pods:
            return f"{where} has no pods"
        return f"no pod of {where} is ready: {containers.unready_reason(pods[-1])}"

    def _refresh(self) -> None:
        store = self._objects.store
        if self._seen == store.revision:
            return
        try:
            is_old = self._seen < 0 or any(change.key[:2] in _KINDS for change in store.changes(self._seen))
        except Expired:
            is_old = True
        self._seen = store.revision
        if is_old:
            found = [rule for ingress in self._objects.select(kinds.INGRESS) for rule in _rules(ingress)]
            self._rules = sorted(found, key=lambda rule: rule.rank, reverse=True)
            self._ports = {}

    def _ready_ports(self, backend: Backend) -> Iterator[int]:
        service = self._objects.find(kinds.SERVICE, backend.namespace, backend.service)
        endpoints = self._objects.find(kinds.ENDPOINTS, backend.namespace, backend.service)
        name = _port_name(service, backend.port) if service else None
        if endpoints is None or name is None:
            return
        for subset in endpoints.get("subsets") or []:
            if subset.get("addresses"):
                for port in subset.get("ports") or []:
                    if port.get("name", "") == name:
                        yield int(port["port"])


def _rules(ingress: Raw) -> Iterator[Rule]:
    spec, namespace = ingress["spec"], ingress["metadata"]["namespace"]
    if "deletionTimestamp" in ingress["metadata"]:
        return
    for rule in spec.get("rules") or []:
        for path in (rule.get("http") or {}).get("paths") or []:
            found = _rule(namespace, rule.get("host") or "", path)
            if found:
                yield found
    if spec.get("defaultBackend"):
        found = _rule(namespace, "", {"backend": spec["defaultBackend"]})
        if found:
            yield found


def _rule(namespace: str, host: str, path: Raw) -> Rule | None:
    service = (path.get("backend") or {}).get("service")
    if not service:
        return None
    port = service.get("port") or {}
    return Rule(
        host=host.lower(),
        path=path.get("path") or "/",
        is_exact=path.get("pathType") == "Exact",
        backend=Backend(namespace, service["name"], port.get("name") or port.get("number") or 0),
    )


def _port_name(service: Raw, wanted: int | str) -> str | None:
    """The name of a Service's port, "" when it has none; None when there is no such port."""
    for port in service["spec"].get("ports") or []:
        if wanted in (port.get("port"), port.get("name")):
            return str(port.get("name") or "")
    return None
