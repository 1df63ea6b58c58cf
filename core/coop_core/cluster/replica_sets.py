"""The ReplicaSets that a Deployment makes: how they are called, sized and numbered. Pure."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.cluster.labels import LAST_APPLIED, POD_TEMPLATE_HASH, REVISION
from coop_core.cluster.owners import owner_reference

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw

DESIRED_REPLICAS = "deployment.kubernetes.io/desired-replicas"
MAX_REPLICAS = "deployment.kubernetes.io/max-replicas"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"

_SAFE = "bcdfghjklmnpqrstvwxz2456789"
"""Kubernetes' alphabet for generated names: no vowels, so no words."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a rollout may stray from the wished number of pods."""

    surge: int
    unavailable: int

    @classmethod
    def of(cls, deployment: Raw) -> Bounds:
        """Percentages round up for surge and down for unavailable; both zero would stall, so then one may go."""
        spec = deployment["spec"]
        strategy = spec.get("strategy") or {}
        if strategy.get("type") == "Recreate":
            return cls(0, 0)
        rolling = strategy.get("rollingUpdate") or {}
        wished = replicas(deployment)
        surge = _share(rolling.get("maxSurge", "25%"), wished, up=True)
        unavailable = _share(rolling.get("maxUnavailable", "25%"), wished, up=False)
        if not surge and not unavailable:
            unavailable = 1
        return cls(surge, min(unavailable, wished))


def replicas(body: Raw) -> int:
    """The wished number of pods of a Deployment or ReplicaSet."""
    wished = body["spec"].get("replicas")
    return 1 if wished is None else int(wished)


def made(deployment: Raw, size: int, revision: str) -> Raw:
    """The ReplicaSet of the Deployment's present template."""
    metadata, spec = deployment["metadata"], deployment["spec"]
    collisions = (deployment.get("status") or {}).get("collisionCount") or 0
    digest = template_hash(spec["template"], collisions)
    template = spec["template"]
    labels = {**((template.get("metadata") or {}).get("labels") or {}), POD_TEMPLATE_HASH: digest}
    selector = spec["selector"]
    return {
        "metadata": {
            "name": f"{metadata['name']}-{digest}",
            "namespace": metadata["namespace"],
            "labels": labels,
            "annotations": annotations_for(deployment, revision),
            "ownerReferences": [owner_reference(deployment)],
        },
        "spec": {
            "replicas": size,
            **({"minReadySeconds": spec["minReadySeconds"]} if spec.get("minReadySeconds") else {}),
            "selector": {
                **selector,
                "matchLabels": {**(selector.get("matchLabels") or {}), POD_TEMPLATE_HASH: digest},
            },
            "template": {**template, "metadata": {**(template.get("metadata") or {}), "labels": labels}},
        },
    }


def without_hash(template: Raw) -> Raw:
    """A template as the Deployment has it."""
    metadata = template.get("metadata") or {}
    labels = {name: value for name, value in (metadata.get("labels") or {}).items() if name != POD_TEMPLATE_HASH}
    return {**template, "metadata": {**metadata, "labels": labels}}


def template_hash(template: Raw, collisions: int = 0) -> str:
    """Ten safe characters that depend on the template's content alone."""
    text = json.dumps(without_hash(template), sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(f"{text}{collisions or ''}".encode()).digest()
    return "".join(_SAFE[byte % len(_SAFE)] for byte in digest[:10])


def annotations_for(deployment: Raw, revision: str, before: dict[str, str] | None = None) -> dict[str, str]:
    """A ReplicaSet's annotations: the Deployment's own (no tool's, no controller's) and the bookkeeping."""
    kept = dict(before or {})
    for name, value in (deployment["metadata"].get("annotations") or {}).items():
        if name != LAST_APPLIED and not name.startswith("deployment.kubernetes.io/"):
            kept[name] = value
    earlier = kept.get(REVISION)
    if earlier and earlier != revision:
        kept[REVISION_HISTORY] = ",".join(filter(None, (kept.get(REVISION_HISTORY), earlier)))
    kept[REVISION] = revision
    return kept | sizes(deployment)


def sizes(deployment: Raw) -> dict[str, str]:
    """How large the Deployment wished to be, and could become on the way."""
    wished = replicas(deployment)
    return {DESIRED_REPLICAS: str(wished), MAX_REPLICAS: str(wished + Bounds.of(deployment).surge)}


def revision_of(replica_set: Raw) -> int:
    """0 when it says none."""
    text = (replica_set["metadata"].get("annotations") or {}).get(REVISION, "0")
    return int(text) if text.isdigit() else 0


def age_order(body: Raw) -> tuple[str, int]:
    """Oldest first; two of one second in the order of their revision."""
    return body["metadata"].get("creationTimestamp", ""), revision_of(body)


def _share(value: int | str, whole: int, *, up: bool) -> int:
    """An absolute number, or a percentage of `whole`."""
    if isinstance(value, int):
        return value
    portion = whole * float(value.rstrip("%")) / 100
    return math.ceil(portion) if up else math.floor(portion)
