from __future__ import annotations

from typing import Any

import pytest

from coop_core.cluster import links


def service(*ports: dict[str, Any], name: str = "order-api", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"clusterIP": "10.96.0.7", "ports": list(ports), **spec}}


def test_names_are_kubelets_and_numbers_in_names_the_services_own() -> None:
    body = service({"name": "http", "port": 80}, {"name": "grpc-web", "port": 9090})
    assert links.variables(body, "127.0.0.1", {80: 20_001, 9090: 20_002}) == {
        "ORDER_API_SERVICE_HOST": "127.0.0.1",
        "ORDER_API_SERVICE_PORT": "20001",
        "ORDER_API_SERVICE_PORT_HTTP": "20001",
        "ORDER_API_SERVICE_PORT_GRPC_WEB": "20002",
        "ORDER_API_PORT": "tcp://127.0.0.1:20001",
        "ORDER_API_PORT_80_TCP": "tcp://127.0.0.1:20001",
        "ORDER_API_PORT_80_TCP_PROTO": "tcp",
        "ORDER_API_PORT_80_TCP_PORT": "20001",
        "ORDER_API_PORT_80_TCP_ADDR": "127.0.0.1",
        "ORDER_API_PORT_9090_TCP": "tcp://127.0.0.1:20002",
        "ORDER_API_PORT_9090_TCP_PROTO": "tcp",
        "ORDER_API_PORT_9090_TCP_PORT": "20002",
        "ORDER_API_PORT_9090_TCP_ADDR": "127.0.0.1",
    }


def test_a_port_without_a_name_has_no_variable_by_name() -> None:
    found = links.variables(service({"port": 80}), "127.0.0.1", {80: 20_001})
    assert [name for name in found if name.startswith("ORDER_API_SERVICE")] == [
        "ORDER_API_SERVICE_HOST", "ORDER_API_SERVICE_PORT",
    ]  # fmt: skip


@pytest.mark.parametrize("address", ["None", "", None])
def test_a_service_without_an_address_has_no_variables(address: str | None) -> None:
    assert links.variables(service({"port": 80}, clusterIP=address), "127.0.0.1", {80: 20_001}) == {}


def test_what_is_not_reached_is_left_out() -> None:
    body = service({"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "http", "port": 80}, {"port": 81})
    found = links.variables(body, "127.0.0.1", {53: 20_000, 80: 20_001})
    assert found["ORDER_API_SERVICE_PORT"] == "20001"
    assert not [name for name in found if "53" in name or "81" in name or "DNS" in name]
