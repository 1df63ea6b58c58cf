from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, ClassVar

from coop_core.cluster import kinds, owners, rollout
from coop_core.local import store as stores
from coop_core.local.controllers import events
from coop_core.local.controllers.events import EventExpiry, Recorder
from coop_core.local.controllers.loop import Controller, Key, Loop
from coop_core.local.controllers.replica_sets import cost_of_losing
from tests.runtime.running_kit import NAMESPACE, Bench, listening, web

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

    from coop_core.cluster.kinds import Kind, Raw


def config(name: str, owner: Raw | None = None) -> Raw:
    metadata: Raw = {"name": name, "namespace": NAMESPACE}
    if owner:
        metadata["ownerReferences"] = [owners.owner_reference(owner)]
    return {"metadata": metadata, "data": {}}


class Noting(Controller):
    """Notes what it is given; fails as often as it is told to."""

    name = "noting"
    watches = (kinds.CONFIG_MAP,)
    failures: ClassVar[int] = 0

    def __init__(self, bench: Bench, failures: int = 0) -> None:
        super().__init__(bench.objects)
        self.seen: list[str] = []
        self._failures = failures

    def keys(self, kind: Kind, body: Raw) -> Iterable[Key]:
        yield (body["metadata"]["name"],)

    async def reconcile(self, key: Key) -> float | None:
        self.seen.append(key[0])
        if self._failures:
            self._failures -= 1
            raise RuntimeError("broken")
        return None


async def until_seen(controller: Noting, names: list[str]) -> None:
    async with asyncio.timeout(5):
        while controller.seen != names:
            await asyncio.sleep(0.002)


async def test_a_controller_sees_what_was_there_and_what_comes(bench: Bench) -> None:
    bench.objects.create(kinds.CONFIG_MAP, config("a"))
    noting = Noting(bench)
    loop = Loop(noting)
    loop.start()
    await until_seen(noting, ["a"])
    bench.objects.create(kinds.CONFIG_MAP, config("b"))
    await until_seen(noting, ["a", "b"])
    await loop.close()


async def test_many_changes_of_one_key_are_one_look(bench: Bench) -> None:
    noting = Noting(bench)
    loop = Loop(noting)
    loop.start()
    for number in range(50):
        bench.apply(kinds.CONFIG_MAP, {**config("a"), "data": {"n": str(number)}})
    await until_seen(noting, ["a"])
    await loop.close()


async def test_an_unexpected_error_is_logged_once_and_tried_again(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    noting = Noting(bench, failures=3)
    loop = Loop(noting)
    loop.start()
    with caplog.at_level(logging.ERROR):
        bench.objects.create(kinds.CONFIG_MAP, config("a"))
        await until_seen(noting, ["a"] * 4)
    assert [one.getMessage() for one in caplog.records] == ["noting a: RuntimeError: broken"]
    await loop.close()


async def test_an_object_that_a_controller_cannot_read_hides_no_other(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    class Picky(Noting):
        def keys(self, kind: Kind, body: Raw) -> Iterable[Key]:
            if body["metadata"]["name"].startswith("bad"):
                raise KeyError("spec")
            yield from super().keys(kind, body)

    bench.objects.create(kinds.CONFIG_MAP, config("bad-before"))
    bench.objects.create(kinds.CONFIG_MAP, config("before"))
    noting = Picky(bench)
    loop = Loop(noting)
    loop.start()
    bench.objects.create(kinds.CONFIG_MAP, config("bad-later"))
    bench.objects.create(kinds.CONFIG_MAP, config("later"))
    await until_seen(noting, ["before", "later"])
    assert "an object was passed over" in caplog.text
    await loop.close()


async def test_a_controller_that_fell_behind_lists_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "HISTORY", 5)
    noting = Noting(bench)
    loop = Loop(noting)
    loop.start()
    names = [f"n{number:02d}" for number in range(40)]
    for name in names:
        bench.objects.create(kinds.CONFIG_MAP, config(name))
    await until_seen(noting, names)
    await loop.close()


async def test_a_namespace_keeps_its_newest_events_and_no_more(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "KEPT", 3)
    about = bench.objects.create(kinds.CONFIG_MAP, config("about"))
    recorder = Recorder(bench.objects, "test")
    for number in range(6):
        recorder.normal(about, "Counted", f"number {number}")
        await bench.until(lambda: f"number {number}" in told(bench))  # noqa: B023
    await bench.until(lambda: told(bench) == {"number 3", "number 4", "number 5"})


def told(bench: Bench) -> set[str]:
    return {event["message"] for event in bench.objects.select(kinds.EVENT, NAMESPACE)}


async def test_dependents_go_with_their_owner(bench: Bench) -> None:
    owner = bench.objects.create(kinds.CONFIG_MAP, config("owner"))
    child = bench.objects.create(kinds.CONFIG_MAP, config("child", owner))
    bench.objects.create(kinds.CONFIG_MAP, config("grandchild", child))
    bench.objects.delete(kinds.CONFIG_MAP, NAMESPACE, "owner")
    await bench.until(lambda: not bench.objects.select(kinds.CONFIG_MAP, NAMESPACE))


async def test_an_object_whose_owner_was_never_there_goes(bench: Bench) -> None:
    owner = bench.objects.create(kinds.CONFIG_MAP, config("owner"))
    stranger = {**owner, "metadata": {**owner["metadata"], "uid": "another"}}
    bench.objects.create(kinds.CONFIG_MAP, config("child", stranger))
    await bench.until(lambda: bench.get(kinds.CONFIG_MAP, "child") is None)


async def test_orphans_stay_and_forget_their_owner(bench: Bench) -> None:
    owner = bench.objects.create(kinds.CONFIG_MAP, config("owner"))
    bench.objects.create(kinds.CONFIG_MAP, config("child", owner))
    bench.objects.delete(kinds.CONFIG_MAP, NAMESPACE, "owner", finalizers=("orphan",))
    await bench.until(lambda: bench.get(kinds.CONFIG_MAP, "owner") is None)
    child = bench.objects.get(kinds.CONFIG_MAP, NAMESPACE, "child")
    assert child["metadata"]["ownerReferences"] == []


async def test_in_the_foreground_the_owner_goes_last(bench: Bench) -> None:
    owner = bench.objects.create(kinds.CONFIG_MAP, config("owner"))
    held = config("child", owner)
    held["metadata"]["finalizers"] = ["test/hold"]
    bench.objects.create(kinds.CONFIG_MAP, held)
    bench.objects.delete(kinds.CONFIG_MAP, NAMESPACE, "owner", finalizers=("foregroundDeletion",))
    child = await bench.until(lambda: _ending(bench, "child"))
    assert bench.get(kinds.CONFIG_MAP, "owner") is not None
    bench.objects.update(kinds.CONFIG_MAP, {**child, "metadata": {**child["metadata"], "finalizers": []}})
    await bench.until(lambda: bench.get(kinds.CONFIG_MAP, "owner") is None)


async def test_a_namespace_has_a_service_account_and_takes_all_with_it(bench: Bench) -> None:
    await bench.until(lambda: bench.get(kinds.SERVICE_ACCOUNT, "default"))
    for kind, body in zip(
        (kinds.DEPLOYMENT, kinds.SERVICE, kinds.INGRESS), web(listening(bench.container())), strict=True
    ):
        bench.apply(kind, body)
    await bench.until(lambda: _is_done(bench))
    bench.objects.delete(kinds.NAMESPACE, "", NAMESPACE)
    await bench.until(lambda: bench.objects.find(kinds.NAMESPACE, "", NAMESPACE) is None)
    assert not [kind for kind in kinds.ALL if kind.namespaced and bench.objects.select(kind, NAMESPACE)]
    assert list((bench.folder / "pods").iterdir()) == []


def defined(bench: Bench) -> Kind:
    """A custom kind that has just been defined."""
    names = {"kind": "Lamp", "plural": "lamps", "singular": "lamp"}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    spec = {"group": "test.example", "names": names, "scope": "Namespaced", "versions": [version]}
    bench.objects.create(kinds.DEFINITION, {"metadata": {"name": "lamps.test.example"}, "spec": spec})
    kind = bench.objects.catalog.named("test.example/v1", "Lamp")
    assert kind is not None
    return kind


async def test_a_custom_object_owns_and_is_owned(bench: Bench) -> None:
    lamp = defined(bench)
    owner = bench.objects.create(kinds.CONFIG_MAP, config("owner"))
    middle = bench.objects.create(lamp, config("middle", owner))
    bench.objects.create(
        kinds.CONFIG_MAP, config("last", {**middle, "kind": "Lamp", "apiVersion": lamp.api_version})
    )
    bench.objects.delete(kinds.CONFIG_MAP, NAMESPACE, "owner")
    await bench.until(lambda: not bench.objects.select(lamp, NAMESPACE))
    await bench.until(lambda: bench.get(kinds.CONFIG_MAP, "last") is None)


async def test_a_namespace_takes_its_custom_objects_with_it(bench: Bench) -> None:
    lamp = defined(bench)
    bench.objects.create(lamp, config("one"))
    bench.objects.delete(kinds.NAMESPACE, "", NAMESPACE)
    await bench.until(lambda: bench.objects.find(kinds.NAMESPACE, "", NAMESPACE) is None)
    assert not bench.objects.select(lamp, NAMESPACE)


async def test_endpoints_have_the_ready_pods_at_their_real_ports(bench: Bench) -> None:
    deployment, service, _ = web(listening(bench.container()), replicas=2)
    bench.apply(kinds.SERVICE, service)
    bench.apply(kinds.DEPLOYMENT, deployment)
    await bench.until(lambda: _is_done(bench))
    pods = bench.objects.select(kinds.POD, NAMESPACE)
    ports = {int(pod["metadata"]["annotations"]["coop.internal/local-port"]) for pod in pods}
    endpoints = await bench.until(lambda: bench.get(kinds.ENDPOINTS, "web"))
    assert {subset["ports"][0]["port"] for subset in endpoints["subsets"]} == ports
    assert all("addresses" in subset for subset in endpoints["subsets"])
    slices = bench.objects.select(kinds.ENDPOINT_SLICE, NAMESPACE, {"kubernetes.io/service-name": "web"})
    assert {one["ports"][0]["port"] for one in slices} == ports
    bench.objects.delete(kinds.SERVICE, NAMESPACE, "web")
    await bench.until(lambda: not bench.objects.select(kinds.ENDPOINT_SLICE, NAMESPACE))
    await bench.until(lambda: bench.get(kinds.ENDPOINTS, "web") is None)


async def test_deleting_a_deployment_ends_its_pods(bench: Bench) -> None:
    deployment, _, _ = web(listening(bench.container()), replicas=2)
    bench.apply(kinds.DEPLOYMENT, deployment)
    await bench.until(lambda: _is_done(bench))
    bench.objects.delete(kinds.DEPLOYMENT, NAMESPACE, "web")
    await bench.until(lambda: not bench.objects.select(kinds.POD, NAMESPACE))
    assert not bench.objects.select(kinds.REPLICA_SET, NAMESPACE)


async def test_a_deployment_that_never_gets_ready_keeps_the_old_version(bench: Bench) -> None:
    good, service, ingress = web(listening(bench.container()), progressDeadlineSeconds=1)
    for kind, body in ((kinds.SERVICE, service), (kinds.INGRESS, ingress), (kinds.DEPLOYMENT, good)):
        bench.apply(kind, body)
    await bench.until(lambda: _is_done(bench))
    broken = listening(bench.container("", command=["/bin/sh", "-c", "sleep 60"]))
    bad, _, _ = web(broken, progressDeadlineSeconds=1)
    bench.apply(kinds.DEPLOYMENT, bad)
    await bench.until(lambda: isinstance(rollout.status(bench.objects.get(*_WEB)), rollout.Stuck))
    assert await bench.ask() == (200, "hello\n")


async def test_a_repeated_event_is_counted_and_an_old_one_goes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = bench.objects.create(kinds.CONFIG_MAP, config("a"))
    recorder = Recorder(bench.objects, "test")
    for _ in range(3):
        recorder.warning(about, "Trouble", "again")
    recorder.flush()
    (event,) = bench.objects.select(kinds.EVENT, NAMESPACE)
    assert (event["count"], event["type"], event["involvedObject"]["uid"]) == (
        3,
        "Warning",
        about["metadata"]["uid"],
    )
    monkeypatch.setattr(events, "LIFETIME_S", 0.0)
    await EventExpiry(bench.objects).reconcile((NAMESPACE, event["metadata"]["name"]))
    assert not bench.objects.select(kinds.EVENT, NAMESPACE)


def test_the_pods_to_lose_first_are_those_that_serve_least() -> None:
    def pod(name: str, *, ready: bool, created: str, restarts: int = 0) -> Raw:
        status = {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [{"restartCount": restarts}],
        }
        metadata = {"name": name, "creationTimestamp": created}
        return {"metadata": metadata, "spec": {"nodeName": "local"}, "status": status}

    pods = [
        pod("old", ready=True, created="2024-01-01T00:00:00Z"),
        pod("new", ready=True, created="2024-01-01T00:00:09Z"),
        pod("shaky", ready=True, created="2024-01-01T00:00:00Z", restarts=4),
        pod("unready", ready=False, created="2024-01-01T00:00:00Z"),
    ]
    ordered = [one["metadata"]["name"] for one in sorted(pods, key=cost_of_losing)]
    assert ordered == ["unready", "shaky", "new", "old"]


_WEB = (kinds.DEPLOYMENT, NAMESPACE, "web")


def _is_done(bench: Bench) -> bool:
    found = bench.objects.find(*_WEB)
    return found is not None and rollout.status(found) == rollout.Done()


def _ending(bench: Bench, name: str) -> Raw | None:
    found = bench.get(kinds.CONFIG_MAP, name)
    return found if found and "deletionTimestamp" in found["metadata"] else None


async def test_recreate_waits_until_the_old_pod_is_gone(bench: Bench) -> None:
    slow_to_end = "trap 'sleep 0.3; exit 0' TERM; while :; do sleep 0.01; done"
    first = bench.container("", command=["/bin/sh", "-c", slow_to_end])
    deployment, _, _ = web(first, strategy={"type": "Recreate"})
    bench.apply(kinds.DEPLOYMENT, deployment)
    await bench.until(lambda: _is_done(bench))
    (old,) = bench.objects.select(kinds.POD, NAMESPACE)
    second, _, _ = web(
        bench.container("", command=["/bin/sh", "-c", "exec sleep 60"]), strategy={"type": "Recreate"}
    )
    bench.apply(kinds.DEPLOYMENT, second)

    def at_most_one() -> bool:
        pods = bench.objects.select(kinds.POD, NAMESPACE)
        assert len(pods) <= 1
        return bool(pods and pods[0]["metadata"]["uid"] != old["metadata"]["uid"] and _is_done(bench))

    await bench.until(at_most_one)
