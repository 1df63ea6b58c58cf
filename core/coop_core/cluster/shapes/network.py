"""Services, Ingresses and endpoints."""

from __future__ import annotations

from typing import Any

import msgspec

from coop_core.cluster.shapes.base import Metadata, Shape, Strings


class ServicePort(Shape):
    port: int | None = None
    name: str | None = None
    protocol: str | None = None
    target_port: int | str | None = None
    node_port: int | None = None


class ServiceSpec(Shape):
    type: str | None = None
    selector: Strings = None
    ports: list[ServicePort] | None = None
    cluster_ip: str | None = msgspec.field(name="clusterIP", default=None)
    external_name: str | None = None
    external_ips: list[str] | None = msgspec.field(name="externalIPs", default=None)


class LoadBalancerIngress(Shape):
    ip: str | None = None
    hostname: str | None = None


class LoadBalancer(Shape):
    ingress: list[LoadBalancerIngress] | None = None


class LoadBalancerStatus(Shape):
    load_balancer: LoadBalancer | None = None


class Service(Shape):
    metadata: Metadata | None = None
    spec: ServiceSpec | None = None
    status: LoadBalancerStatus | None = None


class BackendPort(Shape):
    number: int | None = None
    name: str | None = None


class BackendService(Shape):
    name: str | None = None
    port: BackendPort | None = None


class Backend(Shape):
    service: BackendService | None = None


class IngressPath(Shape):
    backend: Backend | None = None
    path: str | None = None
    path_type: str | None = None


class IngressHttp(Shape):
    paths: list[IngressPath] | None = None


class IngressRule(Shape):
    host: str | None = None
    http: IngressHttp | None = None


class IngressSpec(Shape):
    ingress_class_name: str | None = None
    default_backend: Backend | None = None
    rules: list[IngressRule] | None = None
    tls: list[dict[str, Any]] | None = None


class Ingress(Shape):
    metadata: Metadata | None = None
    spec: IngressSpec | None = None
    status: LoadBalancerStatus | None = None


class EndpointAddress(Shape):
    ip: str


class EndpointPort(Shape):
    port: int
    name: str | None = None


class EndpointSubset(Shape):
    addresses: list[EndpointAddress] | None = None
    ports: list[EndpointPort] | None = None


class Endpoints(Shape):
    metadata: Metadata | None = None
    subsets: list[EndpointSubset] | None = None


class SliceEndpoint(Shape):
    addresses: list[str]


class SlicePort(Shape):
    port: int | None = None
    name: str | None = None


class EndpointSlice(Shape):
    address_type: str
    endpoints: list[SliceEndpoint] | None = None
    metadata: Metadata | None = None
    ports: list[SlicePort] | None = None
