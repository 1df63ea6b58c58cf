"""A cluster made of plain objects, and a reader of it that tests drive by hand."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from coop_core.clock import rfc3339
from coop_core.cluster import kinds, labels
from coop_core.cluster.views import ServiceView
from coop_core.errors import CoopError
from coop_core.kube.following import Changed, Gone, Listed, Lost, Seen

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.kube.reading import LogQuery

NOW_S = 1_790_000_000.0


def metadata(name: str, namespace: str, **more: Any) -> Raw:
    return {"name": name, "namespace": namespace, "uid": f"{namespace}/{name}", **more}


class Service:
    """One service as its objects; change fields, then ask for the objects again."""

    def __init__(self, environment: str, name: str, *, commit: str = "3f2a1bc", replicas: int = 1) -> None:
        self.environment, self.name = environment, name
        self.commit, self.replicas, self.ready = commit, replicas, replicas
        self.sync, self.health, self.health_message = "Synced", "Healthy", ""
        self.pod_state: Raw = {"running": {}}
        self.last_state: Raw = {}
        self.restarts = 0
        self.served_s = 300.0
        self.host = f"{name}.{environment}.localhost"

    @property
    def _labels(self) -> Raw:
        return {labels.NAME: self.name}

    @property
    def application(self) -> Raw:
        status: Raw = {"status": self.health}
        if self.health_message:
            status["message"] = self.health_message
        return {
            "metadata": metadata(f"{self.environment}-{self.name}", kinds.ARGOCD_NAMESPACE, labels=self._labels),
            "spec": {"destination": {"namespace": self.environment}},
            "status": {"sync": {"status": self.sync, "revision": "a" * 40}, "health": status},
        }

    @property
    def deployment(self) -> Raw:
        return {
            "metadata": metadata(self.name, self.environment, labels=self._labels, generation=1)
            | {"annotations": {labels.REVISION: "1"}},
            "spec": {"replicas": self.replicas, "template": self._template},
            "status": {
                "observedGeneration": 1,
                "replicas": self.replicas,
                "updatedReplicas": self.replicas,
                "readyReplicas": self.ready,
                "availableReplicas": self.ready,
                "conditions": [
                    {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
                    {"type": "Available", "status": "True"},
                ],
            },
        }

    @property
    def _template(self) -> Raw:
        return {
            "metadata": {"labels": self._labels, "annotations": {labels.SOURCE_COMMIT: self.commit + "0" * 33}},
            "spec": {"containers": [{"name": self.name, "image": "coop.local/x"}]},
        }

    @property
    def _hash(self) -> str:
        return f"7d9f{self.commit[:4]}"

    @property
    def replica_set(self) -> Raw:
        name = f"{self.name}-{self._hash}"
        owner = {"kind": "Deployment", "name": self.name, "uid": f"{self.environment}/{self.name}"}
        return {
            "metadata": metadata(
                name,
                self.environment,
                labels=self._labels | {labels.POD_TEMPLATE_HASH: self._hash},
                ownerReferences=[owner | {"controller": True, "apiVersion": "apps/v1"}],
                annotations={labels.REVISION: "1"},
            ),
            "spec": {"replicas": self.replicas, "template": self._template},
        }

    @property
    def pods(self) -> list[Raw]:
        return [self._pod(index) for index in range(self.replicas)]

    def _pod(self, index: int) -> Raw:
        is_ready = index < self.ready
        set_name = f"{self.name}-{self._hash}"
        owner = {"kind": "ReplicaSet", "name": set_name, "uid": f"{self.environment}/{set_name}"}
        ready = {
            "type": "Ready",
            "status": str(is_ready),
            "lastTransitionTime": rfc3339(NOW_S - self.served_s),
        }
        container = {
            "name": self.name,
            "ready": is_ready,
            "restartCount": self.restarts,
            "state": {"running": {}} if is_ready else self.pod_state,
            "lastState": self.last_state,
        }
        return {
            "metadata": metadata(
                f"{set_name}-pod0{index}",
                self.environment,
                labels=self._labels | {labels.POD_TEMPLATE_HASH: self._hash},
                ownerReferences=[owner | {"controller": True, "apiVersion": "apps/v1"}],
                annotations={labels.SOURCE_COMMIT: self.commit + "0" * 33},
                creationTimestamp=rfc3339(NOW_S - self.served_s),
            ),
            "spec": {"containers": [{"name": self.name}]},
            "status": {"phase": "Running", "conditions": [ready], "containerStatuses": [container]},
        }

    @property
    def ingress(self) -> Raw:
        return {
            "metadata": metadata(self.name, self.environment, labels=self._labels),
            "spec": {"rules": [{"host": self.host}]},
        }

    def event(self, reason: str, message: str, *, warning: bool = False, ago_s: float = 60) -> Raw:
        pod = self.pods[0]["metadata"]["name"]
        return {
            "metadata": metadata(f"{pod}.{reason.lower()}", self.environment),
            "involvedObject": {"kind": "Pod", "name": pod},
            "type": "Warning" if warning else "Normal",
            "reason": reason,
            "message": message,
            "count": 3 if warning else 1,
            "lastTimestamp": rfc3339(NOW_S - ago_s),
        }


class Cluster:
    """Objects, watchers and logs. It implements what the dashboard reads, and streams what tests tell it."""

    def __init__(self, *services: Service) -> None:
        self.objects: dict[tuple[str, str], dict[str, Raw]] = defaultdict(dict)
        self._watchers: dict[tuple[str, str], set[asyncio.Queue[Seen]]] = defaultdict(set)
        self._logs: dict[str, asyncio.Queue[bytes | CoopError | None]] = defaultdict(asyncio.Queue)
        self.log_queries: list[tuple[str, LogQuery]] = []
        self.open_streams = 0
        for service in services:
            self.put(service)

    def put(self, service: Service) -> None:
        self.change(kinds.APPLICATION, service.application)
        self.change(kinds.DEPLOYMENT, service.deployment)
        self.change(kinds.REPLICA_SET, service.replica_set)
        self.change(kinds.INGRESS, service.ingress)
        for pod in service.pods:
            self.change(kinds.POD, pod)

    def change(self, kind: Kind, raw: Raw) -> None:
        where = (kind.plural, raw["metadata"]["namespace"])
        self.objects[where][raw["metadata"]["name"]] = raw
        self._tell(where, Changed(raw))

    def remove(self, kind: Kind, raw: Raw) -> None:
        where = (kind.plural, raw["metadata"]["namespace"])
        del self.objects[where][raw["metadata"]["name"]]
        self._tell(where, Gone(raw))

    def go_away(self, why: str) -> None:
        for where in list(self._watchers):
            self._tell(where, Lost(why))

    def come_back(self) -> None:
        for where in list(self._watchers):
            self._tell(where, self._listed(where))

    def _listed(self, where: tuple[str, str]) -> Listed:
        return Listed(tuple(self.objects[where].values()), "1")

    def _tell(self, where: tuple[str, str], seen: Seen) -> None:
        for watcher in self._watchers[where]:
            watcher.put_nowait(seen)

    def log(self, pod: str, data: bytes | CoopError | None) -> None:
        """More of a pod's log; None ends it, an error breaks it."""
        self._logs[pod].put_nowait(data)

    async def follow(self, kind: Kind, namespace: str | None = None) -> AsyncGenerator[Seen, None]:
        where = (kind.plural, namespace or "")
        queue: asyncio.Queue[Seen] = asyncio.Queue()
        self._watchers[where].add(queue)
        self.open_streams += 1
        try:
            yield self._listed(where)
            while True:
                yield await queue.get()
        finally:
            self.open_streams -= 1
            self._watchers[where].discard(queue)

    async def logs(self, namespace: str, pod: str, query: LogQuery | None = None) -> AsyncGenerator[bytes, None]:
        assert query is not None
        self.log_queries.append((pod, query))
        self.open_streams += 1
        try:
            while (data := await self._logs[pod].get()) is not None:
                if isinstance(data, CoopError):
                    raise data
                yield data
        finally:
            self.open_streams -= 1


HELLO = ServiceView(
    environment="dev-ada",
    service="hello",
    version="3f2a1bc",
    next_version="",
    is_rolling=False,
    sync="Synced",
    health="Healthy",
    ready=1,
    wanted=1,
    age_s=300.0,
    url="http://hello.dev-ada.localhost:4780",
    message="",
    deploy_commit="",
)
"""A row in which all is well."""
