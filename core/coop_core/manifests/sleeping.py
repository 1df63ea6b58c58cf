"""Manifests of a service that sleeps: the same ones with no pods. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coop_core import yamls
from coop_core.cluster import labels
from coop_core.errors import CoopError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SCALED = {"Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"}
_SUSPENDED = {"CronJob", "Job"}
_NEVER_SLEEP = {"DaemonSet", "Pod"}


def asleep(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files that must change so that nothing runs; what cannot be read stays as it is.

    An autoscaler needs no change: it leaves alone what has zero replicas.
    """
    changed: dict[str, bytes] = {}
    for name, text in files.items():
        body = _body(text)
        if body is not None and (spec := _sleeping_spec(body)) is not None:
            metadata = body.get("metadata") or {}
            marks = {**(metadata.get("annotations") or {}), labels.ASLEEP: "true"}
            written = yamls.dump({**body, "metadata": {**metadata, "annotations": marks}, "spec": spec})
            if written != text:
                changed[name] = written
    return changed


def still_running(files: Mapping[str, bytes]) -> list[str]:
    """What keeps running all the same, as `kind/name`: Kubernetes has no zero for these."""
    bodies = (_body(text) for text in files.values())
    return [
        f"{body['kind'].lower()}/{(body.get('metadata') or {}).get('name', '')}"
        for body in bodies
        if body is not None and body.get("kind") in _NEVER_SLEEP
    ]


def _body(text: bytes) -> dict[str, Any] | None:
    try:
        value = yamls.load(text, "manifest")
    except CoopError:
        return None
    is_object = isinstance(value, dict) and isinstance(value.get("metadata") or {}, dict)
    return value if is_object else None


def _sleeping_spec(body: dict[str, Any]) -> dict[str, Any] | None:
    """The spec with which it runs nothing; None when it is of a kind that has none."""
    spec = body.get("spec") or {}
    if not isinstance(spec, dict):
        return None
    if body.get("kind") in _SCALED and spec.get("replicas") != 0:
        return {**spec, "replicas": 0}
    if body.get("kind") in _SUSPENDED and not spec.get("suspend"):
        return {**spec, "suspend": True}
    return None
