"""Rows of what runs: pods, and what makes pods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.clock import age, parse_rfc3339
from coop_core.cluster import kinds
from coop_core.cluster.pods import pod_ready, pod_restarts, pod_status
from coop_core.cluster.tables.parts import (
    NONE,
    age_of,
    at,
    columns,
    containers_of,
    labels_text,
    maps,
    name_of,
    number,
    selector_text,
    since,
    spec_of,
    status_of,
    text,
)

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.cluster.tables.parts import Cells, Columns


def _pod(body: Raw, now_s: float) -> Cells:
    spec, status = spec_of(body), status_of(body)
    gates = spec.get("readinessGates") or []
    met = {c["type"] for c in status.get("conditions") or () if c["status"] == "True"}
    return [
        name_of(body),
        pod_ready(body),
        pod_status(body),
        pod_restarts(body, now_s),
        age_of(body, now_s),
        status.get("podIP") or NONE,
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        f"{sum(gate.get('conditionType') in met for gate in gates)}/{len(gates)}" if gates else NONE,
    ]


def _ready(body: Raw) -> str:
    return f"{number(body, 'status.readyReplicas')}/{number(body, 'spec.replicas')}"


def _deployment(body: Raw, now_s: float) -> Cells:
    return [
        name_of(body),
        _ready(body),
        number(body, "status.updatedReplicas"),
        number(body, "status.availableReplicas"),
        age_of(body, now_s),
        *containers_of(body),
        selector_text(at(body, "spec.selector")),
    ]


def _replica_set(body: Raw, now_s: float) -> Cells:
    return [*_replicas(body), age_of(body, now_s), *containers_of(body), selector_text(at(body, "spec.selector"))]


def _replication_controller(body: Raw, now_s: float) -> Cells:
    return [*_replicas(body), age_of(body, now_s), *containers_of(body), labels_text(at(body, "spec.selector"))]


def _replicas(body: Raw) -> Cells:
    desired, current = number(body, "spec.replicas"), number(body, "status.replicas")
    return [name_of(body), desired, current, number(body, "status.readyReplicas")]


def _stateful_set(body: Raw, now_s: float) -> Cells:
    return [name_of(body), _ready(body), age_of(body, now_s), *containers_of(body)]


def _daemon_set(body: Raw, now_s: float) -> Cells:
    counters = (
        "desiredNumberScheduled", "currentNumberScheduled", "numberReady", "updatedNumberScheduled",
        "numberAvailable",
    )  # fmt: skip
    return [
        name_of(body),
        *(number(body, f"status.{counter}") for counter in counters),
        labels_text(at(body, "spec.template.spec.nodeSelector")),
        age_of(body, now_s),
        *containers_of(body),
        selector_text(at(body, "spec.selector")),
    ]


def _pod_template(body: Raw, _now_s: float) -> Cells:
    containers = containers_of(body, "template.spec.containers")
    return [name_of(body), *containers, labels_text(at(body, "template.metadata.labels"))]


def _controller_revision(body: Raw, now_s: float) -> Cells:
    owners = [one for one in maps(body, "metadata.ownerReferences") if one.get("controller")]
    owner = f"{text(owners[0], 'kind').lower()}/{text(owners[0], 'name')}" if owners else NONE
    return [name_of(body), owner, number(body, "revision"), age_of(body, now_s)]


def _is_true(body: Raw, condition: str) -> bool:
    return any(
        text(one, "type") == condition and text(one, "status") == "True" for one in maps(body, "status.conditions")
    )


def _job_state(body: Raw) -> str:
    for condition, state in (
        ("Complete", "Complete"),
        ("Failed", "Failed"),
        ("Suspended", "Suspended"),
        ("FailureTarget", "FailureTarget"),
        ("SuccessCriteriaMet", "SuccessCriteriaMet"),
    ):
        if _is_true(body, condition):
            return state
    return "Terminating" if at(body, "metadata.deletionTimestamp") else "Running"


def _completions(body: Raw) -> str:
    done, wanted = number(body, "status.succeeded"), at(body, "spec.completions")
    if isinstance(wanted, int):
        return f"{done}/{wanted}"
    parallel = number(body, "spec.parallelism")
    return f"{done}/1 of {parallel}" if parallel > 1 else f"{done}/1"


def _duration(body: Raw, now_s: float) -> str:
    start_s = parse_rfc3339(text(body, "status.startTime"))
    if start_s is None:
        return ""
    end_s = parse_rfc3339(text(body, "status.completionTime"))
    return age((now_s if end_s is None else end_s) - start_s)


def _job(body: Raw, now_s: float) -> Cells:
    return [
        name_of(body),
        _job_state(body),
        _completions(body),
        _duration(body, now_s),
        age_of(body, now_s),
        *containers_of(body),
        selector_text(at(body, "spec.selector")),
    ]


def _cron_job(body: Raw, now_s: float) -> Cells:
    last = text(body, "status.lastScheduleTime")
    return [
        name_of(body),
        text(body, "spec.schedule"),
        text(body, "spec.timeZone", NONE),
        "True" if at(body, "spec.suspend") is True else "False",
        len(maps(body, "status.active")),
        since(last, now_s) if last else NONE,
        age_of(body, now_s),
        *containers_of(body, "spec.jobTemplate.spec.template.spec.containers"),
        selector_text(at(body, "spec.jobTemplate.spec.selector")),
    ]


def _metric(spec: Raw, current: Raw | None) -> str:
    """One metric of an autoscaler: what is measured over what is wanted."""
    kind = text(spec, "type")
    part = kind[:1].lower() + kind[1:]
    target, is_ratio = at(spec, f"{part}.target"), at(spec, f"{part}.target.averageUtilization") is not None
    field = "averageUtilization" if is_ratio else "averageValue" if at(target, "averageValue") else "value"
    unit = "%" if is_ratio else ""
    now = text(current, f"{part}.current.{field}")
    name = f"{text(spec, f'{part}.name')}: " if part == "resource" else ""
    return f"{name}{now + unit if now else '<unknown>'}/{text(target, field, '<auto>')}{unit}"


def _autoscaler(body: Raw, now_s: float) -> Cells:
    measured = maps(body, "status.currentMetrics")
    metrics = [
        _metric(spec, measured[index] if index < len(measured) else None)
        for index, spec in enumerate(maps(body, "spec.metrics"))
    ]
    more = f" + {len(metrics) - 2} more..." if len(metrics) > 2 else ""
    return [
        name_of(body),
        f"{text(body, 'spec.scaleTargetRef.kind')}/{text(body, 'spec.scaleTargetRef.name')}",
        (", ".join(metrics[:2]) + more) or NONE,
        text(body, "spec.minReplicas", "<unset>"),
        number(body, "spec.maxReplicas"),
        number(body, "status.currentReplicas"),
        age_of(body, now_s),
    ]


def _disruption_budget(body: Raw, now_s: float) -> Cells:
    return [
        name_of(body),
        text(body, "spec.minAvailable", "N/A"),
        text(body, "spec.maxUnavailable", "N/A"),
        number(body, "status.disruptionsAllowed"),
        age_of(body, now_s),
    ]


_WIDE = "Containers,Images,Selector"
_REPLICAS = columns("Name,Desired,Current,Ready,Age", _WIDE, "Desired,Current,Ready")
TABLES: dict[Kind, Columns] = {
    kinds.POD: (columns("Name,Ready,Status,Restarts,Age", "IP,Node,Nominated Node,Readiness Gates"), _pod),
    kinds.DEPLOYMENT: (
        columns("Name,Ready,Up-to-date,Available,Age", _WIDE, "Up-to-date,Available"),
        _deployment,
    ),
    kinds.REPLICA_SET: (_REPLICAS, _replica_set),
    kinds.REPLICATION_CONTROLLER: (_REPLICAS, _replication_controller),
    kinds.STATEFUL_SET: (columns("Name,Ready,Age", "Containers,Images"), _stateful_set),
    kinds.DAEMON_SET: (
        columns(
            "Name,Desired,Current,Ready,Up-to-date,Available,Node Selector,Age",
            _WIDE,
            "Desired,Current,Ready,Up-to-date,Available",
        ),
        _daemon_set,
    ),
    kinds.POD_TEMPLATE: (columns("Name,Containers,Images,Pod Labels"), _pod_template),
    kinds.CONTROLLER_REVISION: (columns("Name,Controller,Revision,Age", numbers="Revision"), _controller_revision),
    kinds.JOB: (columns("Name,Status,Completions,Duration,Age", _WIDE), _job),
    kinds.CRON_JOB: (
        columns("Name,Schedule,Timezone,Suspend,Active,Last Schedule,Age", _WIDE, "Active"),
        _cron_job,
    ),
    kinds.AUTOSCALER: (
        columns("Name,Reference,Targets,MinPods,MaxPods,Replicas,Age", numbers="MaxPods,Replicas"),
        _autoscaler,
    ),
    kinds.DISRUPTION_BUDGET: (
        columns("Name,Min Available,Max Unavailable,Allowed Disruptions,Age", numbers="Allowed Disruptions"),
        _disruption_budget,
    ),
}
