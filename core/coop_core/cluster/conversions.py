"""Kinds that are another kind's objects in other words. Only the other kind is stored. Pure.

Source: Kubernetes pkg/apis/core/v1 and events/v1, autoscaling/v1 conversion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.cluster import kinds
from coop_core.cluster.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from coop_core.cluster.kinds import Raw

EVENTS_V1 = Kind("events.k8s.io", "v1", "events", "Event", short_names=("ev",), has_status=False)
AUTOSCALER_V1 = Kind(
    "autoscaling", "v1", "horizontalpodautoscalers", "HorizontalPodAutoscaler",
    short_names=("hpa",), categories=("all",),
)  # fmt: skip
VIEWS = (EVENTS_V1, AUTOSCALER_V1)


def stored_as(kind: Kind) -> Kind:
    view = _VIEWS.get(kind)
    return view.stored if view else kind


def outward(kind: Kind, body: Raw) -> Raw:
    """A stored object as `kind` shows it."""
    if body["apiVersion"] == kind.api_version:
        return body
    view = _VIEWS.get(kind)
    shown = view.outward(body) if view else body
    return {**shown, "apiVersion": kind.api_version, "kind": kind.name}


def inward(kind: Kind, body: Raw) -> Raw:
    """An object that a client wrote as `kind`, as it is stored."""
    view = _VIEWS.get(kind)
    if view is None:
        return body
    return {**view.inward(body), "apiVersion": view.stored.api_version, "kind": view.stored.name}


_EVENT_FIELDS = {
    "regarding": "involvedObject",
    "note": "message",
    "reportingController": "reportingComponent",
    "deprecatedCount": "count",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedSource": "source",
}


def _event_outward(body: Raw) -> Raw:
    back = {core: new for new, core in _EVENT_FIELDS.items()}
    shown = {back.get(name, name): value for name, value in body.items()}
    # The field may be null on the wire; the client's model takes no null.
    when = shown.get("eventTime") or body.get("firstTimestamp") or body["metadata"].get("creationTimestamp")
    return {**shown, "eventTime": _with_micros(when)} if when else shown


def _event_inward(body: Raw) -> Raw:
    return {_EVENT_FIELDS.get(name, name): value for name, value in body.items()}


def _with_micros(time: str) -> str:
    return time if "." in time else time.replace("Z", ".000000Z")


_CPU = "targetCPUUtilizationPercentage"


def _autoscaler_outward(body: Raw) -> Raw:
    spec, status = dict(body.get("spec") or {}), dict(body.get("status") or {})
    for metric in spec.pop("metrics", None) or ():
        resource = metric.get("resource") or {}
        wanted = (resource.get("target") or {}).get("averageUtilization")
        if resource.get("name") == "cpu" and wanted is not None:
            spec[_CPU] = wanted
    spec.pop("behavior", None)
    kept = {name: status[name] for name in ("observedGeneration", "lastScaleTime") if name in status}
    counts = {name: status.get(name) or 0 for name in ("currentReplicas", "desiredReplicas")}
    return {**body, "spec": spec, "status": {**kept, **counts}}


def _autoscaler_inward(body: Raw) -> Raw:
    spec = dict(body.get("spec") or {})
    wanted = spec.pop(_CPU, None)
    if wanted is not None:
        target = {"type": "Utilization", "averageUtilization": wanted}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    return {**body, "spec": spec}


@dataclass(frozen=True, slots=True)
class _View:
    stored: Kind
    outward: Callable[[Raw], Raw]
    inward: Callable[[Raw], Raw]


_VIEWS: dict[Kind, _View] = {
    EVENTS_V1: _View(kinds.EVENT, _event_outward, _event_inward),
    AUTOSCALER_V1: _View(kinds.AUTOSCALER, _autoscaler_outward, _autoscaler_inward),
}
