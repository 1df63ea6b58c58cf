"""Rows of what finds pods: services, ingresses, endpoints, policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.cluster import kinds
from coop_core.cluster.tables.parts import (
    NONE,
    UNSET,
    age_of,
    at,
    columns,
    joined,
    labels_text,
    name_of,
    selector_text,
    some,
    spec_of,
    status_of,
    text,
)

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.cluster.tables.parts import Cells, Columns


def _load_balancer(body: Raw) -> list[str]:
    entries = (status_of(body).get("loadBalancer") or {}).get("ingress") or []
    return [entry.get("ip") or entry.get("hostname") or "" for entry in entries]


def _external_ip(body: Raw) -> str:
    spec = spec_of(body)
    if spec.get("type") == "ExternalName":
        return spec.get("externalName") or NONE
    given = list(spec.get("externalIPs") or ())
    if spec.get("type") != "LoadBalancer":
        return joined(given)
    return ",".join(_load_balancer(body) + given) or "<pending>"


def _service_port(port: Raw) -> str:
    node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port.get('port')}{node_port}/{port.get('protocol') or 'TCP'}"


def _service(body: Raw, now_s: float) -> Cells:
    spec = spec_of(body)
    return [
        name_of(body),
        spec.get("type") or "ClusterIP",
        spec.get("clusterIP") or NONE,
        _external_ip(body),
        joined([_service_port(port) for port in spec.get("ports") or ()]),
        age_of(body, now_s),
        labels_text(spec.get("selector")),
    ]


def _ingress(body: Raw, now_s: float) -> Cells:
    spec = spec_of(body)
    hosts = [rule["host"] for rule in spec.get("rules") or () if rule.get("host")]
    return [
        name_of(body),
        spec.get("ingressClassName") or NONE,
        some(hosts) or "*",
        ",".join(_load_balancer(body)),
        "80, 443" if spec.get("tls") else "80",
        age_of(body, now_s),
    ]


def _ingress_class(body: Raw, now_s: float) -> Cells:
    parameters = at(body, "spec.parameters")
    kind = ".".join(part for part in (text(parameters, "kind"), text(parameters, "apiGroup")) if part)
    shown = f"{kind}/{text(parameters, 'name')}" if parameters else NONE
    return [name_of(body), text(body, "spec.controller"), shown, age_of(body, now_s)]


def _network_policy(body: Raw, now_s: float) -> Cells:
    return [name_of(body), selector_text(at(body, "spec.podSelector")), age_of(body, now_s)]


def _endpoints(body: Raw, now_s: float) -> Cells:
    addresses = [
        f"{address['ip']}:{port['port']}"
        for subset in body.get("subsets") or ()
        for port in subset.get("ports") or ()
        for address in subset.get("addresses") or ()
    ]
    return [name_of(body), some(addresses) or NONE, age_of(body, now_s)]


def _endpoint_slice(body: Raw, now_s: float) -> Cells:
    ports = [str(port.get("port") or "*") for port in body.get("ports") or ()]
    addresses = [address for entry in body.get("endpoints") or () for address in entry["addresses"]]
    return [
        name_of(body), body["addressType"], ",".join(ports) or UNSET, some(addresses) or UNSET, age_of(body, now_s)
    ]  # fmt: skip


TABLES: dict[Kind, Columns] = {
    kinds.SERVICE: (columns("Name,Type,Cluster-IP,External-IP,Port(s),Age", "Selector"), _service),
    kinds.INGRESS: (columns("Name,Class,Hosts,Address,Ports,Age"), _ingress),
    kinds.INGRESS_CLASS: (columns("Name,Controller,Parameters,Age"), _ingress_class),
    kinds.NETWORK_POLICY: (columns("Name,Pod-Selector,Age"), _network_policy),
    kinds.ENDPOINTS: (columns("Name,Endpoints,Age"), _endpoints),
    kinds.ENDPOINT_SLICE: (columns("Name,AddressType,Ports,Endpoints,Age"), _endpoint_slice),
}
