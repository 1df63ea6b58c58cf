from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from coop_core.cluster import kinds
from tests.controllers.git_kit import NAME, App, DeployRepository, config
from tests.runtime.running_kit import NAMESPACE, Bench, web

if TYPE_CHECKING:
    from pathlib import Path

    from coop_core.cluster.kinds import Raw

ONCE = {"automated": {"prune": True, "selfHeal": True}, "retry": {"limit": 0}}
WAVE = "argocd.argoproj.io/sync-wave"


def annotated(body: Raw, **annotations: str) -> Raw:
    names = {"hook": "argocd.argoproj.io/hook", "policy": "argocd.argoproj.io/hook-delete-policy", "wave": WAVE}
    names["options"] = "argocd.argoproj.io/sync-options"
    named = {names[name]: value for name, value in annotations.items()}
    before = body["metadata"].get("annotations") or {}
    return {**body, "metadata": {**body["metadata"], "annotations": {**before, **named}}}


def hook(bench: Bench, script: str, phase: str, *, name: str = "", policy: str = "", **spec: Any) -> Raw:
    """A Job that runs a line of shell at a phase of the sync."""
    container = bench.container("", command=["/bin/sh", "-c", script])
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    body = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name or phase.lower()},
        "spec": {"backoffLimit": 0, "template": template, **spec},
    }
    return annotated(body, hook=phase, **({"policy": policy} if policy else {}))


def noting(out: Path, word: str) -> str:
    return f"echo {word} >> {out}"


def words(out: Path) -> list[str]:
    return out.read_text().split() if out.exists() else []


def jobs(bench: Bench) -> dict[str, Raw]:
    return {one["metadata"]["name"]: one for one in bench.objects.select(kinds.JOB, NAMESPACE)}


def entry(state: Raw, name: str) -> Raw:
    found: list[Raw] = [one for one in state["syncResult"]["resources"] if one["name"] == name]
    return found[0]


async def test_hooks_run_before_and_after_what_is_applied(
    bench: Bench, app: App, git: DeployRepository, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    commit = git.commit(
        {
            "web/before.yaml": hook(bench, noting(out, "before"), "PreSync"),
            "web/after.yaml": hook(bench, noting(out, "after"), "PostSync"),
            "web/fail.yaml": hook(bench, noting(out, "fail"), "SyncFail"),
            "web/greeting.yaml": config(text="hello"),
        }
    )
    app.create(git.url, syncPolicy=ONCE)
    status = await app.until_synced(commit)
    assert words(out) == ["before", "after"]
    state = status["operationState"]
    assert state["message"] == "successfully synced (no more tasks)"
    assert entry(state, "presync")["hookPhase"] == "Succeeded"
    assert entry(state, "presync")["hookType"] == entry(state, "presync")["syncPhase"] == "PreSync"
    made = jobs(bench)["presync"]["metadata"]["creationTimestamp"]
    assert made <= bench.objects.get(kinds.CONFIG_MAP, NAMESPACE, "greeting")["metadata"]["creationTimestamp"]
    listed = {one["name"]: one for one in status["resources"]}
    assert listed["presync"] == {
        "version": "v1", "kind": "Job", "name": "presync", "hook": True, "group": "batch", "namespace": NAMESPACE,
    }  # fmt: skip
    assert status["health"]["status"] == "Healthy"


async def test_a_hook_that_fails_stops_the_sync_and_has_its_aftermath(
    bench: Bench, app: App, git: DeployRepository, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    commit = git.commit(
        {
            "web/before.yaml": hook(bench, "echo broken; exit 3", "PreSync"),
            "web/fail.yaml": hook(bench, noting(out, "fail"), "SyncFail"),
            "web/greeting.yaml": config(text="hello"),
        }
    )
    app.create(git.url, syncPolicy=ONCE)
    state = await app.until_phase("Failed", commit)
    assert "one or more synchronization tasks completed unsuccessfully" in state["message"]
    assert "Job presync" in state["message"]
    assert words(out) == ["fail"]
    assert bench.get(kinds.CONFIG_MAP, "greeting") is None


async def test_a_failed_hook_is_tried_again_as_often_as_asked(
    bench: Bench, app: App, git: DeployRepository, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    script = f"{noting(out, 'try')}; test $(wc -l < {out}) -ge 2"
    commit = git.commit({"web/before.yaml": hook(bench, script, "PreSync"), "web/greeting.yaml": config(text="a")})
    retry = {"limit": 2, "backoff": {"duration": "100ms"}}
    app.create(git.url, syncPolicy={"automated": {}, "retry": retry})
    status = await app.until_synced(commit)
    assert words(out) == ["try", "try"]
    assert status["operationState"]["retryCount"] == 1


async def test_a_wave_waits_until_the_one_before_it_is_healthy(
    bench: Bench, app: App, git: DeployRepository, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    probe = {"exec": {"command": ["/usr/bin/test", "-e", str(gate)]}, "periodSeconds": 1}
    container = bench.container("", command=["/bin/sh", "-c", "exec sleep 60"], readinessProbe=probe)
    deployment, _, _ = web(container)
    first = annotated({"apiVersion": "apps/v1", "kind": "Deployment", **deployment}, wave="-1")
    commit = git.commit({"web/web.yaml": first, "web/greeting.yaml": config(text="hello")})
    app.create(git.url, syncPolicy=ONCE)
    state = await app.until_phase("Running", commit)
    await bench.until(lambda: app.status["operationState"]["message"] != state["message"] or state["message"])
    assert app.status["operationState"]["message"] == "waiting for healthy state of apps/Deployment/web"
    assert bench.get(kinds.CONFIG_MAP, "greeting") is None
    assert app.status["sync"]["status"] == "OutOfSync"
    gate.touch()
    status = await app.until_synced(commit)
    assert {one["name"]: one.get("syncWave") for one in status["resources"]} == {"web": -1, "greeting": None}
    assert entry(status["operationState"], "web")["hookPhase"] == "Succeeded"


async def test_a_push_during_an_operation_waits_for_its_end(
    bench: Bench, app: App, git: DeployRepository, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    wait = hook(bench, f"until test -e {gate}; do sleep 0.01; done", "PreSync", policy="HookSucceeded")
    first = git.commit({"web/before.yaml": wait, "web/greeting.yaml": config(text="one")})
    app.create(git.url, syncPolicy=ONCE)
    await app.until_phase("Running", first)
    second = git.commit({"web/greeting.yaml": config(text="two")})
    app.refresh()
    await bench.until(lambda: app.status["sync"].get("revision") == second)
    assert app.status["operationState"]["syncResult"]["revision"] == first
    gate.touch()
    await app.until_synced(second)
    assert [one["revision"] for one in app.status["history"]] == [first, second]
    assert bench.objects.get(kinds.CONFIG_MAP, NAMESPACE, "greeting")["data"] == {"text": "two"}


async def test_the_objects_of_hooks_go_as_their_policy_says(bench: Bench, app: App, git: DeployRepository) -> None:
    files = {
        "web/kept.yaml": hook(bench, "true", "PreSync", name="kept"),
        "web/gone.yaml": hook(bench, "true", "PreSync", name="gone", policy="HookSucceeded"),
        "web/short.yaml": hook(bench, "true", "PostSync", name="short", ttlSecondsAfterFinished=0),
    }
    named = hook(bench, "true", "PostSync", name="x")
    del named["metadata"]["name"]
    named["metadata"]["generateName"] = "named-"
    files["web/named.yaml"] = named
    first = git.commit({**files, "web/greeting.yaml": config(text="one")})
    app.create(git.url, syncPolicy=ONCE)
    await app.until_synced(first)
    await bench.until(lambda: {"gone", "short"}.isdisjoint(jobs(bench)))
    before = jobs(bench)
    assert sorted(name.rpartition("-")[0] or name for name in before) == ["kept", "named"]
    assert not any(one["metadata"].get("finalizers") for one in before.values())
    second = git.commit({**files, "web/greeting.yaml": config(text="two")})
    app.refresh()
    await app.until_synced(second)
    assert jobs(bench)["kept"]["metadata"]["uid"] != before["kept"]["metadata"]["uid"]
    assert len([name for name in jobs(bench) if name.startswith("named-")]) == 2


async def test_a_hook_runs_once_although_the_platform_is_killed_meanwhile(
    bench: Bench, app: App, git: DeployRepository, tmp_path: Path
) -> None:
    out, gate = tmp_path / "out", tmp_path / "gate"
    script = f"{noting(out, 'once')}; until test -e {gate}; do sleep 0.01; done"
    commit = git.commit({"web/before.yaml": hook(bench, script, "PreSync"), "web/greeting.yaml": config(text="a")})
    app.create(git.url, syncPolicy=ONCE)
    await bench.until(lambda: jobs(bench).get("presync", {}).get("status", {}).get("ready"))
    await bench.close(keep_pods=True)
    bench.open()
    # As a crash between the hook and the note of it would have left it:
    state = app.status["operationState"]
    forgotten = {**app.status, "operationState": {**state, "syncResult": {**state["syncResult"], "resources": []}}}
    bench.objects.update(kinds.APPLICATION, {**app.body, "status": forgotten})
    gate.touch()
    await bench.start()
    await app.until_synced(commit)
    assert words(out) == ["once"]


async def test_an_operation_can_be_terminated(bench: Bench, app: App, git: DeployRepository) -> None:
    commit = git.commit({"web/before.yaml": hook(bench, "sleep 60", "PreSync"), "web/a.yaml": config(text="a")})
    app.create(git.url, syncPolicy=ONCE)
    await bench.until(lambda: "presync" in jobs(bench))
    state = {**app.status["operationState"], "phase": "Terminating"}
    bench.objects.update(kinds.APPLICATION, {**app.body, "status": {**app.status, "operationState": state}})
    ended = await app.until_phase("Failed", commit)
    assert ended["message"] == "Operation terminated"
    await bench.until(lambda: not jobs(bench))


async def test_an_application_takes_its_hooks_along(bench: Bench, app: App, git: DeployRepository) -> None:
    git.commit({"web/before.yaml": hook(bench, "sleep 60", "PreSync"), "web/a.yaml": config(text="a")})
    app.create(git.url, syncPolicy=ONCE)
    await bench.until(lambda: jobs(bench).get("presync", {}).get("status", {}).get("ready"))
    bench.objects.delete(kinds.APPLICATION, kinds.ARGOCD_NAMESPACE, NAME)
    await bench.until(lambda: not jobs(bench) and not bench.objects.select(kinds.POD, NAMESPACE))


async def test_a_hook_that_never_runs_here_is_told(bench: Bench, app: App, git: DeployRepository) -> None:
    git.commit(
        {
            "web/after.yaml": hook(bench, "true", "PostDelete"),
            "web/skip.yaml": annotated(config("skipped"), hook="Skip"),
        }
    )
    app.create(git.url, syncPolicy={"automated": {"allowEmpty": True}})
    await bench.until(lambda: app.condition("ExcludedResourceWarning"))
    assert app.condition("ExcludedResourceWarning") == "Job postdelete: PostDelete hooks are not run here"
    assert bench.get(kinds.CONFIG_MAP, "skipped") is None


async def test_a_selective_sync_touches_nothing_else(bench: Bench, app: App, git: DeployRepository) -> None:
    commit = git.commit(
        {
            "web/one.yaml": config("one", text="1"),
            "web/two.yaml": config("two", text="2"),
            "web/before.yaml": hook(bench, "true", "PreSync"),
        }
    )
    app.create(git.url, syncPolicy={})
    await bench.until(lambda: app.status.get("sync"))
    wanted = {"revision": commit, "resources": [{"kind": "ConfigMap", "name": "one"}]}
    bench.objects.update(kinds.APPLICATION, {**app.body, "operation": {"sync": wanted}})
    await app.until_phase("Succeeded", commit)
    assert bench.get(kinds.CONFIG_MAP, "one") and not bench.get(kinds.CONFIG_MAP, "two")
    assert not jobs(bench)


async def test_only_what_is_out_of_sync_is_applied_when_asked_for(
    bench: Bench, app: App, git: DeployRepository
) -> None:
    first = git.commit({"web/one.yaml": config("one", text="1"), "web/two.yaml": config("two", text="2")})
    app.create(git.url, syncPolicy={**ONCE, "syncOptions": ["ApplyOutOfSyncOnly=true"]})
    await app.until_synced(first)
    second = git.commit({"web/one.yaml": config("one", text="1"), "web/two.yaml": config("two", text="3")})
    app.refresh()
    status = await app.until_synced(second)
    assert [one["name"] for one in status["operationState"]["syncResult"]["resources"]] == ["two"]


async def test_replace_and_force_make_a_new_object_of_one_that_may_not_change(
    bench: Bench, app: App, git: DeployRepository
) -> None:
    def job(script: str) -> Raw:
        body = hook(bench, script, "x", name="work")
        body["metadata"]["annotations"] = {}
        return annotated(body, options="Force=true,Replace=true")

    first = git.commit({"web/work.yaml": job("true")})
    app.create(git.url, syncPolicy=ONCE)
    await app.until_synced(first)
    before = jobs(bench)["work"]["metadata"]["uid"]
    second = git.commit({"web/work.yaml": job("exit 0")})
    app.refresh()
    await app.until_synced(second)
    assert jobs(bench)["work"]["metadata"]["uid"] != before


async def test_ignored_differences_are_none(bench: Bench, app: App, git: DeployRepository) -> None:
    commit = git.commit({"web/greeting.yaml": config(text="hello")})
    rule = {"kind": "ConfigMap", "jsonPointers": ["/data/text"]}
    app.create(git.url, ignoreDifferences=[rule])
    await app.until_synced(commit)
    body = bench.objects.get(kinds.CONFIG_MAP, NAMESPACE, "greeting")
    bench.objects.update(kinds.CONFIG_MAP, {**body, "data": {"text": "changed"}})
    app.refresh()
    await bench.until(lambda: "argocd.argoproj.io/refresh" not in app.body["metadata"].get("annotations", {}))
    assert app.status["sync"]["status"] == "Synced"
    assert bench.objects.get(kinds.CONFIG_MAP, NAMESPACE, "greeting")["data"] == {"text": "changed"}


async def test_what_must_not_be_pruned_stays(bench: Bench, app: App, git: DeployRepository) -> None:
    kept = annotated(config("kept", text="1"), options="Prune=false")
    first = git.commit({"web/kept.yaml": kept, "web/greeting.yaml": config(text="a")})
    app.create(git.url, syncPolicy=ONCE)
    await app.until_synced(first)
    second = git.commit({"web/greeting.yaml": config(text="b")})
    app.refresh()
    state = await app.until_phase("Succeeded", second)
    assert entry(state, "kept")["status"] == "PruneSkipped"
    assert bench.get(kinds.CONFIG_MAP, "kept")


async def test_a_definition_and_its_objects_come_in_one_commit(
    bench: Bench, app: App, git: DeployRepository
) -> None:
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.org"},
        "spec": {
            "group": "example.org",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }
    widget = {"apiVersion": "example.org/v1", "kind": "Widget", "metadata": {"name": "one"}, "spec": {"size": 3}}
    commit = git.commit({"web/crd.yaml": definition, "web/widget.yaml": widget})
    app.create(git.url, syncPolicy=ONCE)
    await app.until_synced(commit)
    kind = bench.objects.catalog.named("example.org/v1", "Widget")
    assert kind is not None
    assert bench.objects.get(kind, NAMESPACE, "one")["spec"] == {"size": 3}
    bench.objects.delete(kinds.NAMESPACE, "", NAMESPACE)
    await bench.until(lambda: bench.objects.find(kinds.NAMESPACE, "", NAMESPACE) is None)
    assert not bench.objects.select(kind)


@pytest.mark.parametrize(
    ("file", "tool"),
    [("kustomization.yaml", "Kustomize"), ("kustomization.yml", "Kustomize"), ("Chart.yaml", "Helm")],
)
async def test_what_needs_a_tool_to_be_rendered_is_refused_by_its_name(
    bench: Bench, app: App, git: DeployRepository, file: str, tool: str
) -> None:
    git.commit({f"web/{file}": "resources: []\n", "web/greeting.yaml": config(text="hello")})
    app.create(git.url)
    await bench.until(lambda: app.condition("ComparisonError"))
    assert f"{file} asks for {tool}" in app.condition("ComparisonError")
    assert app.status["sync"]["status"] == "Unknown"


async def test_a_source_that_asks_for_a_tool_is_an_invalid_spec(
    bench: Bench, app: App, git: DeployRepository
) -> None:
    source = {"repoURL": git.url, "path": "web", "helm": {"valueFiles": ["a.yaml"]}}
    app.create(git.url, source=source)
    await bench.until(lambda: app.condition("InvalidSpecError"))
    assert "spec.source.helm" in app.condition("InvalidSpecError")
