"""Argo CD's Application."""

from __future__ import annotations

import msgspec

from coop_core.cluster.shapes.base import AnyMap, Metadata, Shape


class ApplicationSource(Shape):
    repo_url: str | None = msgspec.field(name="repoURL", default=None)
    target_revision: str | None = None
    path: str | None = None


class ApplicationDestination(Shape):
    server: str | None = None
    name: str | None = None
    namespace: str | None = None


class IgnoredDifference(Shape):
    group: str | None = None
    kind: str | None = None
    name: str | None = None
    namespace: str | None = None
    json_pointers: list[str] | None = None
    jq_path_expressions: list[str] | None = None
    managed_fields_managers: list[str] | None = None


class ApplicationSpec(Shape):
    project: str | None = None
    source: ApplicationSource | None = None
    destination: ApplicationDestination | None = None
    sync_policy: AnyMap = None
    ignore_differences: list[IgnoredDifference] | None = None


class SyncStatus(Shape):
    status: str | None = None
    revision: str | None = None


class HealthStatus(Shape):
    status: str | None = None


class ApplicationStatus(Shape):
    sync: SyncStatus | None = None
    health: HealthStatus | None = None
    operation_state: AnyMap = None


class Application(Shape):
    metadata: Metadata | None = None
    spec: ApplicationSpec | None = None
    status: ApplicationStatus | None = None
