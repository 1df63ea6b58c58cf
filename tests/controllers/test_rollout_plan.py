from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coop_core.cluster import rollout, rollout_status
from coop_core.cluster.labels import POD_TEMPLATE_HASH, REVISION
from coop_core.cluster.replica_sets import DESIRED_REPLICAS, MAX_REPLICAS, Bounds, template_hash
from coop_core.cluster.rollout_plan import Create, Drop, Plan, Scale, find_current, plan

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw

NOW_S = 1_700_000_000.0


def deployment(image: str = "v1", *, replicas: int = 3, **spec: Any) -> Raw:
    labels = {"app": "web"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "web", "namespace": "main", "uid": "d", "generation": 1,
            "annotations": {"note": "kept", "kubectl.kubernetes.io/last-applied-configuration": "{}"},
        },
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": image}]}},
            "progressDeadlineSeconds": 60,
            **spec,
        },
        "status": {},
    }  # fmt: skip


class World:
    """ReplicaSets that do as they are told; pods become available when a test says so."""

    def __init__(self, body: Raw) -> None:
        self.deployment = body
        self.replica_sets: list[Raw] = []
        self.now_s = NOW_S
        self._clock = 0

    def step(self) -> Plan:
        found = plan(self.deployment, self.replica_sets)
        for action in found.actions:
            self._carry_out(action)
        current = find_current(self.deployment, self.replica_sets)
        self.deployment["status"] = rollout_status.status(self.deployment, self.replica_sets, current, self.now_s)
        return found

    def settle(self) -> None:
        for _ in range(20):
            if not self.step().actions:
                return
        raise AssertionError("the plan does not come to rest")

    def roll_out(self) -> None:
        """Every pod becomes available as soon as it is there, until nothing is left to do."""
        for _ in range(100):
            actions = self.step().actions
            for one in self.replica_sets:
                self.pods(one, one["spec"]["replicas"])
            if not actions and rollout.status(self.deployment) == rollout.Done():
                return
        raise AssertionError("the rollout does not end")

    def change(self, image: str | None = None, **spec: Any) -> None:
        self.deployment = copy.deepcopy(self.deployment)
        self.deployment["metadata"]["generation"] += 1
        self.deployment["spec"] |= spec
        if image:
            self.deployment["spec"]["template"]["spec"]["containers"][0]["image"] = image

    def pods(self, replica_set: Raw, available: int) -> None:
        replica_set["status"] = {
            "replicas": replica_set["spec"]["replicas"],
            "readyReplicas": available,
            "availableReplicas": available,
        }

    def sizes(self) -> dict[str, int]:
        return {_image(one): one["spec"]["replicas"] for one in self.replica_sets}

    def of(self, image: str) -> Raw:
        return next(one for one in self.replica_sets if _image(one) == image)

    def condition(self, type_: str) -> tuple[str, str]:
        found = rollout_status.condition(self.deployment, type_)
        assert found is not None
        return found["status"], found["reason"]

    def _carry_out(self, action: Create | Scale | Drop) -> None:
        if isinstance(action, Create):
            body = copy.deepcopy(action.replica_set)
            self._clock += 1
            body["metadata"]["creationTimestamp"] = f"2024-01-01T00:00:{self._clock:02d}Z"
            body["status"] = {}
            self.replica_sets.append(body)
        elif isinstance(action, Scale):
            action.replica_set["spec"]["replicas"] = action.replicas
            action.replica_set["metadata"]["annotations"] = action.annotations
        else:
            self.replica_sets.remove(action.replica_set)


def _image(replica_set: Raw) -> str:
    return str(replica_set["spec"]["template"]["spec"]["containers"][0]["image"])


@pytest.fixture
def world() -> World:
    """Version v1 with three available pods."""
    found = World(deployment())
    found.roll_out()
    return found


def test_the_first_replica_set_has_all_pods_and_the_books() -> None:
    (action,) = plan(deployment(), []).actions
    assert isinstance(action, Create)
    metadata, spec = action.replica_set["metadata"], action.replica_set["spec"]
    digest = metadata["labels"][POD_TEMPLATE_HASH]
    assert metadata["name"] == f"web-{digest}"
    assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]
    assert spec["selector"]["matchLabels"] == {"app": "web", POD_TEMPLATE_HASH: digest}
    assert metadata["annotations"] == {"note": "kept", REVISION: "1", DESIRED_REPLICAS: "3", MAX_REPLICAS: "4"}
    assert spec["replicas"] == 3


def test_the_hash_depends_on_the_template_alone() -> None:
    one = deployment("v1")["spec"]["template"]
    reordered = {key: one[key] for key in reversed(list(one))}
    assert template_hash(one) == template_hash(reordered)
    assert template_hash(one) != template_hash(deployment("v2")["spec"]["template"])
    assert template_hash(one) != template_hash(one, collisions=1)


def test_an_update_first_adds_what_surge_allows_and_takes_nothing(world: World) -> None:
    world.change("v2")
    world.settle()
    assert world.sizes() == {"v1": 3, "v2": 1}


def test_an_old_pod_goes_only_when_a_new_one_is_available(world: World) -> None:
    world.change("v2")
    world.settle()
    world.pods(world.of("v2"), 0)
    world.settle()
    assert world.sizes() == {"v1": 3, "v2": 1}
    world.pods(world.of("v2"), 1)
    world.step()
    assert world.sizes()["v1"] == 2


def test_a_rollout_ends_with_the_new_template_alone(world: World) -> None:
    world.change("v2")
    world.roll_out()
    assert world.sizes() == {"v1": 0, "v2": 3}
    assert world.of("v2")["metadata"]["annotations"][REVISION] == "2"


def test_with_no_surge_an_old_pod_makes_room(world: World) -> None:
    world.change("v2", strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}})
    world.step()
    assert world.sizes() == {"v1": 3, "v2": 0}
    world.step()
    assert world.sizes() == {"v1": 2, "v2": 0}


def test_a_broken_version_that_is_overtaken_goes_first(world: World) -> None:
    world.change("v2")
    world.settle()
    world.pods(world.of("v2"), 0)
    world.change("v3")
    world.settle()
    assert world.sizes() == {"v1": 3, "v2": 0, "v3": 1}


def test_a_rollback_reuses_its_replica_set_with_a_new_revision(world: World) -> None:
    world.change("v2")
    world.roll_out()
    world.change("v1")
    world.roll_out()
    assert world.sizes() == {"v1": 3, "v2": 0}
    annotations = world.of("v1")["metadata"]["annotations"]
    assert annotations[REVISION] == "3"
    assert annotations["deployment.kubernetes.io/revision-history"] == "1"


def test_recreate_ends_the_old_before_it_starts_the_new(world: World) -> None:
    world.change("v2", strategy={"type": "Recreate"})
    world.step()
    assert world.sizes() == {"v1": 0}
    assert world.step().actions == (), "the old pods are still ending"
    world.pods(world.of("v1"), 0)
    world.of("v1")["status"] = {"replicas": 0}
    world.step()
    assert world.sizes() == {"v1": 0, "v2": 3}


def test_a_paused_deployment_scales_but_does_not_roll(world: World) -> None:
    world.change("v2", paused=True, replicas=5)
    world.settle()
    assert world.sizes() == {"v1": 5}
    assert world.condition("Progressing") == ("Unknown", "DeploymentPaused")
    world.change(paused=False)
    world.step()
    assert "v2" in world.sizes()


def test_scaling_during_a_rollout_is_shared(world: World) -> None:
    world.change("v2")
    world.settle()
    world.pods(world.of("v2"), 0)
    world.change(replicas=11)
    world.step()
    assert sum(world.sizes().values()) == 12
    assert world.sizes()["v2"] == 3


def test_scaling_to_zero_and_back(world: World) -> None:
    world.change(replicas=0)
    world.settle()
    assert world.sizes() == {"v1": 0}
    world.change(replicas=2)
    world.settle()
    assert world.sizes() == {"v1": 2}


def test_history_beyond_the_limit_is_dropped_oldest_first(world: World) -> None:
    world.change(revisionHistoryLimit=1)
    for image in ("v2", "v3", "v4"):
        world.change(image)
        world.roll_out()
    world.settle()
    assert world.sizes() == {"v3": 0, "v4": 3}


@pytest.mark.parametrize(
    ("rolling", "replicas", "expected"),
    [
        ({"maxSurge": "25%", "maxUnavailable": "25%"}, 3, Bounds(1, 0)),
        ({"maxSurge": "25%", "maxUnavailable": "25%"}, 10, Bounds(3, 2)),
        ({"maxSurge": 0, "maxUnavailable": 0}, 3, Bounds(0, 1)),
        ({"maxSurge": "100%", "maxUnavailable": "100%"}, 2, Bounds(2, 2)),
        ({}, 4, Bounds(1, 1)),
    ],
)
def test_bounds_take_numbers_and_percentages(rolling: Raw, replicas: int, expected: Bounds) -> None:
    assert Bounds.of(deployment(replicas=replicas, strategy={"rollingUpdate": rolling})) == expected


@given(
    replicas=st.integers(1, 8),
    surge=st.integers(0, 3),
    unavailable=st.integers(0, 3),
    orders=st.lists(st.tuples(st.sampled_from(["v1", "v2", "v3", ""]), st.integers(0, 8)), max_size=25),
)
def test_no_step_ever_leaves_the_bounds(
    replicas: int, surge: int, unavailable: int, orders: list[tuple[str, int]]
) -> None:
    strategy = {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}
    world = World(deployment(replicas=replicas, strategy=strategy))
    world.roll_out()
    bounds = Bounds.of(world.deployment)
    for image, available in orders:
        if image:
            world.change(image)
        before = _available(world)
        world.step()
        assert sum(world.sizes().values()) <= replicas + bounds.surge
        # A step takes no available pod that is needed; pods may well break by themselves.
        assert _available(world) >= min(before, replicas - bounds.unavailable)
        for one in world.replica_sets:
            world.pods(one, min(available, one["spec"]["replicas"]))
    world.roll_out()
    assert sum(world.sizes().values()) == replicas


def _available(world: World) -> int:
    return sum(
        min(one["status"].get("availableReplicas", 0), one["spec"]["replicas"]) for one in world.replica_sets
    )


def test_conditions_tell_the_rollout_from_its_start_to_its_end(world: World) -> None:
    assert world.condition("Progressing") == ("True", "NewReplicaSetAvailable")
    assert world.condition("Available") == ("True", "MinimumReplicasAvailable")
    world.change("v2")
    world.step()
    assert world.condition("Progressing") == ("True", "NewReplicaSetCreated")
    world.pods(world.of("v2"), 0)
    world.step()
    assert world.condition("Progressing") == ("True", "ReplicaSetUpdated")
    world.roll_out()
    assert world.condition("Progressing") == ("True", "NewReplicaSetAvailable")


def test_a_rollout_without_progress_misses_its_deadline_and_a_new_one_starts_afresh(world: World) -> None:
    world.change("v2")
    world.settle()
    world.pods(world.of("v2"), 0)
    world.step()
    wait_s = rollout_status.overdue_in_s(world.deployment, world.now_s)
    assert wait_s is not None and 59 < wait_s < 62
    world.now_s += 62
    world.step()
    assert world.condition("Progressing") == ("False", "ProgressDeadlineExceeded")
    assert rollout_status.overdue_in_s(world.deployment, world.now_s) is None
    world.change("v3")
    world.step()
    assert world.condition("Progressing") == ("True", "NewReplicaSetCreated")


def test_a_pod_lost_after_the_rollout_is_no_new_rollout(world: World) -> None:
    world.pods(world.of("v1"), 1)
    world.now_s += 3600
    world.step()
    assert world.condition("Progressing") == ("True", "NewReplicaSetAvailable")
    assert world.condition("Available") == ("False", "MinimumReplicasUnavailable")


def test_the_transition_time_moves_with_the_status_only(world: World) -> None:
    first = rollout_status.condition(world.deployment, "Progressing")
    world.now_s += 10
    world.change("v2")
    world.step()
    second = rollout_status.condition(world.deployment, "Progressing")
    assert first is not None and second is not None
    assert second["lastTransitionTime"] == first["lastTransitionTime"]
    assert second["lastUpdateTime"] > first["lastUpdateTime"]


def test_counts_are_those_of_kubernetes(world: World) -> None:
    world.change("v2")
    world.settle()
    world.pods(world.of("v2"), 0)
    world.step()
    status = {name: value for name, value in world.deployment["status"].items() if name != "conditions"}
    assert status == {
        "observedGeneration": 2, "replicas": 4, "updatedReplicas": 1, "readyReplicas": 3, "availableReplicas": 3,
        "unavailableReplicas": 1,
    }  # fmt: skip
