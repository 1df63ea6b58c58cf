"""Services and Ingresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.cluster.causes import (
    SUBDOMAIN,
    SUBDOMAIN_RULE,
    invalid,
    port_causes,
    required,
    unsupported,
)
from coop_core.cluster.validation.metadata import labels_causes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coop_core.cluster.causes import Cause
    from coop_core.cluster.kinds import Raw


def service(body: Raw) -> Iterator[Cause]:
    spec = body["spec"]
    types = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
    if spec["type"] not in types:
        yield unsupported("spec.type", spec["type"], types)
    ports = spec.get("ports") or []
    if not ports and spec["type"] != "ExternalName" and spec.get("clusterIP") != "None":
        yield required("spec.ports")
    for index, port in enumerate(ports):
        where = f"spec.ports[{index}]"
        if port.get("port") is None:
            yield required(f"{where}.port")
        else:
            yield from port_causes(f"{where}.port", port["port"])
        if len(ports) > 1 and not port.get("name"):
            yield required(f"{where}.name")
        if isinstance(port.get("targetPort"), int):
            yield from port_causes(f"{where}.targetPort", port["targetPort"])
    yield from labels_causes("spec.selector", spec.get("selector"))


def ingress(body: Raw) -> Iterator[Cause]:
    spec = body["spec"]
    if not spec.get("rules") and not spec.get("defaultBackend"):
        yield invalid("spec", "null", "either `defaultBackend` or `rules` must be specified")
    for index, rule in enumerate(spec.get("rules") or ()):
        host = rule.get("host") or ""
        if host and not SUBDOMAIN.fullmatch(host.removeprefix("*.")):
            yield invalid(f"spec.rules[{index}].host", f'"{host}"', SUBDOMAIN_RULE)
        for position, path in enumerate((rule.get("http") or {}).get("paths") or ()):
            yield from _ingress_path(f"spec.rules[{index}].http.paths[{position}]", path)


def _ingress_path(field: str, path: Raw) -> Iterator[Cause]:
    path_types = ("Exact", "ImplementationSpecific", "Prefix")
    if path["pathType"] not in path_types:
        yield unsupported(f"{field}.pathType", path["pathType"], path_types)
    text = path.get("path") or ""
    if path["pathType"] in ("Exact", "Prefix") and not text.startswith("/"):
        yield invalid(f"{field}.path", f'"{text}"', "must be an absolute path")
    backend = path.get("backend") or {}
    if not backend.get("service") and not backend.get("resource"):
        yield required(f"{field}.backend", "port name or number is required")
