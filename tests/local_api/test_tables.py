"""Cells as kubectl shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from coop_core.cluster import kinds, tables
from coop_core.cluster.pods import pod_ready, pod_restarts, pod_status

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Kind, Raw

NOW_S = 1_767_225_600.0  # 2026-01-01T00:00:00Z
RUNNING: Raw = {"running": {}}


def waiting(reason: str) -> Raw:
    return {"waiting": {"reason": reason}}


def ended(**terminated: Any) -> Raw:
    return {"terminated": terminated}


def status(*states: Raw, phase: str = "Running", ready: bool = True, **more: Any) -> Raw:
    containers = [
        {"name": f"c{at}", "state": state, "ready": ready, "restartCount": 0} for at, state in enumerate(states)
    ]
    return {
        "metadata": {"name": "a"},
        "spec": {"containers": [{"name": one["name"]} for one in containers]},
        "status": {"phase": phase, "containerStatuses": containers, **more},
    }


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        ({"metadata": {}, "status": {"phase": "Pending"}}, "Pending"),
        ({"metadata": {}}, ""),
        ({"metadata": {}, "status": {"phase": "Failed", "reason": "Evicted"}}, "Evicted"),
        (status(RUNNING), "Running"),
        (status(waiting("ContainerCreating"), phase="Pending"), "ContainerCreating"),
        (status(waiting("CrashLoopBackOff")), "CrashLoopBackOff"),
        (status(waiting("First"), waiting("Second")), "First"),
        (status(RUNNING, waiting("CrashLoopBackOff")), "CrashLoopBackOff"),
        (status(ended(exitCode=0, reason="Completed"), phase="Succeeded"), "Completed"),
        (status(ended(exitCode=3), phase="Failed"), "ExitCode:3"),
        (status(ended(exitCode=137, signal=9), phase="Failed"), "Signal:9"),
        (status(ended(exitCode=0, reason="Completed"), RUNNING), "NotReady"),
        (
            status(
                ended(exitCode=0, reason="Completed"), RUNNING, conditions=[{"type": "Ready", "status": "True"}]
            ),
            "Running",
        ),
        ({**status(RUNNING), "metadata": {"deletionTimestamp": "x"}}, "Terminating"),
        (
            status(conditions=[{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]),
            "SchedulingGated",
        ),
    ],
)
def test_a_pod_is_summed_up_in_a_word(pod: Raw, expected: str) -> None:
    assert pod_status(pod) == expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (RUNNING, "Init:0/2"),
        (waiting("PodInitializing"), "Init:0/2"),
        (waiting("ImagePullBackOff"), "Init:ImagePullBackOff"),
        (ended(exitCode=1, reason="Error"), "Init:Error"),
        (ended(exitCode=1, signal=15), "Init:Signal:15"),
        (ended(exitCode=4), "Init:ExitCode:4"),
        (ended(exitCode=0), "Init:1/2"),
    ],
)
def test_init_containers_come_before_all_else(state: Raw, expected: str) -> None:
    pod = status(waiting("PodInitializing"), phase="Pending")
    pod["spec"]["initContainers"] = [{"name": "i1"}, {"name": "i2"}]
    pod["status"]["initContainerStatuses"] = [{"name": "i1", "state": state}, {"name": "i2", "state": {}}]
    assert pod_status(pod) == expected


def test_restarts_tell_when_the_last_one_was() -> None:
    pod = status(RUNNING, RUNNING)
    assert pod_restarts(pod, NOW_S) == "0"
    first, second = pod["status"]["containerStatuses"]
    first |= {"restartCount": 2, "lastState": ended(exitCode=1, finishedAt="2025-12-31T23:50:00Z")}
    second |= {"restartCount": 1, "lastState": ended(exitCode=1, finishedAt="2025-12-31T23:57:55Z")}
    assert pod_restarts(pod, NOW_S) == "3 (2m5s ago)"


def test_only_running_containers_are_ready() -> None:
    assert pod_ready(status(RUNNING, RUNNING)) == "2/2"
    assert pod_ready(status(RUNNING, waiting("x"))) == "1/2"
    assert pod_ready({"metadata": {}}) == "0/0"


def cells(kind: Kind, body: Raw) -> dict[str, Any]:
    body = {"metadata": {"name": "a", "creationTimestamp": "2025-12-31T23:00:00Z"}, **body}
    names = [column["name"] for column in tables.columns(kind)]
    return dict(zip(names, tables.cells(kind, body, NOW_S), strict=True))


def test_a_service_shows_its_ports_and_addresses() -> None:
    ports = [{"port": 80, "protocol": "TCP"}, {"port": 53, "nodePort": 30053, "protocol": "UDP"}]
    spec: Raw = {"type": "LoadBalancer", "clusterIP": "10.96.0.9", "ports": ports, "selector": {"b": "2", "a": "1"}}
    shown = cells(kinds.SERVICE, {"spec": spec})
    assert shown["Port(s)"] == "80/TCP,53:30053/UDP"
    assert (shown["External-IP"], shown["Selector"], shown["Age"]) == ("<pending>", "a=1,b=2", "60m")
    external = cells(kinds.SERVICE, {"spec": {"type": "ExternalName", "externalName": "x.example"}})
    assert (external["Cluster-IP"], external["External-IP"], external["Port(s)"]) == (
        "<none>",
        "x.example",
        "<none>",
    )


def test_an_ingress_shows_its_hosts_and_address() -> None:
    rules = [{"host": f"{name}.example"} for name in "abcd"]
    balancer = {"loadBalancer": {"ingress": [{"ip": "127.0.0.1"}]}}
    shown = cells(kinds.INGRESS, {"spec": {"rules": rules}, "status": balancer})
    assert shown["Hosts"] == "a.example,b.example,c.example + 1 more..."
    assert (shown["Address"], shown["Ports"], shown["Class"]) == ("127.0.0.1", "80", "<none>")
    assert cells(kinds.INGRESS, {"spec": {"rules": [{}], "tls": [{}]}})["Ports"] == "80, 443"


def test_an_event_shows_what_it_is_about_and_how_long_ago() -> None:
    event = {
        "involvedObject": {"kind": "Pod", "name": "web-1"},
        "type": "Normal",
        "reason": "Pulled",
        "message": " got it\n",
        "firstTimestamp": "2025-12-31T23:00:00Z",
        "lastTimestamp": "2025-12-31T23:59:30Z",
        "count": 4,
        "source": {"component": "kubelet", "host": "local"},
    }
    shown = cells(kinds.EVENT, event)
    assert (shown["Last Seen"], shown["First Seen"], shown["Count"]) == ("30s", "60m", 4)
    assert (shown["Object"], shown["Message"], shown["Source"]) == ("pod/web-1", "got it", "kubelet, local")


def test_an_application_shows_sync_and_health() -> None:
    body = {"spec": {"project": "coop"}, "status": {"sync": {"status": "Synced", "revision": "abc"}}}
    shown = cells(kinds.APPLICATION, body)
    assert shown == {
        "Name": "a",
        "Sync Status": "Synced",
        "Health Status": "",
        "Revision": "abc",
        "Project": "coop",
    }


@pytest.mark.parametrize("kind", kinds.ALL, ids=lambda kind: str(kind.name))
def test_an_object_with_nothing_but_a_name_has_a_row(kind: Kind) -> None:
    required = {"addressType": "IPv4"} if kind == kinds.ENDPOINT_SLICE else {}
    row = tables.cells(kind, {"metadata": {"name": "a"}, **required}, NOW_S)
    assert len(row) == len(tables.columns(kind))
