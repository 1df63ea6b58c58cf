"""The types of the fields that coop reads, per kind; everything else in an object passes as it is.

Past this check, code may index into an object without asking at each step whether a list is a list.
Source: the Kubernetes API reference, and Argo CD's Application type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from coop_core.cluster import kinds

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Kind, Raw

Strings = dict[str, str] | None
AnyMap = dict[str, Any] | None


class _Shape(msgspec.Struct, rename="camel"):
    """Unknown fields are ignored; null stands for absent."""


class OwnerReference(_Shape):
    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool | None = None
    block_owner_deletion: bool | None = None


class Metadata(_Shape):
    name: str | None = None
    generate_name: str | None = None
    namespace: str | None = None
    uid: str | None = None
    resource_version: str | None = None
    labels: Strings = None
    annotations: Strings = None
    finalizers: list[str] | None = None
    owner_references: list[OwnerReference] | None = None
    managed_fields: list[dict[str, Any]] | None = None


class LabelRequirement(_Shape):
    key: str
    operator: str
    values: list[str] | None = None


class LabelSelector(_Shape):
    match_labels: Strings = None
    match_expressions: list[LabelRequirement] | None = None


class HttpGet(_Shape):
    port: int | str
    path: str | None = None
    scheme: str | None = None
    host: str | None = None
    http_headers: list[dict[str, str]] | None = None


class TcpSocket(_Shape):
    port: int | str
    host: str | None = None


class Exec(_Shape):
    command: list[str] | None = None


class Probe(_Shape):
    http_get: HttpGet | None = None
    tcp_socket: TcpSocket | None = None
    exec: Exec | None = None
    initial_delay_seconds: int | None = None
    timeout_seconds: int | None = None
    period_seconds: int | None = None
    success_threshold: int | None = None
    failure_threshold: int | None = None


class ContainerPort(_Shape):
    container_port: int | None = None
    name: str | None = None
    protocol: str | None = None
    host_port: int | None = None


class EnvVar(_Shape):
    name: str | None = None
    value: str | None = None
    value_from: AnyMap = None


class Container(_Shape):
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


class PodSpec(_Shape):
    containers: list[Container] | None = None
    init_containers: list[Container] | None = None
    volumes: list[dict[str, Any]] | None = None
    restart_policy: str | None = None
    termination_grace_period_seconds: int | None = None
    node_name: str | None = None
    security_context: AnyMap = None
    readiness_gates: list[dict[str, Any]] | None = None


class PodTemplate(_Shape):
    metadata: Metadata | None = None
    spec: PodSpec | None = None


class Condition(_Shape):
    type: str
    status: str
    reason: str | None = None
    message: str | None = None


class ContainerRunning(_Shape):
    started_at: str | None = None


class ContainerWaiting(_Shape):
    reason: str | None = None
    message: str | None = None


class ContainerTerminated(_Shape):
    exit_code: int
    signal: int | None = None
    reason: str | None = None
    message: str | None = None
    started_at: str | None = None
    finished_at: str | None = None


class ContainerState(_Shape):
    waiting: ContainerWaiting | None = None
    running: ContainerRunning | None = None
    terminated: ContainerTerminated | None = None


class ContainerStatus(_Shape):
    name: str
    image: str
    image_id: str = msgspec.field(name="imageID")
    ready: bool = msgspec.field()
    restart_count: int = msgspec.field()
    state: ContainerState | None = None
    last_state: ContainerState | None = None


class PodStatus(_Shape):
    phase: str | None = None
    reason: str | None = None
    message: str | None = None
    pod_ip: str | None = msgspec.field(name="podIP", default=None)
    conditions: list[Condition] | None = None
    container_statuses: list[ContainerStatus] | None = None
    init_container_statuses: list[ContainerStatus] | None = None


class Pod(_Shape):
    metadata: Metadata | None = None
    spec: PodSpec | None = None
    status: PodStatus | None = None


class RollingUpdate(_Shape):
    max_surge: int | str | None = None
    max_unavailable: int | str | None = None


class Strategy(_Shape):
    type: str | None = None
    rolling_update: RollingUpdate | None = None


class WorkloadSpec(_Shape):
    replicas: int | None = None
    selector: LabelSelector | None = None
    template: PodTemplate | None = None
    strategy: Strategy | None = None
    min_ready_seconds: int | None = None
    revision_history_limit: int | None = None
    progress_deadline_seconds: int | None = None
    paused: bool | None = None


class WorkloadStatus(_Shape):
    replicas: int | None = None
    ready_replicas: int | None = None
    available_replicas: int | None = None
    updated_replicas: int | None = None
    unavailable_replicas: int | None = None
    observed_generation: int | None = None
    conditions: list[Condition] | None = None


class Workload(_Shape):
    metadata: Metadata | None = None
    spec: WorkloadSpec | None = None
    status: WorkloadStatus | None = None


class ServicePort(_Shape):
    port: int | None = None
    name: str | None = None
    protocol: str | None = None
    target_port: int | str | None = None
    node_port: int | None = None


class ServiceSpec(_Shape):
    type: str | None = None
    selector: Strings = None
    ports: list[ServicePort] | None = None
    cluster_ip: str | None = msgspec.field(name="clusterIP", default=None)
    external_name: str | None = None
    external_ips: list[str] | None = msgspec.field(name="externalIPs", default=None)


class LoadBalancerIngress(_Shape):
    ip: str | None = None
    hostname: str | None = None


class LoadBalancer(_Shape):
    ingress: list[LoadBalancerIngress] | None = None


class LoadBalancerStatus(_Shape):
    load_balancer: LoadBalancer | None = None


class Service(_Shape):
    metadata: Metadata | None = None
    spec: ServiceSpec | None = None
    status: LoadBalancerStatus | None = None


class BackendPort(_Shape):
    number: int | None = None
    name: str | None = None


class BackendService(_Shape):
    name: str | None = None
    port: BackendPort | None = None


class Backend(_Shape):
    service: BackendService | None = None


class IngressPath(_Shape):
    backend: Backend | None = None
    path: str | None = None
    path_type: str | None = None


class IngressHttp(_Shape):
    paths: list[IngressPath] | None = None


class IngressRule(_Shape):
    host: str | None = None
    http: IngressHttp | None = None


class IngressSpec(_Shape):
    ingress_class_name: str | None = None
    default_backend: Backend | None = None
    rules: list[IngressRule] | None = None
    tls: list[dict[str, Any]] | None = None


class Ingress(_Shape):
    metadata: Metadata | None = None
    spec: IngressSpec | None = None
    status: LoadBalancerStatus | None = None


class NamespaceSpec(_Shape):
    finalizers: list[str] | None = None


class Phase(_Shape):
    phase: str | None = None


class Namespace(_Shape):
    metadata: Metadata | None = None
    spec: NamespaceSpec | None = None
    status: Phase | None = None


class ConfigMap(_Shape):
    metadata: Metadata | None = None
    data: Strings = None
    binary_data: Strings = None


class Secret(_Shape):
    metadata: Metadata | None = None
    type: str | None = None
    data: Strings = None
    string_data: Strings = None


class ObjectReference(_Shape):
    kind: str | None = None
    namespace: str | None = None
    name: str | None = None
    uid: str | None = None
    api_version: str | None = None
    field_path: str | None = None


class EventSource(_Shape):
    component: str | None = None
    host: str | None = None


class Event(_Shape):
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


class EndpointAddress(_Shape):
    ip: str


class EndpointPort(_Shape):
    port: int
    name: str | None = None


class EndpointSubset(_Shape):
    addresses: list[EndpointAddress] | None = None
    ports: list[EndpointPort] | None = None


class Endpoints(_Shape):
    metadata: Metadata | None = None
    subsets: list[EndpointSubset] | None = None


class SliceEndpoint(_Shape):
    addresses: list[str]


class SlicePort(_Shape):
    port: int | None = None
    name: str | None = None


class EndpointSlice(_Shape):
    address_type: str
    endpoints: list[SliceEndpoint] | None = None
    metadata: Metadata | None = None
    ports: list[SlicePort] | None = None


class ApplicationSource(_Shape):
    repo_url: str | None = msgspec.field(name="repoURL", default=None)
    target_revision: str | None = None
    path: str | None = None


class ApplicationDestination(_Shape):
    server: str | None = None
    name: str | None = None
    namespace: str | None = None


class ApplicationSpec(_Shape):
    project: str | None = None
    source: ApplicationSource | None = None
    destination: ApplicationDestination | None = None
    sync_policy: AnyMap = None


class SyncStatus(_Shape):
    status: str | None = None
    revision: str | None = None


class HealthStatus(_Shape):
    status: str | None = None


class ApplicationStatus(_Shape):
    sync: SyncStatus | None = None
    health: HealthStatus | None = None
    operation_state: AnyMap = None


class Application(_Shape):
    metadata: Metadata | None = None
    spec: ApplicationSpec | None = None
    status: ApplicationStatus | None = None


class Plain(_Shape):
    """For kinds of which only the metadata is read."""

    metadata: Metadata | None = None


_SHAPES: dict[Kind, type[_Shape]] = {
    kinds.NAMESPACE: Namespace,
    kinds.POD: Pod,
    kinds.SERVICE: Service,
    kinds.ENDPOINTS: Endpoints,
    kinds.CONFIG_MAP: ConfigMap,
    kinds.SECRET: Secret,
    kinds.EVENT: Event,
    kinds.DEPLOYMENT: Workload,
    kinds.REPLICA_SET: Workload,
    kinds.INGRESS: Ingress,
    kinds.ENDPOINT_SLICE: EndpointSlice,
    kinds.APPLICATION: Application,
}


def misfit(kind: Kind, body: Raw) -> str | None:
    """Which field has a value of the wrong type, and what was expected; None when all fit.

    The text quotes no value: a Secret's content never shows in it.
    """
    try:
        msgspec.convert(body, _SHAPES.get(kind, Plain))
    except msgspec.ValidationError as error:
        return str(error)
    return None
