"""Namespaces, ConfigMaps, Secrets and Events."""

from __future__ import annotations

from coop_core.cluster.shapes.base import AnyMap, Metadata, Phase, Shape, Strings


class NamespaceSpec(Shape):
    finalizers: list[str] | None = None


class Namespace(Shape):
    metadata: Metadata | None = None
    spec: NamespaceSpec | None = None
    status: Phase | None = None


class ConfigMap(Shape):
    metadata: Metadata | None = None
    data: Strings = None
    binary_data: Strings = None


class Secret(Shape):
    metadata: Metadata | None = None
    type: str | None = None
    data: Strings = None
    string_data: Strings = None


class ObjectReference(Shape):
    kind: str | None = None
    namespace: str | None = None
    name: str | None = None
    uid: str | None = None
    api_version: str | None = None
    field_path: str | None = None


class EventSource(Shape):
    component: str | None = None
    host: str | None = None


class Event(Shape):
    involved_object: ObjectReference
    metadata: Metadata | None = None
    type: str | None = None
    reason: str | None = None
    message: str | None = None
    count: int | None = None
    first_timestamp: str | None = None
    last_timestamp: str | None = None
    event_time: str | None = None
    series: AnyMap = None
    source: EventSource | None = None
