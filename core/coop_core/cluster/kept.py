"""Kinds that the local platform keeps and nobody runs there: their defaults, and a status that says so. Pure.

Nothing here trusts a field to have its type: these kinds have no shape.
Source: Kubernetes pkg/apis/{apps,autoscaling,core,networking,policy,scheduling,storage}/v1/defaults.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coop_core.cluster import kinds
from coop_core.cluster.tables.parts import at

if TYPE_CHECKING:
    from collections.abc import Callable

    from coop_core.cluster.kinds import Kind, Raw

_WHY = {
    kinds.STATEFUL_SET: "no pod is started for it",
    kinds.DAEMON_SET: "no pod is started for it",
    kinds.REPLICATION_CONTROLLER: "no pod is started for it",
    kinds.AUTOSCALER: "nothing is scaled",
    kinds.DISRUPTION_BUDGET: "nothing is ever disrupted",
    kinds.PERSISTENT_VOLUME_CLAIM: "no volume is bound to it",
    kinds.PERSISTENT_VOLUME: "no claim is bound to it",
    kinds.NETWORK_POLICY: "no traffic is refused",
    kinds.RESOURCE_QUOTA: "nothing is counted",
    kinds.LIMIT_RANGE: "nothing is limited",
    kinds.ROLE: "it grants nothing",
    kinds.ROLE_BINDING: "it grants nothing",
    kinds.CLUSTER_ROLE: "it grants nothing",
    kinds.CLUSTER_ROLE_BINDING: "it grants nothing",
    kinds.VALIDATING_WEBHOOKS: "nobody is called",
    kinds.MUTATING_WEBHOOKS: "nobody is called",
    kinds.ADMISSION_POLICY: "nothing is refused",
    kinds.ADMISSION_BINDING: "nothing is refused",
    kinds.API_SERVICE: "nothing is forwarded",
}


def warning(kind: Kind) -> str | None:
    """What whoever creates such an object should know; None for a kind that means here what it means elsewhere."""
    why = _WHY.get(kind)
    return f"the local platform keeps a {kind.name}, and that is all: {why}" if why else None


def _condition(type_: str, body: Raw) -> Raw:
    since = at(body, "metadata.creationTimestamp")
    return {
        "type": type_,
        "status": "False",
        "reason": "NotRunLocally",
        "message": "the local platform keeps objects of this kind and does not run them",
        **({"lastTransitionTime": since} if isinstance(since, str) else {}),
    }


def _filled(given: Any, **defaults: object) -> Raw:
    present = {name: value for name, value in given.items() if value is not None} if isinstance(given, dict) else {}
    return {**defaults, **present}


def _stateful_set(body: Raw) -> Raw:
    spec = _filled(
        body.get("spec"),
        replicas=1,
        podManagementPolicy="OrderedReady",
        revisionHistoryLimit=10,
        persistentVolumeClaimRetentionPolicy={"whenDeleted": "Retain", "whenScaled": "Retain"},
    )
    spec["updateStrategy"] = _strategy(spec.get("updateStrategy"), partition=0)
    if isinstance(spec.get("volumeClaimTemplates"), list):
        spec["volumeClaimTemplates"] = [_claim_template(one) for one in spec["volumeClaimTemplates"]]
    return _with_status({**body, "spec": spec}, "Available", replicas=0, availableReplicas=0)


def _strategy(given: Any, **rolling: object) -> Raw:
    strategy = _filled(given, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        strategy["rollingUpdate"] = _filled(strategy.get("rollingUpdate"), **rolling)
    return strategy


def _claim_template(given: Any) -> Any:
    if not isinstance(given, dict):
        return given
    claim = {**given, "apiVersion": "v1", "kind": "PersistentVolumeClaim"}
    return {**claim, "spec": _filled(given.get("spec"), volumeMode="Filesystem"), "status": {"phase": "Pending"}}


def _daemon_set(body: Raw) -> Raw:
    spec = _filled(body.get("spec"), revisionHistoryLimit=10)
    spec["updateStrategy"] = _strategy(spec.get("updateStrategy"), maxSurge=0, maxUnavailable=1)
    counters = ("currentNumberScheduled", "desiredNumberScheduled", "numberMisscheduled", "numberReady")
    return _with_status({**body, "spec": spec}, "Available", **dict.fromkeys(counters, 0))


def _replication_controller(body: Raw) -> Raw:
    return {
        **body,
        "spec": _filled(body.get("spec"), replicas=1),
        "status": _filled(body.get("status"), replicas=0),
    }


def _autoscaler(body: Raw) -> Raw:
    spec = _filled(body.get("spec"), minReplicas=1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    return _with_status({**body, "spec": spec}, "AbleToScale", currentReplicas=0, desiredReplicas=0)


def _disruption_budget(body: Raw) -> Raw:
    counters = ("currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods")
    return _with_status(body, "DisruptionAllowed", **dict.fromkeys(counters, 0))


def _claim(body: Raw) -> Raw:
    spec = _filled(body.get("spec"), volumeMode="Filesystem")
    return {**body, "spec": spec, "status": _filled(body.get("status"), phase="Pending")}


def _volume(body: Raw) -> Raw:
    spec = _filled(body.get("spec"), persistentVolumeReclaimPolicy="Retain", volumeMode="Filesystem")
    return {**body, "spec": spec, "status": _filled(body.get("status"), phase="Available")}


def _network_policy(body: Raw) -> Raw:
    spec = _filled(body.get("spec"))
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", *(["Egress"] if spec.get("egress") else ())]
    return {**body, "spec": spec}


def _with_status(body: Raw, condition: str, **counters: object) -> Raw:
    status = _filled(body.get("status"), **counters)
    if not status.get("conditions"):
        status["conditions"] = [_condition(condition, body)]
    return {**body, "status": status}


def _top(**defaults: object) -> Callable[[Raw], Raw]:
    """For kinds whose fields stand beside metadata."""
    return lambda body: {**body, **_filled({k: v for k, v in body.items() if k in defaults}, **defaults)}


FILLERS: dict[Kind, Callable[[Raw], Raw]] = {
    kinds.STATEFUL_SET: _stateful_set,
    kinds.DAEMON_SET: _daemon_set,
    kinds.REPLICATION_CONTROLLER: _replication_controller,
    kinds.AUTOSCALER: _autoscaler,
    kinds.DISRUPTION_BUDGET: _disruption_budget,
    kinds.PERSISTENT_VOLUME_CLAIM: _claim,
    kinds.PERSISTENT_VOLUME: _volume,
    kinds.NETWORK_POLICY: _network_policy,
    kinds.VOLUME_ATTACHMENT: lambda body: {**body, "status": _filled(body.get("status"), attached=False)},
    kinds.STORAGE_CLASS: _top(reclaimPolicy="Delete", volumeBindingMode="Immediate"),
    kinds.PRIORITY_CLASS: _top(preemptionPolicy="PreemptLowerPriority"),
}
TEMPLATED = (kinds.STATEFUL_SET, kinds.DAEMON_SET, kinds.REPLICATION_CONTROLLER)
"""Those with a pod template, which `defaults` fills."""
