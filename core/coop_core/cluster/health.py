"""Health as Argo CD tells it: per object, and of many taken together.

Pure. Source: Argo CD, gitops-engine/pkg/health. A kind without a rule has no health, and does not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coop_core.cluster.kinds import Raw

Word = Literal["Healthy", "Suspended", "Progressing", "Missing", "Degraded", "Unknown"]
ORDER: tuple[Word, ...] = ("Healthy", "Suspended", "Progressing", "Missing", "Degraded", "Unknown")
"""Best to worst."""

_GROUPS = frozenset({"", "apps", "batch", "networking.k8s.io", "autoscaling", "apiregistration.k8s.io"})
"""Groups of the kinds that have a rule: a custom kind may well be called Service."""
_WAITING = "Waiting for rollout to finish:"
IGNORE = "argocd.argoproj.io/ignore-healthcheck"
IGNORE_RESTART_POLICY = "argocd.argoproj.io/ignore-restart-policy"


@dataclass(frozen=True, slots=True)
class Health:
    """One word and, where there is one, the reason."""

    status: Word
    message: str = ""


def of(body: Raw) -> Health | None:
    """The health of a live object; None when its kind has no rule or it asks not to be judged."""
    metadata = body.get("metadata") or {}
    if (metadata.get("annotations") or {}).get(IGNORE) == "true":
        return None
    if metadata.get("deletionTimestamp"):
        return Health("Progressing", "Pending deletion")
    group = str(body.get("apiVersion") or "").rpartition("/")[0]
    rule = _RULES.get(body.get("kind", "")) if group in _GROUPS else None
    try:
        return rule(body) if rule else None
    except (AttributeError, TypeError):  # of a kind whose fields nobody checks before it is stored
        return Health("Unknown", "a field is not of the type that it has to be")


def worst(found: Iterable[Health | None]) -> Health:
    """The worst of them; nothing to judge is Healthy."""
    known = [one for one in found if one is not None]
    return max(known, key=lambda one: ORDER.index(one.status), default=Health("Healthy"))


def application(resources: Iterable[tuple[Raw | None, bool]]) -> Health:
    """The health of an Application from (live object or None, whether its kind counts) of each of its resources.

    Missing only when every resource is missing; a partly missing one shows in its sync status.
    """
    pairs = list(resources)
    if pairs and all(live is None for live, _ in pairs):
        return Health("Missing")
    return worst(of(live) for live, counts in pairs if live is not None and counts)


def _deployment(body: Raw) -> Health:
    spec, seen = body.get("spec") or {}, body.get("status") or {}
    if spec.get("paused"):
        return Health("Suspended", "Deployment is paused")
    if (body.get("metadata") or {}).get("generation", 0) > seen.get("observedGeneration", 0):
        return Health(
            "Progressing",
            f"{_WAITING} observed deployment generation less than desired generation",
        )
    progressing = _condition(body, "Progressing")
    if progressing and progressing.get("reason") == "ProgressDeadlineExceeded":
        name = (body.get("metadata") or {}).get("name", "")
        return Health("Degraded", f'Deployment "{name}" exceeded its progress deadline')
    wished = 1 if spec.get("replicas") is None else spec["replicas"]
    updated, total = seen.get("updatedReplicas", 0), seen.get("replicas", 0)
    available = seen.get("availableReplicas", 0)
    if updated < wished:
        return Health("Progressing", f"{_WAITING} {updated} out of {wished} new replicas have been updated...")
    if total > updated:
        return Health("Progressing", f"{_WAITING} {total - updated} old replicas are pending termination...")
    if available < updated:
        return Health("Progressing", f"{_WAITING} {available} of {updated} updated replicas are available...")
    return Health("Healthy")


def _replica_set(body: Raw) -> Health:
    spec, seen = body.get("spec") or {}, body.get("status") or {}
    if (body.get("metadata") or {}).get("generation", 0) > seen.get("observedGeneration", 0):
        return Health("Progressing", f"{_WAITING} observed replica set generation less than desired")
    failure = _condition(body, "ReplicaFailure")
    if failure and failure.get("status") == "True":
        return Health("Degraded", str(failure.get("message", "")))
    wished = 1 if spec.get("replicas") is None else spec["replicas"]
    available = seen.get("availableReplicas", 0)
    if available < wished:
        message = f"{_WAITING} {available} out of {wished} new replicas are available..."
        return Health("Progressing", message)
    return Health("Healthy")


def _pod(body: Raw) -> Health:
    spec, seen = body.get("spec") or {}, body.get("status") or {}
    policy = spec.get("restartPolicy")
    containers = seen.get("containerStatuses") or []
    if policy == "Always":
        broken = _stuck_container(containers)
        if broken:
            return broken
    phase = seen.get("phase", "")
    if phase == "Pending":
        return Health("Progressing", str(seen.get("message", "")))
    if phase == "Succeeded":
        return Health("Healthy", str(seen.get("message", "")))
    if phase == "Failed":
        return Health("Degraded", str(seen.get("message", "")) or _exit_of(containers))
    if phase == "Running":
        return _running_pod(body, str(policy or ""), containers)
    return Health("Unknown", str(seen.get("message", "")))


def _running_pod(body: Raw, policy: str, containers: list[Raw]) -> Health:
    annotations = (body.get("metadata") or {}).get("annotations") or {}
    message = str((body.get("status") or {}).get("message", ""))
    if policy in ("OnFailure", "Never") and annotations.get(IGNORE_RESTART_POLICY) != "true":
        return Health("Progressing", message)
    ready = _condition(body, "Ready")
    if ready and ready.get("status") == "True":
        return Health("Healthy", message)
    if any((one.get("lastState") or {}).get("terminated") for one in containers):
        return Health("Degraded", message)
    return Health("Progressing", message)


def _stuck_container(containers: list[Raw]) -> Health | None:
    for one in containers:
        waiting = (one.get("state") or {}).get("waiting") or {}
        reason = waiting.get("reason", "")
        if reason.startswith("Err") or reason.endswith(("Error", "BackOff")):
            return Health("Degraded", str(waiting.get("message", "")))
    return None


def _exit_of(containers: list[Raw]) -> str:
    for one in containers:
        ended = (one.get("state") or {}).get("terminated") or {}
        if ended.get("exitCode"):
            return f'container "{one.get("name", "")}" failed with exit code {ended["exitCode"]}'
    return ""


def _service(body: Raw) -> Health:
    if (body.get("spec") or {}).get("type") != "LoadBalancer":
        return Health("Healthy")
    return _addressed(body)


def _addressed(body: Raw) -> Health:
    address = ((body.get("status") or {}).get("loadBalancer") or {}).get("ingress")
    return Health("Healthy") if address else Health("Progressing")


def _job(body: Raw) -> Health:
    for one in (body.get("status") or {}).get("conditions") or []:
        if one.get("status") == "True" and one.get("type") in ("Failed", "Complete", "Suspended"):
            words: dict[str, Word] = {"Failed": "Degraded", "Complete": "Healthy", "Suspended": "Suspended"}
            return Health(words[one["type"]], str(one.get("message", "")))
    return Health("Progressing")


def _cron_job(body: Raw) -> Health:
    seen = body.get("status") or {}
    if (body.get("spec") or {}).get("suspend"):
        return Health("Suspended", "CronJob is Suspended")
    started, succeeded = seen.get("lastScheduleTime"), seen.get("lastSuccessfulTime")
    if not started:
        return Health("Healthy", "CronJob has not been scheduled yet")
    if not succeeded:
        return Health("Healthy", "The CronJob never completed successfully. It may not be healthy")
    if seen.get("active"):
        return Health("Healthy", "The job is running. Its last execution may not have been successful")
    # Times in UTC with whole seconds compare as text.
    if str(succeeded) < str(started):
        return Health("Degraded", "CronJob has not completed its last execution successfully")
    return Health("Healthy", "CronJob has completed its last execution successfully")


def _stateful_set(body: Raw) -> Health:
    spec, seen = body.get("spec") or {}, body.get("status") or {}
    observed = _number(seen, "observedGeneration")
    if not observed or _number(body.get("metadata") or {}, "generation") > observed:
        return Health("Progressing", "Waiting for statefulset spec update to be observed...")
    lacking = _number(spec, "replicas", 1) - _number(seen, "readyReplicas")
    if lacking > 0:
        return Health("Progressing", f"Waiting for {lacking} pods to be ready...")
    if (spec.get("updateStrategy") or {}).get("type") != "OnDelete" and seen.get("updateRevision") != seen.get(
        "currentRevision"
    ):
        updated = _number(seen, "updatedReplicas")
        return Health("Progressing", f"waiting for statefulset rolling update to complete {updated} pods...")
    return Health("Healthy")


def _daemon_set(body: Raw) -> Health:
    seen = body.get("status") or {}
    if _number(body.get("metadata") or {}, "generation") > _number(seen, "observedGeneration"):
        return Health(
            "Progressing", "Waiting for rollout to finish: observed daemon set generation less than desired"
        )
    wished = _number(seen, "desiredNumberScheduled")
    for field, what in (
        ("updatedNumberScheduled", "new pods have been updated"),
        ("numberAvailable", "pods available"),
    ):
        if _number(seen, field) < wished:
            return Health("Progressing", f"{_WAITING} {_number(seen, field)} out of {wished} {what}...")
    return Health("Healthy")


def _claim(body: Raw) -> Health:
    words: dict[str, Word] = {"Bound": "Healthy", "Pending": "Progressing", "Lost": "Degraded"}
    return Health(words.get(str((body.get("status") or {}).get("phase")), "Unknown"))


def _autoscaler(body: Raw) -> Health:
    for one in (body.get("status") or {}).get("conditions") or []:
        kind, status, message = one.get("type"), one.get("status"), str(one.get("message", ""))
        if str(one.get("reason", "")).startswith("Failed") or one.get("reason") == "InvalidSelector":
            return Health("Degraded", message)
        if status == "True" and kind in ("AbleToScale", "ScalingLimited"):
            return Health("Healthy", message)
    return Health("Progressing", "Waiting to Autoscale")


def _api_service(body: Raw) -> Health:
    found = _condition(body, "Available")
    if found is None:
        return Health("Progressing", "Waiting to be processed")
    text = f"{found.get('reason', '')}: {found.get('message', '')}"
    return Health("Healthy" if found.get("status") == "True" else "Progressing", text)


def _number(body: Raw, field: str, default: int = 0) -> int:
    """A field of an object that nobody may have checked."""
    value = body.get(field)
    return value if isinstance(value, int) else default


def _condition(body: Raw, type_: str) -> Raw | None:
    found: list[Raw] = (body.get("status") or {}).get("conditions") or []
    return next((one for one in found if one.get("type") == type_), None)


_RULES = {
    "Deployment": _deployment,
    "ReplicaSet": _replica_set,
    "Pod": _pod,
    "Service": _service,
    "Ingress": _addressed,
    "Job": _job,
    "CronJob": _cron_job,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "PersistentVolumeClaim": _claim,
    "HorizontalPodAutoscaler": _autoscaler,
    "APIService": _api_service,
}
