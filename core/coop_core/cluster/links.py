"""The variables by which a container finds Services: Kubernetes' service links, named as kubelet names them. Pure.

Source: Kubernetes, pkg/kubelet/envvars/envvars.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from coop_core.cluster.kinds import Raw


def has_address(service: Raw) -> bool:
    """Whether a Service is reached at an address of its own: one that is headless, or a mere name, is not."""
    return service["spec"].get("clusterIP") not in (None, "", "None")


def variables(service: Raw, host: str, ports: Mapping[int, int]) -> dict[str, str]:
    """Where a Service is, in the words of kubelet and of Docker's links.

    ports: where each of its TCP ports is reached at `host`. A port that is not there has no variables. A name that
    holds the port's number holds the Service's own, so that names are the same wherever it runs.
    """
    if not has_address(service):
        return {}
    prefix = _name(service["metadata"]["name"])
    reached = [(port, ports[port["port"]]) for port in tcp_ports(service) if port["port"] in ports]
    found = {f"{prefix}_SERVICE_HOST": host}
    for index, (port, number) in enumerate(reached):
        address = f"tcp://{host}:{number}"
        if index == 0:
            found |= {f"{prefix}_SERVICE_PORT": str(number), f"{prefix}_PORT": address}
        if port.get("name"):
            found[f"{prefix}_SERVICE_PORT_{_name(port['name'])}"] = str(number)
        link = f"{prefix}_PORT_{port['port']}_TCP"
        found |= {link: address, f"{link}_PROTO": "tcp", f"{link}_PORT": str(number), f"{link}_ADDR": host}
    return found


def tcp_ports(service: Raw) -> Iterator[Raw]:
    """The ports of a Service that speak TCP."""
    return (port for port in service["spec"].get("ports") or [] if port.get("protocol", "TCP") == "TCP")


def _name(text: str) -> str:
    return text.upper().replace("-", "_")
