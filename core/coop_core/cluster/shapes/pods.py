"""Pods, their templates and their status."""

from __future__ import annotations

from typing import Any

import msgspec

from coop_core.cluster.shapes.base import AnyMap, Condition, Metadata, Shape


class HttpGet(Shape):
    port: int | str
    path: str | None = None
    scheme: str | None = None
    host: str | None = None
    http_headers: list[dict[str, str]] | None = None


class TcpSocket(Shape):
    port: int | str
    host: str | None = None


class Exec(Shape):
    command: list[str] | None = None


class Probe(Shape):
    http_get: HttpGet | None = None
    tcp_socket: TcpSocket | None = None
    exec: Exec | None = None
    initial_delay_seconds: int | None = None
    timeout_seconds: int | None = None
    period_seconds: int | None = None
    success_threshold: int | None = None
    failure_threshold: int | None = None


class ContainerPort(Shape):
    container_port: int | None = None
    name: str | None = None
    protocol: str | None = None
    host_port: int | None = None


class EnvVar(Shape):
    name: str | None = None
    value: str | None = None
    value_from: AnyMap = None


class Container(Shape):
    name: str | None = None
    image: str | None = None
    command: list[str] | None = None
    args: list[str] | None = None
    working_dir: str | None = None
    env: list[EnvVar] | None = None
    env_from: list[dict[str, Any]] | None = None
    ports: list[ContainerPort] | None = None
    readiness_probe: Probe | None = None
    liveness_probe: Probe | None = None
    startup_probe: Probe | None = None
    image_pull_policy: str | None = None
    resources: AnyMap = None
    volume_mounts: list[dict[str, Any]] | None = None
    lifecycle: AnyMap = None


class PodSpec(Shape):
    containers: list[Container] | None = None
    init_containers: list[Container] | None = None
    volumes: list[dict[str, Any]] | None = None
    restart_policy: str | None = None
    termination_grace_period_seconds: int | None = None
    node_name: str | None = None
    security_context: AnyMap = None
    readiness_gates: list[dict[str, Any]] | None = None


class PodTemplate(Shape):
    metadata: Metadata | None = None
    spec: PodSpec | None = None


class ContainerRunning(Shape):
    started_at: str | None = None


class ContainerWaiting(Shape):
    reason: str | None = None
    message: str | None = None


class ContainerTerminated(Shape):
    exit_code: int
    signal: int | None = None
    reason: str | None = None
    message: str | None = None
    started_at: str | None = None
    finished_at: str | None = None


class ContainerState(Shape):
    waiting: ContainerWaiting | None = None
    running: ContainerRunning | None = None
    terminated: ContainerTerminated | None = None


class ContainerStatus(Shape):
    name: str
    image: str
    image_id: str = msgspec.field(name="imageID")
    ready: bool = msgspec.field()
    restart_count: int = msgspec.field()
    state: ContainerState | None = None
    last_state: ContainerState | None = None


class PodStatus(Shape):
    phase: str | None = None
    reason: str | None = None
    message: str | None = None
    pod_ip: str | None = msgspec.field(name="podIP", default=None)
    conditions: list[Condition] | None = None
    container_statuses: list[ContainerStatus] | None = None
    init_container_statuses: list[ContainerStatus] | None = None


class Pod(Shape):
    metadata: Metadata | None = None
    spec: PodSpec | None = None
    status: PodStatus | None = None
