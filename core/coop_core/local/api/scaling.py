"""The scale subresource: a workload seen as a number of replicas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from coop_core.cluster import jsonpath
from coop_core.cluster.kinds import REPLICATION_CONTROLLER
from coop_core.cluster.selectors import from_spec
from coop_core.local.api import managing
from coop_core.local.api.bodies import read_body, understood
from coop_core.local.api.requests import is_dry_run
from coop_core.local.api.statuses import bad_request

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw
    from coop_core.cluster.selectors import Requirement
    from coop_core.local.api.patching import Patch
    from coop_core.local.api.requests import Call
    from coop_core.local.objects import Objects


class _ScaleSpec(msgspec.Struct):
    replicas: int = 0


class _ScaleMetadata(msgspec.Struct, rename="camel"):
    resource_version: str = ""


class _Scale(msgspec.Struct):
    spec: _ScaleSpec = msgspec.field(default_factory=_ScaleSpec)
    metadata: _ScaleMetadata = msgspec.field(default_factory=_ScaleMetadata)


def scale_of(body: Raw, paths: Raw | None = None) -> Raw:
    """A workload as an autoscaling/v1 Scale. paths: where a custom kind has the numbers."""
    metadata, spec, status = body["metadata"], body.get("spec") or {}, body.get("status") or {}
    names = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    if paths is None:
        given = spec.get("selector")
        # A ReplicationController's selector is a map, everybody else's has matchLabels.
        is_map = body["kind"] == REPLICATION_CONTROLLER.name
        requirements = from_spec({"matchLabels": given} if is_map else given).requirements
        selector = ",".join(_written(requirement) for requirement in requirements)
        wanted, actual = spec.get("replicas", 0), status.get("replicas", 0)
    else:
        wanted = _whole(_only(body, paths.get("specReplicasPath")))
        actual = _whole(_only(body, paths.get("statusReplicasPath")))
        found = _only(body, paths.get("labelSelectorPath"))
        selector = found if isinstance(found, str) else ""
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: metadata[name] for name in names if name in metadata},
        "spec": {"replicas": wanted},
        "status": {"replicas": actual, "selector": selector},
    }


def _only(body: Raw, path: Any) -> Any:
    found = jsonpath.find(body, path) if isinstance(path, str) else []
    return found[0] if found else None


def _whole(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _written(requirement: Requirement) -> str:
    values = sorted(requirement.values)
    match requirement.operator:
        case "in" if len(values) == 1:
            return f"{requirement.key}={values[0]}"
        case "in" | "notin":
            return f"{requirement.key} {requirement.operator} ({','.join(values)})"
        case "exists":
            return requirement.key
        case "missing":
            return f"!{requirement.key}"


def encoded(call: Call, body: Raw) -> bytes:
    return msgspec.json.encode(scale_of(body, _paths(call)))


def _paths(call: Call) -> Raw | None:
    return call.custom.scale if call.custom else None


async def update(objects: Objects, call: Call) -> bytes:
    """PUT: the Scale replaces the number."""
    current = objects.get(call.kind, call.namespace, call.target.name)
    scale = understood(call.http, await read_body(call.http), "autoscaling/v1.Scale")
    return _write(objects, call, current, scale)


def patch(objects: Objects, call: Call, given: Patch) -> bytes:
    """PATCH: the patch is applied to the Scale."""
    current = objects.get(call.kind, call.namespace, call.target.name)
    return _write(objects, call, current, given.applied_to(call.kind, scale_of(current, _paths(call))))


def _write(objects: Objects, call: Call, current: Raw, scale: Raw) -> bytes:
    try:
        wanted = msgspec.convert(scale, _Scale)
    except msgspec.ValidationError as error:
        raise bad_request(f'Scale in version "autoscaling/v1" cannot be handled as a Scale: {error}') from error
    metadata = dict(current["metadata"])
    metadata["resourceVersion"] = wanted.metadata.resource_version or metadata["resourceVersion"]
    path = (_paths(call) or {}).get("specReplicasPath", ".spec.replicas")
    body = {**jsonpath.replaced(current, path, wanted.spec.replicas), "metadata": metadata}
    body = managing.noted(call, current, objects.updated(call.kind, body), objects.clock)
    stored = objects.updated(call.kind, body) if is_dry_run(call.query) else objects.update(call.kind, body)
    return encoded(call, stored)
