"""Service to Endpoints and EndpointSlices: where the ready pods of a Service really listen.

On the local platform every pod listens on a port of its own, given in its annotations, whatever its containerPort
says. So each pod is a subset, and a slice, of its own.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.cluster import kinds, selectors
from coop_core.cluster.owners import owner_reference
from coop_core.local.controllers.deployments import is_controlled_by
from coop_core.local.controllers.loop import Controller, Key
from coop_core.local.controllers.replica_sets import is_ready
from coop_core.local.ports import local_port

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coop_core.cluster.kinds import Kind, Raw

_SERVICE_NAME = "kubernetes.io/service-name"
_OURS = {"endpoints.kubernetes.io/managed-by": "endpoint-controller"}
_MANAGED_BY = "endpointslice.kubernetes.io/managed-by"


@dataclass(frozen=True, slots=True)
class _Backend:
    """One pod behind a Service; ports are (name, local port, protocol)."""

    pod: Raw
    ready: bool
    ports: tuple[tuple[str, int, str], ...]


class EndpointsController(Controller):
    """Keeps Endpoints and EndpointSlices of Services that have a selector."""

    name = "endpoints"
    watches = (kinds.SERVICE, kinds.POD, kinds.ENDPOINTS, kinds.ENDPOINT_SLICE)

    def keys(self, kind: Kind, body: Raw) -> Iterable[Key]:
        metadata = body["metadata"]
        if kind is kinds.POD:
            labels = metadata.get("labels") or {}
            for service in self.objects.select(kinds.SERVICE, metadata["namespace"]):
                wanted = service["spec"].get("selector")
                if wanted and selectors.from_spec({"matchLabels": wanted}).matches(labels):
                    yield (metadata["namespace"], service["metadata"]["name"])
        elif kind is kinds.ENDPOINT_SLICE:
            service_name = (metadata.get("labels") or {}).get(_SERVICE_NAME)
            if service_name:
                yield (metadata["namespace"], service_name)
        else:
            yield (metadata["namespace"], metadata["name"])

    async def reconcile(self, key: Key) -> float | None:
        service = self.objects.find(kinds.SERVICE, *key)
        if service is None:
            # Endpoints have their Service's name and no owner: nobody else takes ours away.
            left = self.objects.find(kinds.ENDPOINTS, *key)
            if left is not None and _OURS.items() <= (left["metadata"].get("labels") or {}).items():
                self.objects.delete(kinds.ENDPOINTS, *key)
            return None
        if service["spec"].get("selector"):
            backends = self._backends(service)
            self._write_endpoints(service, backends)
            self._write_slices(service, backends)
        return None

    def _backends(self, service: Raw) -> list[_Backend]:
        spec, namespace = service["spec"], service["metadata"]["namespace"]
        found = []
        for pod in self.objects.select(kinds.POD, namespace, spec["selector"]):
            status = pod.get("status") or {}
            if "deletionTimestamp" in pod["metadata"] or status.get("phase") != "Running":
                continue
            ports = tuple(
                (port.get("name", ""), number, port.get("protocol", "TCP"))
                for port in spec.get("ports") or []
                if (number := local_port(pod, port.get("targetPort", port["port"]))) is not None
            )
            if ports:
                ready = is_ready(pod) or bool(spec.get("publishNotReadyAddresses"))
                found.append(_Backend(pod, ready, ports))
        return found

    def _write_endpoints(self, service: Raw, backends: list[_Backend]) -> None:
        metadata = service["metadata"]
        body = {
            "metadata": {
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "labels": {**(metadata.get("labels") or {}), **_OURS},
            },
            "subsets": [
                {
                    "addresses" if backend.ready else "notReadyAddresses": [_address(backend.pod)],
                    "ports": [
                        {**({"name": name} if name else {}), "port": number, "protocol": protocol}
                        for name, number, protocol in backend.ports
                    ],
                }
                for backend in backends
            ],
        }
        self._put(kinds.ENDPOINTS, body)

    def _write_slices(self, service: Raw, backends: list[_Backend]) -> None:
        metadata = service["metadata"]
        wanted = {}
        for backend in backends:
            suffix = hashlib.sha256(backend.pod["metadata"]["uid"].encode()).hexdigest()[:5]
            name = f"{metadata['name'][:57]}-{suffix}"
            wanted[name] = _slice(service, name, backend)
        for existing in self.objects.select(
            kinds.ENDPOINT_SLICE, metadata["namespace"], {_SERVICE_NAME: metadata["name"]}
        ):
            name = existing["metadata"]["name"]
            if name not in wanted and is_controlled_by(existing, metadata["uid"]):
                self.objects.delete(kinds.ENDPOINT_SLICE, metadata["namespace"], name)
        for body in wanted.values():
            self._put(kinds.ENDPOINT_SLICE, body)

    def _put(self, kind: Kind, body: Raw) -> None:
        metadata = body["metadata"]
        if self.objects.find(kind, metadata["namespace"], metadata["name"]) is None:
            self.objects.create(kind, body)
        else:
            self.objects.update(kind, body)


def _address(pod: Raw) -> Raw:
    return {"ip": "127.0.0.1", "nodeName": pod["spec"].get("nodeName", ""), "targetRef": _reference(pod)}


def _reference(pod: Raw) -> Raw:
    metadata = pod["metadata"]
    return {"kind": "Pod", "name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"]}


def _slice(service: Raw, name: str, backend: _Backend) -> Raw:
    metadata = service["metadata"]
    return {
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "labels": {
                **(metadata.get("labels") or {}),
                _SERVICE_NAME: metadata["name"],
                _MANAGED_BY: "endpointslice-controller.k8s.io",
            },
            "ownerReferences": [owner_reference(service)],
        },
        "addressType": "IPv4",
        "endpoints": [
            {
                "addresses": ["127.0.0.1"],
                "conditions": {"ready": backend.ready, "serving": backend.ready, "terminating": False},
                "nodeName": backend.pod["spec"].get("nodeName", ""),
                "targetRef": _reference(backend.pod),
            }
        ],
        "ports": [
            {"name": name_, "port": number, "protocol": protocol} for name_, number, protocol in backend.ports
        ],
    }
