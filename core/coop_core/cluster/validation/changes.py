"""What may not change once an object exists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.cluster import kinds
from coop_core.cluster.causes import Cause, invalid, selector_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coop_core.cluster.kinds import Kind, Raw


_POLICIES = ("podFailurePolicy", "backoffLimitPerIndex", "successPolicy", "managedBy")
"""Of a Job."""


def immutable(kind: Kind, old: Raw, new: Raw) -> Iterator[Cause]:
    before, after = old.get("spec") or {}, new.get("spec") or {}
    if kind in (kinds.DEPLOYMENT, kinds.REPLICA_SET) and before.get("selector") != after.get("selector"):
        yield invalid("spec.selector", selector_text(after.get("selector")), "field is immutable")
    if kind == kinds.JOB:
        for field in ("selector", "template", "completionMode", *_POLICIES):
            if before.get(field) != after.get(field):
                yield invalid(f"spec.{field}", "{...}", "field is immutable")
    if kind == kinds.SERVICE and before.get("type") == after.get("type") != "ExternalName":
        was, now = before.get("clusterIP"), after.get("clusterIP")
        if was and now != was:
            yield invalid("spec.clusterIPs[0]", f'["{now}"]', "may not change once set")
    if kind == kinds.POD and _immutable_part(before) != _immutable_part(after):
        yield Cause(
            "FieldValueForbidden",
            "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
            "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to "
            "existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was "
            "previously negative)",
            "spec",
        )


def _immutable_part(spec: Raw) -> Raw:
    """A pod's spec without what may change; the scheduler's nodeName may come once."""
    free = ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "nodeName")
    fixed = {name: value for name, value in spec.items() if name not in free}
    for field in ("containers", "initContainers"):
        fixed[field] = [{**container, "image": ""} for container in spec.get(field) or ()]
    return fixed
