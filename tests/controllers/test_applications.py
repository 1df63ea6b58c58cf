from __future__ import annotations

import asyncio

import pytest

from coop_core.cluster import drift, kinds, labels
from tests.controllers.git_kit import BRANCH, NAME, App, DeployRepository, config
from tests.runtime.running_kit import NAMESPACE, Bench, listening, web


def data(bench: Bench, name: str = "greeting") -> dict[str, str] | None:
    found = bench.get(kinds.CONFIG_MAP, name)
    return found and found["data"]


async def test_a_new_application_is_synced_at_once(bench: Bench, app: App, git: DeployRepository) -> None:
    commit = git.commit({"web/greeting.yaml": config(text="hello")})
    app.create(git.url)
    status = await app.until_synced(commit)
    assert data(bench) == {"text": "hello"}
    assert status["sync"]["revision"] == commit
    assert status["health"]["status"] == "Healthy"
    assert status["history"][-1]["revision"] == commit
    assert status["operationState"]["syncResult"]["resources"][0]["message"] == "configmap/greeting created"
    assert status["reconciledAt"] >= status["operationState"]["finishedAt"]


async def test_what_is_applied_carries_the_tracking_id(bench: Bench, app: App, git: DeployRepository) -> None:
    commit = git.commit({"web/greeting.yaml": config(text="hello")})
    app.create(git.url)
    await app.until_synced(commit)
    annotations = bench.objects.get(kinds.CONFIG_MAP, NAMESPACE, "greeting")["metadata"]["annotations"]
    assert annotations[labels.ARGO_TRACKING_ID] == f"{NAME}:/ConfigMap:{NAMESPACE}/greeting"


async def test_a_refresh_takes_the_branch_as_it_is_now(bench: Bench, app: App, git: DeployRepository) -> None:
    app.create(git.url)
    git.commit({"web/greeting.yaml": config(text="one")})
    app.refresh()
    commit = git.commit({"web/greeting.yaml": config(text="two")})
    app.refresh()
    await app.until_synced(commit)
    assert data(bench) == {"text": "two"}
    await bench.until(lambda: labels.ARGO_REFRESH not in (app.body["metadata"].get("annotations") or {}))


async def test_a_refresh_asked_for_while_git_is_read_is_not_lost(
    bench: Bench, app: App, git: DeployRepository
) -> None:
    app.create(git.url)
    for round_ in range(5):
        commit = git.commit({"web/greeting.yaml": config(text=str(round_))})
        app.refresh()
        await asyncio.sleep(0)  # the controller has begun by now, and has not finished
    app.refresh()
    await app.until_synced(commit)
    assert data(bench) == {"text": "4"}


async def test_a_field_that_left_the_manifest_leaves_the_object(
    bench: Bench, app: App, git: DeployRepository
) -> None:
    app.create(git.url)
    await_first = git.commit({"web/greeting.yaml": config(text="hello", other="x")})
    app.refresh()
    await app.until_synced(await_first)
    commit = git.commit({"web/greeting.yaml": config(text="hello")})
    app.refresh()
    await app.until_synced(commit)
    assert data(bench) == {"text": "hello"}


async def test_what_left_the_branch_is_pruned(bench: Bench, app: App, git: DeployRepository) -> None:
    first = git.commit({"web/a.yaml": config("a", k="1"), "web/b.yaml": config("b", k="1")})
    app.create(git.url)
    await app.until_synced(first)
    commit = git.commit({"web/a.yaml": config("a", k="1")})
    app.refresh()
    status = await app.until_synced(commit)
    assert bench.get(kinds.CONFIG_MAP, "b") is None
    pruned = [one for one in status["operationState"]["syncResult"]["resources"] if one["status"] == "Pruned"]
    assert [one["name"] for one in pruned] == ["b"]


async def test_without_prune_it_stays_and_shows_as_out_of_sync(
    bench: Bench, app: App, git: DeployRepository
) -> None:
    first = git.commit({"web/a.yaml": config("a", k="1"), "web/b.yaml": config("b", k="1")})
    app.create(git.url, syncPolicy={"automated": {}})
    await app.until_synced(first)
    commit = git.commit({"web/a.yaml": config("a", k="1")})
    app.refresh()
    await bench.until(lambda: app.status["sync"]["revision"] == commit)
    assert app.status["sync"]["status"] == "OutOfSync"
    assert bench.get(kinds.CONFIG_MAP, "b") is not None


async def test_drift_is_healed(bench: Bench, app: App, git: DeployRepository) -> None:
    commit = git.commit({"web/greeting.yaml": config(text="hello")})
    app.create(git.url)
    await app.until_synced(commit)
    live = bench.objects.get(kinds.CONFIG_MAP, NAMESPACE, "greeting")
    bench.objects.update(kinds.CONFIG_MAP, {**live, "data": {"text": "drifted"}})
    await bench.until(lambda: data(bench) == {"text": "hello"})


async def test_drift_stays_when_self_heal_is_off(bench: Bench, app: App, git: DeployRepository) -> None:
    commit = git.commit({"web/greeting.yaml": config(text="hello")})
    app.create(git.url, syncPolicy={"automated": {"prune": True}})
    await app.until_synced(commit)
    live = bench.objects.get(kinds.CONFIG_MAP, NAMESPACE, "greeting")
    bench.objects.update(kinds.CONFIG_MAP, {**live, "data": {"text": "drifted"}})
    await bench.until(lambda: app.status["sync"]["status"] == "OutOfSync")
    assert data(bench) == {"text": "drifted"}


async def test_a_manual_operation_syncs_what_is_not_automated(
    bench: Bench, app: App, git: DeployRepository
) -> None:
    commit = git.commit({"web/greeting.yaml": config(text="hello")})
    app.create(git.url, syncPolicy={})
    await bench.until(lambda: app.status.get("sync"))
    assert data(bench) is None
    bench.objects.update(kinds.APPLICATION, {**app.body, "operation": {"sync": {"prune": True}}})
    await app.until_synced(commit)
    assert "operation" not in app.body
    assert data(bench) == {"text": "hello"}


async def test_a_kind_the_platform_lacks_fails_the_sync_by_name(
    bench: Bench, app: App, git: DeployRepository
) -> None:
    widget = {"apiVersion": "example.org/v1", "kind": "Widget", "metadata": {"name": "nightly"}, "spec": {}}
    commit = git.commit({"web/widget.yaml": widget, "web/greeting.yaml": config(text="hello")})
    app.create(git.url)
    state = await app.until_phase("Failed", commit)
    assert 'no kind "Widget" (example.org/v1): remove widget.yaml' in state["message"]
    assert data(bench) is None, "nothing is applied when something is refused"
    assert commit in app.condition("SyncError")


async def test_an_invalid_manifest_fails_the_sync_with_its_field(
    bench: Bench, app: App, git: DeployRepository
) -> None:
    bad = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 99999}]}}
    commit = git.commit({"web/service.yaml": bad})
    app.create(git.url)
    state = await app.until_phase("Failed", commit)
    assert "spec.ports[0].port" in state["message"]
    assert state["syncResult"]["resources"][0]["status"] == "SyncFailed"


async def test_a_failed_commit_is_not_tried_again_but_the_next_one_is(
    bench: Bench, app: App, git: DeployRepository
) -> None:
    bad = git.commit({"web/x.yaml": {"apiVersion": "v1", "kind": "Nonsense", "metadata": {"name": "x"}}})
    app.create(git.url)
    first = await app.until_phase("Failed", bad)
    app.refresh()
    await bench.until(lambda: labels.ARGO_REFRESH not in app.body["metadata"]["annotations"])
    assert app.status["operationState"] == first
    good = git.commit({"web/greeting.yaml": config(text="hello")})
    app.refresh()
    await app.until_synced(good)
    assert app.condition("SyncError") == ""


async def test_unreadable_yaml_is_a_comparison_error(bench: Bench, app: App, git: DeployRepository) -> None:
    commit = git.commit({"web/bad.yaml": "a: [1"})
    app.create(git.url)
    message = await bench.until(lambda: app.condition("ComparisonError"))
    assert "bad.yaml" in message
    assert app.status["sync"]["status"] == "Unknown"
    assert app.status["sync"]["revision"] == commit


async def test_a_deleted_branch_is_an_error_and_what_runs_stays(
    bench: Bench, app: App, git: DeployRepository
) -> None:
    commit = git.commit({"web/greeting.yaml": config(text="hello")})
    app.create(git.url)
    await app.until_synced(commit)
    git.delete()
    app.refresh()
    message = await bench.until(lambda: app.condition("ComparisonError"))
    assert BRANCH in message
    assert data(bench) == {"text": "hello"}


async def test_deleting_the_application_deletes_what_it_deployed(
    bench: Bench, app: App, git: DeployRepository
) -> None:
    commit = git.commit({"web/greeting.yaml": config(text="hello")})
    app.create(git.url)
    await app.until_synced(commit)
    bench.objects.delete(kinds.APPLICATION, kinds.ARGOCD_NAMESPACE, NAME)
    await bench.until(lambda: bench.objects.find(kinds.APPLICATION, kinds.ARGOCD_NAMESPACE, NAME) is None)
    assert data(bench) is None


async def test_the_namespace_is_made_when_asked_for(bench: Bench, app: App, git: DeployRepository) -> None:
    commit = git.commit({"web/greeting.yaml": config(text="hello")})
    destination = {"server": "https://kubernetes.default.svc", "namespace": "dev-new"}
    policy = {"automated": {}, "syncOptions": ["CreateNamespace=true"]}
    app.create(git.url, destination=destination, syncPolicy=policy)
    await app.until_synced(commit)
    assert bench.objects.find(kinds.CONFIG_MAP, "dev-new", "greeting")


async def test_a_namespace_that_comes_later_is_waited_for(bench: Bench, app: App, git: DeployRepository) -> None:
    commit = git.commit({"web/greeting.yaml": config(text="hello")})
    destination = {"server": "https://kubernetes.default.svc", "namespace": "dev-new"}
    retry = {"limit": 5, "backoff": {"duration": "100ms"}}
    app.create(git.url, destination=destination, syncPolicy={"automated": {}, "retry": retry})
    state = await app.until_phase("Running", commit)
    assert 'namespaces "dev-new" not found' in state["message"]
    bench.objects.create(kinds.NAMESPACE, {"metadata": {"name": "dev-new"}})
    await app.until_synced(commit)


async def test_a_project_that_forbids_the_destination_is_an_invalid_spec(
    bench: Bench, app: App, git: DeployRepository
) -> None:
    allowed = {"sourceRepos": ["*"], "destinations": [{"namespace": "main"}]}
    metadata = {"name": "coop", "namespace": kinds.ARGOCD_NAMESPACE}
    bench.objects.create(kinds.APP_PROJECT, {"metadata": metadata, "spec": allowed})
    git.commit({"web/greeting.yaml": config(text="hello")})
    app.create(git.url, project="coop")
    message = await bench.until(lambda: app.condition("InvalidSpecError"))
    assert f"namespace '{NAMESPACE}'" in message
    assert data(bench) is None


async def test_health_follows_the_rollout_to_its_end(bench: Bench, app: App, git: DeployRepository) -> None:
    deployment, service, ingress = web(listening(bench.container()))
    named = {
        "web/d.yaml": {"apiVersion": "apps/v1", "kind": "Deployment", **deployment},
        "web/s.yaml": {"apiVersion": "v1", "kind": "Service", **service},
        "web/i.yaml": {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", **ingress},
    }
    commit = git.commit(named)
    app.create(git.url)
    status = await app.until_synced(commit)
    assert status["health"]["status"] == "Progressing"
    await bench.until(lambda: app.status["health"]["status"] == "Healthy")
    assert app.status["sync"]["status"] == "Synced"
    assert app.status["summary"]["images"] == [deployment["spec"]["template"]["spec"]["containers"][0]["image"]]
    assert await bench.ask() == (200, "hello\n")


async def test_a_settled_application_is_written_no_more(bench: Bench, app: App, git: DeployRepository) -> None:
    commit = git.commit({"web/greeting.yaml": config(text="hello")})
    app.create(git.url)
    await app.until_synced(commit)
    await bench.until(lambda: bench.objects.select(kinds.EVENT, kinds.ARGOCD_NAMESPACE))
    revision = bench.store.revision
    live = bench.objects.get(kinds.CONFIG_MAP, NAMESPACE, "greeting")
    bench.objects.update(
        kinds.CONFIG_MAP, {**live, "metadata": {**live["metadata"], "labels": {"somebody": "else"}}}
    )
    with pytest.raises(AssertionError):
        await bench.until(lambda: bench.store.revision > revision + 1, patience_s=0.2)
    assert drift.application_of(kinds.CONFIG_MAP, bench.objects.get(kinds.CONFIG_MAP, NAMESPACE, "greeting"))


async def test_a_manifest_outside_the_projects_namespaces_is_refused(
    bench: Bench, app: App, git: DeployRepository
) -> None:
    allowed = {"sourceRepos": ["*"], "destinations": [{"namespace": "dev-*"}]}
    metadata = {"name": "coop", "namespace": kinds.ARGOCD_NAMESPACE}
    bench.objects.create(kinds.APP_PROJECT, {"metadata": metadata, "spec": allowed})
    elsewhere = config(text="hello")
    elsewhere["metadata"]["namespace"] = "default"
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "mine"}}
    commit = git.commit({"web/a.yaml": elsewhere, "web/b.yaml": namespace})
    app.create(git.url, project="coop")
    state = await app.until_phase("Failed", commit)
    assert "namespace default is not permitted in project 'coop'" in state["message"]
    assert "resource :Namespace is not permitted in project 'coop'" in state["message"]


async def test_a_project_that_comes_later_lets_its_applications_go_on(
    bench: Bench, app: App, git: DeployRepository
) -> None:
    commit = git.commit({"web/greeting.yaml": config(text="hello")})
    app.create(git.url, project="coop")
    await bench.until(lambda: app.condition("InvalidSpecError"))
    allowed = {"sourceRepos": ["*"], "destinations": [{"namespace": "*"}]}
    metadata = {"name": "coop", "namespace": kinds.ARGOCD_NAMESPACE}
    bench.objects.create(kinds.APP_PROJECT, {"metadata": metadata, "spec": allowed})
    await app.until_synced(commit)
