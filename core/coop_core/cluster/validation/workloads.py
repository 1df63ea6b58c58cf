"""What makes pods of a template."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.cluster.causes import invalid, map_text, required, unsupported
from coop_core.cluster.selectors import from_spec
from coop_core.cluster.validation.metadata import labels_causes
from coop_core.cluster.validation.pods import pod_spec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coop_core.cluster.causes import Cause
    from coop_core.cluster.kinds import Raw


def workload(body: Raw) -> Iterator[Cause]:
    spec = body["spec"]
    if spec["replicas"] < 0:
        yield invalid("spec.replicas", str(spec["replicas"]), "must be greater than or equal to 0")
    labels = spec["template"]["metadata"].get("labels") or {}
    yield from _selector(spec.get("selector"), labels)
    yield from labels_causes("spec.template.labels", labels)
    yield from pod_spec("spec.template.spec", spec["template"]["spec"])
    if spec["template"]["spec"]["restartPolicy"] in ("OnFailure", "Never"):
        policy = spec["template"]["spec"]["restartPolicy"]
        yield unsupported("spec.template.spec.restartPolicy", policy, ("Always",))
    strategy = (spec.get("strategy") or {}).get("type", "RollingUpdate")
    if strategy not in ("RollingUpdate", "Recreate"):
        yield unsupported("spec.strategy.type", strategy, ("Recreate", "RollingUpdate"))


def templated(body: Raw) -> Iterator[Cause]:
    """A StatefulSet, a DaemonSet or a ReplicationController."""
    yield from pod_spec("spec.template.spec", body["spec"]["template"]["spec"])


def _selector(selector: Raw | None, template_labels: dict[str, str]) -> Iterator[Cause]:
    if selector is None:
        yield required("spec.selector")
        return
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        yield invalid("spec.selector", "{}", "empty selector is invalid for deployment")
    elif not from_spec(selector).matches(template_labels):
        shown = map_text(template_labels)
        why = "`selector` does not match template `labels`"
        yield invalid("spec.template.metadata.labels", shown, why)
