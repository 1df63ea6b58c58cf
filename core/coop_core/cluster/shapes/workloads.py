"""Deployments and ReplicaSets."""

from __future__ import annotations

from coop_core.cluster.shapes.base import Condition, LabelSelector, Metadata, Shape
from coop_core.cluster.shapes.pods import PodTemplate  # noqa: TC001  # msgspec reads annotations at run time


class RollingUpdate(Shape):
    max_surge: int | str | None = None
    max_unavailable: int | str | None = None


class Strategy(Shape):
    type: str | None = None
    rolling_update: RollingUpdate | None = None


class WorkloadSpec(Shape):
    replicas: int | None = None
    selector: LabelSelector | None = None
    template: PodTemplate | None = None
    strategy: Strategy | None = None
    min_ready_seconds: int | None = None
    revision_history_limit: int | None = None
    progress_deadline_seconds: int | None = None
    paused: bool | None = None


class WorkloadStatus(Shape):
    replicas: int | None = None
    ready_replicas: int | None = None
    available_replicas: int | None = None
    updated_replicas: int | None = None
    unavailable_replicas: int | None = None
    observed_generation: int | None = None
    conditions: list[Condition] | None = None


class Workload(Shape):
    metadata: Metadata | None = None
    spec: WorkloadSpec | None = None
    status: WorkloadStatus | None = None
