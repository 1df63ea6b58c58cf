"""Server-side apply, and fields that are left to others."""

from __future__ import annotations

import pytest

from coop_core.cluster import kinds, labels
from coop_core.cluster.labels import LAST_APPLIED
from tests.controllers.git_kit import NAME, App, DeployRepository, config
from tests.controllers.options_kit import (
    SERVER_SIDE,
    deployment,
    ignoring,
    live,
    managers,
    messages,
    policy,
    synced,
    with_options,
    write,
)
from tests.runtime.running_kit import NAMESPACE, Bench

# Server-side apply


async def test_server_side_apply_owns_what_the_manifest_says(bench: Bench, app: App, git: DeployRepository) -> None:
    app.create(git.url, **policy(*SERVER_SIDE))
    state = await synced(app, git, config(text="hello"))
    found = live(bench, kinds.CONFIG_MAP, "greeting")
    assert messages(state) == ["configmap/greeting serverside-applied"]
    (entry,) = found["metadata"]["managedFields"]
    assert (entry["manager"], entry["operation"]) == ("argocd-controller", "Apply")
    assert entry["fieldsV1"]["f:data"] == {"f:text": {}}
    assert LAST_APPLIED not in found["metadata"]["annotations"]
    assert found["metadata"]["annotations"][labels.ARGO_TRACKING_ID].startswith(f"{NAME}:")


async def test_it_takes_its_fields_by_force_and_leaves_all_others(
    bench: Bench, app: App, git: DeployRepository
) -> None:
    app.create(git.url, **policy(*SERVER_SIDE, heals=False))
    await synced(app, git, config(text="hello", old="x"))
    write(bench, kinds.CONFIG_MAP, "greeting", config(text="mine", more="y"), "somebody")
    await bench.until(lambda: app.status["sync"]["status"] == "OutOfSync")
    await synced(app, git, config(text="hello"))
    found = live(bench, kinds.CONFIG_MAP, "greeting")
    assert found["data"] == {"text": "hello", "more": "y"}
    assert managers(found) == {("argocd-controller", "Apply"), ("somebody", "Apply")}


async def test_a_container_that_somebody_added_stays(bench: Bench, app: App, git: DeployRepository) -> None:
    app.create(git.url, **policy(*SERVER_SIDE))
    await synced(app, git, deployment())
    sidecar = deployment()
    sidecar["spec"]["template"]["spec"]["containers"] = [{"name": "sidecar", "image": "sidecar:1"}]
    write(bench, kinds.DEPLOYMENT, "web", sidecar, "injector")
    await synced(app, git, deployment(minReadySeconds=1))
    containers = live(bench, kinds.DEPLOYMENT, "web")["spec"]["template"]["spec"]["containers"]
    assert [one["name"] for one in containers] == ["web", "sidecar"]


async def test_what_nobody_wants_any_more_is_no_difference(bench: Bench, app: App, git: DeployRepository) -> None:
    app.create(git.url, **policy(*SERVER_SIDE, heals=False))
    state = await synced(app, git, deployment())
    write(bench, kinds.DEPLOYMENT, "web", deployment(replicas=4), "scaler")
    await bench.until(lambda: app.status["health"]["status"] != "Healthy")
    assert app.status["sync"]["status"] == "Synced"
    assert app.status["operationState"]["startedAt"] == state["startedAt"]


async def test_a_field_of_the_time_before_leaves_with_the_manifest(
    bench: Bench, app: App, git: DeployRepository
) -> None:
    app.create(git.url, **policy())
    await synced(app, git, config(text="hello", old="x"))
    assert LAST_APPLIED in live(bench, kinds.CONFIG_MAP, "greeting")["metadata"]["annotations"]
    body = app.body
    bench.objects.update(kinds.APPLICATION, {**body, "spec": {**body["spec"], **policy(*SERVER_SIDE)}})
    await synced(app, git, config(text="hello"))
    found = live(bench, kinds.CONFIG_MAP, "greeting")
    assert found["data"] == {"text": "hello"}
    assert LAST_APPLIED not in found["metadata"]["annotations"]


async def test_an_object_may_decide_for_itself(bench: Bench, app: App, git: DeployRepository) -> None:
    app.create(git.url, **policy(*SERVER_SIDE))
    state = await synced(app, git, with_options(config(text="a"), "ServerSideApply=false"))
    assert messages(state) == ["configmap/greeting created"]
    body = app.body
    bench.objects.update(kinds.APPLICATION, {**body, "spec": {**body["spec"], **policy()}})
    await synced(app, git, with_options(config(text="b"), "Prune=false,ServerSideApply=true"))
    assert ("argocd-controller", "Apply") in managers(live(bench, kinds.CONFIG_MAP, "greeting"))


# Differences that are left to others


@pytest.mark.parametrize("more", [(), SERVER_SIDE])
async def test_an_ignored_field_keeps_its_value_where_that_is_asked_for(
    bench: Bench, app: App, git: DeployRepository, more: tuple[str, ...]
) -> None:
    options = policy("RespectIgnoreDifferences=true", *more)
    app.create(git.url, **options, **ignoring(jsonPointers=["/spec/replicas"]))
    await synced(app, git, deployment(replicas=1))
    assert live(bench, kinds.DEPLOYMENT, "web")["spec"]["replicas"] == 1
    write(bench, kinds.DEPLOYMENT, "web", deployment(replicas=3), "scaler")
    await synced(app, git, deployment(replicas=1, minReadySeconds=1))
    spec = live(bench, kinds.DEPLOYMENT, "web")["spec"]
    assert (spec["replicas"], spec["minReadySeconds"]) == (3, 1)


async def test_else_it_only_makes_no_difference(bench: Bench, app: App, git: DeployRepository) -> None:
    app.create(git.url, **policy(), **ignoring(jsonPointers=["/spec/replicas"]))
    await synced(app, git, deployment(replicas=1))
    write(bench, kinds.DEPLOYMENT, "web", deployment(replicas=3), "scaler")
    await bench.until(lambda: len(bench.objects.select(kinds.POD, NAMESPACE)) == 3)
    assert app.status["sync"]["status"] == "Synced"
    await synced(app, git, deployment(replicas=1, minReadySeconds=1))
    assert live(bench, kinds.DEPLOYMENT, "web")["spec"]["replicas"] == 1


@pytest.mark.parametrize("more", [(), SERVER_SIDE])
async def test_the_fields_of_a_manager_are_left_to_it(
    bench: Bench, app: App, git: DeployRepository, more: tuple[str, ...]
) -> None:
    options = policy("RespectIgnoreDifferences=true", *more)
    app.create(git.url, **options, **ignoring(managedFieldsManagers=["scaler"]))
    await synced(app, git, deployment(replicas=1))
    scaled = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 3}}
    write(bench, kinds.DEPLOYMENT, "web", scaled, "scaler")
    await bench.until(lambda: len(bench.objects.select(kinds.POD, NAMESPACE)) == 3)
    assert app.status["sync"]["status"] == "Synced"
    await synced(app, git, deployment(replicas=1, minReadySeconds=1))
    spec = live(bench, kinds.DEPLOYMENT, "web")["spec"]
    assert (spec["replicas"], spec["minReadySeconds"]) == (3, 1)
    write(bench, kinds.DEPLOYMENT, "web", deployment(minReadySeconds=9), "somebody")
    await bench.until(lambda: live(bench, kinds.DEPLOYMENT, "web")["spec"]["minReadySeconds"] == 1)


async def test_jq_is_refused_by_name(bench: Bench, app: App, git: DeployRepository) -> None:
    git.commit({"web/greeting.yaml": config(text="hello")})
    app.create(git.url, **ignoring(jqPathExpressions=[".spec.replicas"]))
    await bench.until(lambda: app.condition("InvalidSpecError"))
    what = "spec.ignoreDifferences[0].jqPathExpressions: the local platform has no jq"
    assert app.condition("InvalidSpecError") == f"{what}; name the fields by jsonPointers or managedFieldsManagers"
    assert app.status["sync"]["status"] == "Unknown"
