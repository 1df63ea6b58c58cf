"""What people see of the services: one row each, from the objects as they are.

All text in a view is clean: one printable line, fit for a terminal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from coop_core.clock import parse_rfc3339
from coop_core.cluster import containers, labels, rollout
from coop_core.cluster.live import newest_replica_set, pods_of, short
from coop_core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from coop_core.cluster.kinds import Raw

_WORD = 20
_HEALTH_TEXT_MATTERS = ("Progressing", "Degraded", "Missing", "Unknown")


@dataclass(frozen=True, slots=True)
class Objects:
    """Everything of the environments shown, in any order. Core events are optional."""

    applications: Iterable[Raw] = ()
    deployments: Iterable[Raw] = ()
    replica_sets: Iterable[Raw] = ()
    pods: Iterable[Raw] = ()
    ingresses: Iterable[Raw] = ()


@dataclass(frozen=True, slots=True)
class PodView:
    """A pod of a service. `is_current` is whether it is of the newest template."""

    name: str
    container: str
    """The container whose log people mean."""
    version: str
    is_ready: bool
    is_current: bool
    restarts: int
    trouble: str
    """What is wrong, "" when nothing is."""


@dataclass(frozen=True, slots=True)
class ServiceView:
    """One service in one environment."""

    environment: str
    service: str
    version: str
    """The source commit that serves, short; "" before the first pod is ready."""
    next_version: str
    """The source commit that is on its way, short; "" when no rollout runs or its template names none."""
    is_rolling: bool
    sync: str
    health: str
    ready: int
    wanted: int
    age_s: float | None
    """How long the version has been served; None before the first pod is ready."""
    url: str
    """"" without an ingress."""
    message: str
    """Why it is not well or not finished; "" when all is well."""
    deploy_commit: str
    """What the application was last compared with, in full; "" before the first comparison."""
    pods: tuple[PodView, ...] = field(default=())
    """Newest template first, ready ones first, then by name."""
    is_asleep: bool = False
    """Whether it has no pods because its environment was put to sleep."""


def services(objects: Objects, *, now_s: float, base_url: Callable[[str], str]) -> tuple[ServiceView, ...]:
    """A row for each application, `main` first, then by environment and service.

    base_url: from an ingress host to the address at which people reach it.
    """
    grouped = _Grouped(objects)
    rows = [
        _service(application, grouped, now_s, base_url)
        for application in objects.applications
        if _destination(application)
    ]
    return tuple(sorted(rows, key=lambda row: (row.environment != "main", row.environment, row.service)))


class _Grouped:
    """Objects by namespace and service, or by what owns them."""

    def __init__(self, objects: Objects) -> None:
        self.deployments = _by_service(objects.deployments)
        self.ingresses = _by_service(objects.ingresses)
        self.replica_sets = _by_owner(objects.replica_sets)
        self.pods = _by_owner(objects.pods)


def _by_service(bodies: Iterable[Raw]) -> dict[tuple[str, str], list[Raw]]:
    grouped: dict[tuple[str, str], list[Raw]] = {}
    for body in bodies:
        metadata = body["metadata"]
        service = (metadata.get("labels") or {}).get(labels.NAME) or metadata["name"]
        grouped.setdefault((metadata.get("namespace", ""), service), []).append(body)
    return grouped


def _by_owner(bodies: Iterable[Raw]) -> dict[str, list[Raw]]:
    """By the uid of each owner: looking through all pods for every service would cost their product."""
    grouped: dict[str, list[Raw]] = {}
    for body in bodies:
        for owner in body["metadata"].get("ownerReferences") or []:
            grouped.setdefault(str(owner.get("uid", "")), []).append(body)
    return grouped


def _service(application: Raw, grouped: _Grouped, now_s: float, base_url: Callable[[str], str]) -> ServiceView:
    environment, service = _destination(application), _service_name(application)
    deployment = _main_deployment(grouped.deployments.get((environment, service), []), service)
    pods = _pods(deployment, grouped) if deployment else ()
    status = application.get("status") or {}
    serving, since_s = _serving(pods)
    is_rolling = deployment is not None and not isinstance(rollout.status(deployment), rollout.Done)
    return ServiceView(
        environment=one_line(environment, 63),
        service=one_line(service, 63),
        version=serving,
        next_version=_commit(_template(deployment)) if deployment and is_rolling else "",
        is_rolling=is_rolling,
        sync=_word(status, "sync"),
        health=_word(status, "health"),
        ready=sum(row.is_ready for row, _ in pods),
        wanted=int((deployment.get("spec") or {}).get("replicas", 1)) if deployment else 0,
        age_s=max(0.0, now_s - since_s) if since_s is not None else None,
        url=_url(grouped.ingresses.get((environment, service), []), base_url),
        message=_message(status, deployment, pods),
        deploy_commit=one_line(str((status.get("sync") or {}).get("revision", "")), 64),
        pods=tuple(row for row, _ in pods),
        is_asleep=deployment is not None and _is_asleep(deployment),
    )


def _destination(application: Raw) -> str:
    return str(((application.get("spec") or {}).get("destination") or {}).get("namespace", ""))


def _service_name(application: Raw) -> str:
    metadata = application["metadata"]
    named = (metadata.get("labels") or {}).get(labels.NAME)
    return str(named) if named else str(metadata["name"]).removeprefix(f"{_destination(application)}-")


def _is_asleep(deployment: Raw) -> bool:
    annotations = deployment["metadata"].get("annotations") or {}
    return labels.ASLEEP in annotations and (deployment.get("spec") or {}).get("replicas") == 0


def _main_deployment(candidates: list[Raw], service: str) -> Raw | None:
    """The deployment called as the service, else the first by name."""
    ordered = sorted(candidates, key=lambda body: (body["metadata"]["name"] != service, body["metadata"]["name"]))
    return ordered[0] if ordered else None


_Pods = tuple[tuple[PodView, float | None], ...]
"""Pods and when each became ready."""


def _pods(deployment: Raw, grouped: _Grouped) -> _Pods:
    sets = grouped.replica_sets.get(str(deployment["metadata"].get("uid", "")), [])
    newest = newest_replica_set(deployment, sets)
    rows = [
        (_pod(pod, is_current=replica_set is newest), _ready_since(pod))
        for replica_set in sets
        for pod in pods_of(replica_set, grouped.pods.get(str(replica_set["metadata"].get("uid", "")), []))
    ]
    return tuple(sorted(rows, key=lambda row: (not row[0].is_current, not row[0].is_ready, row[0].name)))


def _pod(pod: Raw, *, is_current: bool) -> PodView:
    wrong = containers.trouble(pod)
    text = f"{wrong.reason}: {wrong.detail}" if wrong and wrong.detail else (wrong.reason if wrong else "")
    return PodView(
        name=one_line(str(pod["metadata"]["name"]), 253),
        container=one_line(containers.main_container(pod), 63),
        version=_commit(pod["metadata"]),
        is_ready=containers.is_ready(pod),
        is_current=is_current,
        restarts=containers.restarts(pod),
        trouble=one_line(text or containers.unready_reason(pod)),
    )


def _ready_since(pod: Raw) -> float | None:
    found = rollout.condition(pod, "Ready")
    if not found or found.get("status") != "True":
        return None
    return parse_rfc3339(str(found.get("lastTransitionTime", "")))


def _serving(pods: _Pods) -> tuple[str, float | None]:
    """The version of the ready pods (the newest template's when there are two), and since when."""
    ready = [(row, since_s) for row, since_s in pods if row.is_ready]
    if not ready:
        return "", None
    version = ready[0][0].version
    times = [since_s for row, since_s in ready if row.version == version and since_s is not None]
    return version, min(times) if times else None


def _template(deployment: Raw) -> Raw:
    """The pod template's metadata."""
    metadata: Raw = ((deployment.get("spec") or {}).get("template") or {}).get("metadata") or {}
    return metadata


def _commit(metadata: Raw) -> str:
    return short(str((metadata.get("annotations") or {}).get(labels.SOURCE_COMMIT, "")))


def _word(status: Raw, key: str) -> str:
    part: dict[str, Any] = status.get(key) or {}
    return one_line(str(part.get("status", "")), _WORD) or "Unknown"


def _url(ingresses: list[Raw], base_url: Callable[[str], str]) -> str:
    for ingress in sorted(ingresses, key=lambda body: str(body["metadata"]["name"])):
        for rule in (ingress.get("spec") or {}).get("rules") or []:
            if host := rule.get("host"):
                return base_url(one_line(str(host), 253))
    return ""


def _message(status: Raw, deployment: Raw | None, pods: _Pods) -> str:
    """The cause that helps most: a pod's own trouble, then the sync's, then the rollout's, then health's."""
    for row, _ in pods:
        if row.is_current and row.trouble and not row.is_ready:
            return row.trouble
    for condition in status.get("conditions") or []:
        if str(condition.get("type", "")).endswith("Error") and condition.get("message"):
            return one_line(str(condition["message"]))
    operation = status.get("operationState") or {}
    if operation.get("phase") in ("Failed", "Error"):
        return one_line(str(operation.get("message", ""))) or "the sync failed"
    if deployment and not isinstance(progress := rollout.status(deployment), rollout.Done):
        return progress.reason
    health = status.get("health") or {}
    if health.get("status") in _HEALTH_TEXT_MATTERS:
        return one_line(str(health.get("message", "")))
    return ""
