"""The sync options of an Application and of its objects, and what is written of it all."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from coop_core.clock import rfc3339
from coop_core.cluster import kinds, labels
from coop_core.cluster.schemas import mistakes, pruned
from tests.controllers.git_kit import NAME, App, DeployRepository, config
from tests.controllers.options_kit import (
    SERVER_SIDE,
    deployment,
    ignoring,
    live,
    policy,
    synced,
    with_options,
)
from tests.runtime.running_kit import NAMESPACE, Bench

CRD = Path(__file__).parents[3] / "shared" / "data" / "argocd-application-crd.yaml"
needs_definition = pytest.mark.skipif(
    not CRD.exists(), reason="Argo CD's definition is not here (shared/data/argocd-application-crd.yaml)"
)


def approve(bench: Bench, app: App) -> None:
    body = app.body
    annotations = {**(body["metadata"].get("annotations") or {})}
    annotations[labels.ARGO_DELETION_APPROVED] = rfc3339(bench.clock.now_s() + 1)
    metadata = {**body["metadata"], "annotations": annotations}
    bench.objects.update(kinds.APPLICATION, {**body, "metadata": metadata})


async def test_what_asks_for_it_is_pruned_once_somebody_has_said_so(
    bench: Bench, app: App, git: DeployRepository
) -> None:
    app.create(git.url, **policy())
    await synced(app, git, config("a"), with_options(config("b"), "Prune=confirm"))
    commit = git.commit({"web/a.yaml": config("a")})
    app.refresh()
    state = await app.until_phase("Running", commit)
    assert state["message"] == "Waiting for pruning confirmation of v1/ConfigMap/b"
    assert bench.get(kinds.CONFIG_MAP, "b")
    approve(bench, app)
    await app.until_synced(commit)
    assert bench.get(kinds.CONFIG_MAP, "b") is None


async def test_what_must_not_be_pruned_is_told(bench: Bench, app: App, git: DeployRepository) -> None:
    app.create(git.url, **policy())
    await synced(app, git, config("a"), with_options(config("b"), "Prune=false"))
    commit = git.commit({"web/a.yaml": config("a")})
    app.refresh()
    state = await app.until_phase("Succeeded", commit)
    (entry,) = [one for one in state["syncResult"]["resources"] if one["name"] == "b"]
    assert (entry["status"], entry["message"]) == ("PruneSkipped", "ignored (no prune)")


async def test_an_application_goes_once_somebody_has_said_so(bench: Bench, app: App, git: DeployRepository) -> None:
    app.create(git.url, **policy())
    keeps = with_options(config("c"), "Delete=false")
    await synced(app, git, config("a"), with_options(config("b"), "Delete=confirm"), keeps)
    bench.objects.delete(kinds.APPLICATION, kinds.ARGOCD_NAMESPACE, NAME)
    await bench.until(lambda: app.condition("DeletionError"))
    assert app.condition("DeletionError") == "Waiting for deletion confirmation of ConfigMap b"
    assert bench.get(kinds.CONFIG_MAP, "a")
    approve(bench, app)
    await bench.until(lambda: bench.objects.find(kinds.APPLICATION, kinds.ARGOCD_NAMESPACE, NAME) is None)
    left = {one["metadata"]["name"] for one in bench.objects.select(kinds.CONFIG_MAP, NAMESPACE)}
    assert left == {"c"}


async def test_force_makes_anew_what_may_not_change(bench: Bench, app: App, git: DeployRepository) -> None:
    app.create(git.url, **policy())
    await synced(app, git, deployment())
    before = live(bench, kinds.DEPLOYMENT, "web")["metadata"]["uid"]
    other = deployment(selector={"matchLabels": {"app": "other"}})
    other["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    commit = git.commit({"web/0.yaml": other})
    app.refresh()
    assert "field is immutable" in (await app.until_phase("Failed", commit))["message"]
    await synced(app, git, with_options(other, "Force=true"))
    assert live(bench, kinds.DEPLOYMENT, "web")["metadata"]["uid"] != before


async def test_a_field_that_no_kind_has_is_refused_unless_nobody_looks(
    bench: Bench, app: App, git: DeployRepository
) -> None:
    app.create(git.url, **policy())
    commit = git.commit({"web/0.yaml": deployment(replica=2)})
    app.refresh()
    state = await app.until_phase("Failed", commit)
    assert 'strict decoding error: unknown field "spec.replica"' in state["message"]
    await synced(app, git, with_options(deployment(replica=2), "Validate=false"))


async def test_a_kind_that_is_not_there_may_be_left_out_of_the_check(
    bench: Bench, app: App, git: DeployRepository
) -> None:
    gadget = {"apiVersion": "example.com/v1", "kind": "Gadget", "metadata": {"name": "g"}}
    skipping = with_options(gadget, "SkipDryRunOnMissingResource=true")
    app.create(git.url, **policy())
    commit = git.commit({"web/0.yaml": config("a"), "web/1.yaml": skipping})
    app.refresh()
    state = await app.until_phase("Failed", commit)
    assert state["message"].startswith("one or more objects failed to apply, reason: Gadget g: ")
    assert bench.get(kinds.CONFIG_MAP, "a")


async def test_an_option_that_makes_no_difference_is_told(bench: Bench, app: App, git: DeployRepository) -> None:
    app.create(git.url, **policy("Sparkle=true", "PruneLast=true"))
    await synced(app, git, config(text="hello"))
    bench.controllers.flush()
    events = bench.objects.select(kinds.EVENT, kinds.ARGOCD_NAMESPACE)
    told = [one["message"] for one in events if one["reason"] == "SyncOptionIgnored"]
    assert told == ["Sparkle=true is not acted on: the local platform does not know it"]


# What is written of it


@pytest.mark.skipif(
    not CRD.exists(), reason="Argo CD's definition is not here (shared/data/argocd-application-crd.yaml)"
)
async def test_every_application_is_as_argo_cd_defines_it(bench: Bench, app: App, git: DeployRepository) -> None:
    definition = yaml.safe_load(CRD.read_text("utf-8"))
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    seen: list[str] = []

    def look() -> None:
        body = app.body
        seen.append(str((body.get("status") or {}).get("operationState", {}).get("phase")))
        assert pruned(schema, body)[1] == []
        assert [cause for cause in mistakes(schema, body) if body.get("status")] == []

    retry = {"retry": {"limit": 2, "backoff": {"duration": "1h"}}}
    options = policy("RespectIgnoreDifferences=true", *SERVER_SIDE)
    options["syncPolicy"] |= retry
    app.create(git.url, **options, **ignoring(jsonPointers=["/spec/replicas"], managedFieldsManagers=["scaler"]))
    await synced(app, git, deployment(), with_options(config("b"), "Prune=confirm"))
    look()
    commit = git.commit({"web/0.yaml": deployment()})
    app.refresh()
    await app.until_phase("Running", commit)
    look()
    approve(bench, app)
    await app.until_synced(commit)
    missing = {**config("c"), "metadata": {"name": "c", "namespace": "nowhere"}}
    commit = git.commit({"web/0.yaml": deployment(), "web/1.yaml": missing})
    app.refresh()
    state = await app.until_phase("Running", commit)
    look()
    assert (state["retryCount"], "Retrying attempt #1 at" in state["message"]) == (1, True)
    assert state["finishedAt"]
    assert seen == ["Succeeded", "Running", "Running"]
