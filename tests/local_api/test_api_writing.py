"""Writes over HTTP: creating, updating, patching, deleting, and what is refused."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from coop_core.cluster.kinds import NAMESPACE, POD
from tests.local_api.api_client import CONFIG_MAPS, DEPLOYMENTS, PODS, Api, config_map, deployment, pod

if TYPE_CHECKING:
    from coop_core.local.objects import Objects

APPLICATIONS = "/apis/argoproj.io/v1alpha1/namespaces/main/applications"


async def test_a_created_object_gets_what_the_server_owns(api: Api) -> None:
    made = await api.made(PODS, {**pod("a"), "status": {"phase": "Running"}})
    assert made["apiVersion"] == "v1"
    assert made["kind"] == "Pod"
    metadata = made["metadata"]
    assert len(metadata["uid"]) == 36
    assert metadata["creationTimestamp"].endswith("Z")
    assert (metadata["generation"], metadata["namespace"]) == (1, "main")
    assert metadata["resourceVersion"].isdigit()
    assert made["status"]["phase"] == "Pending"
    assert (await api.get(f"{PODS}/a")).json == made


async def test_generate_name_adds_five_characters(api: Api) -> None:
    made = await api.made(CONFIG_MAPS, {"metadata": {"generateName": "run-"}})
    assert made["metadata"]["name"].startswith("run-")
    assert len(made["metadata"]["name"]) == len("run-") + 5


async def test_a_name_is_given_once(api: Api) -> None:
    await api.made(CONFIG_MAPS, config_map("a"))
    refused = await api.post(CONFIG_MAPS, config_map("a"))
    assert (refused.code, refused.json["reason"]) == (409, "AlreadyExists")
    assert refused.json["message"] == 'configmaps "a" already exists'


async def test_a_recreated_object_is_another_one(api: Api) -> None:
    first = await api.made(CONFIG_MAPS, config_map("a"))
    await api.delete(f"{CONFIG_MAPS}/a")
    second = await api.made(CONFIG_MAPS, config_map("a"))
    assert first["metadata"]["uid"] != second["metadata"]["uid"]
    assert int(first["metadata"]["resourceVersion"]) < int(second["metadata"]["resourceVersion"])


async def test_an_update_with_a_stale_revision_conflicts(api: Api) -> None:
    read = await api.made(CONFIG_MAPS, config_map("a", n="1"))
    await api.patch(f"{CONFIG_MAPS}/a", {"data": {"n": "2"}})
    refused = await api.put(f"{CONFIG_MAPS}/a", read)
    assert (refused.code, refused.json["reason"]) == (409, "Conflict")
    assert "the object has been modified" in refused.json["message"]
    assert (await api.get(f"{CONFIG_MAPS}/a")).json["data"] == {"n": "2"}


async def test_an_update_that_changes_nothing_makes_no_revision(api: Api) -> None:
    made = await api.made(CONFIG_MAPS, config_map("a", n="1"))
    assert (await api.put(f"{CONFIG_MAPS}/a", made)).json == made


async def test_spec_and_status_are_written_apart_and_only_spec_counts_as_a_generation(api: Api) -> None:
    made = await api.made(DEPLOYMENTS, deployment("web"))
    path = f"{DEPLOYMENTS}/web"
    of_status = {**made, "spec": {**made["spec"], "replicas": 9}, "status": {"readyReplicas": 1}}
    after_status = (await api.put(f"{path}/status", of_status)).json
    assert (after_status["spec"]["replicas"], after_status["status"]) == (1, {"readyReplicas": 1})
    assert after_status["metadata"]["generation"] == 1
    changed = {**after_status, "spec": {**made["spec"], "replicas": 5}, "status": {}}
    after_spec = (await api.put(path, changed)).json
    assert (after_spec["spec"]["replicas"], after_spec["status"]) == (5, {"readyReplicas": 1})
    assert after_spec["metadata"]["generation"] == 2


async def test_a_kind_without_the_subresource_writes_its_status_whole(api: Api) -> None:
    spec = {"project": "coop", "destination": {"namespace": "main"}}
    await api.made(APPLICATIONS, {"metadata": {"name": "main-web"}, "spec": spec})
    path = f"{APPLICATIONS}/main-web"
    patched = (await api.patch(path, {"status": {"sync": {"status": "Synced"}}})).json
    assert patched["status"] == {"sync": {"status": "Synced"}}
    assert (await api.patch(f"{path}/status", {})).code == 404
    assert (await api.patch(path, {}, "strategic-merge-patch+json")).code == 415


async def test_the_three_patches_change_what_they_name(api: Api) -> None:
    await api.made(DEPLOYMENTS, deployment("web"))
    path = f"{DEPLOYMENTS}/web"
    merged = await api.patch(path, {"metadata": {"annotations": {"a": "1"}}, "spec": {"replicas": 2}})
    assert merged.json["spec"]["replicas"] == 2
    listed = await api.patch(path, [{"op": "replace", "path": "/spec/replicas", "value": 3}], "json-patch+json")
    assert listed.json["spec"]["replicas"] == 3
    container = {"name": "web", "image": "web:2"}
    strategic = await api.patch(
        path, {"spec": {"template": {"spec": {"containers": [container]}}}}, "strategic-merge-patch+json"
    )
    kept = strategic.json["spec"]["template"]["spec"]["containers"]
    assert [(one["image"], one["ports"][0]["containerPort"]) for one in kept] == [("web:2", 8080)]
    assert strategic.json["metadata"]["annotations"] == {"a": "1"}


async def test_a_patch_that_does_not_fit_changes_nothing(api: Api) -> None:
    made = await api.made(DEPLOYMENTS, deployment("web"))
    path = f"{DEPLOYMENTS}/web"
    missing = await api.patch(path, [{"op": "remove", "path": "/spec/nothing"}], "json-patch+json")
    failed = await api.patch(path, [{"op": "test", "path": "/spec/replicas", "value": 7}], "json-patch+json")
    wrong_type = await api.patch(path, {"spec": {"replicas": "many"}})
    stale = await api.patch(path, {"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 7}})
    unknown = await api.patch(path, {}, "cbor")
    codes = [answer.code for answer in (missing, failed, wrong_type, stale, unknown)]
    assert codes == [400, 422, 400, 409, 415]
    assert "$.spec.replicas" in wrong_type.json["message"]
    assert (await api.get(path)).json == made


async def test_apply_creates_then_merges_and_notes_its_manager(api: Api) -> None:
    path = f"{DEPLOYMENTS}/web"
    applied = deployment("web", replicas=2)
    created = await api.patch(f"{path}?fieldManager=coop", applied, "apply-patch+yaml")
    assert created.code == 201
    again = await api.patch(f"{path}?fieldManager=coop", applied, "apply-patch+yaml")
    assert (again.code, again.json) == (200, created.json)
    yaml = b"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 4}\n"
    refused = await api.patch(f"{path}?fieldManager=hand", yaml, "apply-patch+yaml")
    assert (refused.code, refused.json["reason"]) == (409, "Conflict")
    assert refused.json["details"]["causes"] == [
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "coop" using apps/v1',
            "field": ".spec.replicas",
        }
    ]
    other = await api.patch(f"{path}?fieldManager=hand&force=true", yaml, "apply-patch+yaml")
    assert other.json["spec"]["replicas"] == 4
    assert other.json["spec"]["template"] == created.json["spec"]["template"]
    managers = [(entry["manager"], entry["operation"]) for entry in other.json["metadata"]["managedFields"]]
    assert managers == [("coop", "Apply"), ("hand", "Apply")]
    nameless = await api.patch(path, applied, "apply-patch+yaml")
    assert nameless.code == 400
    assert "fieldManager" in nameless.json["message"]


async def test_a_dry_run_answers_as_if_and_stores_nothing(api: Api) -> None:
    answered = await api.post(f"{DEPLOYMENTS}?dryRun=All", deployment("web"))
    assert (answered.code, answered.json["spec"]["replicas"]) == (201, 1)
    assert (await api.get(f"{DEPLOYMENTS}/web")).code == 404
    made = await api.made(DEPLOYMENTS, deployment("web"))
    path = f"{DEPLOYMENTS}/web"
    patched = await api.patch(f"{path}?dryRun=All", {"spec": {"replicas": 8}})
    assert patched.json["spec"]["replicas"] == 8
    status = await api.patch(f"{path}/status?dryRun=All", {"status": {"replicas": 8}})
    assert status.json["status"]["replicas"] == 8
    assert (await api.delete(f"{path}?dryRun=All")).code == 200
    assert (await api.delete(path, {"dryRun": ["All"]})).code == 200
    assert (await api.get(path)).json == made
    assert (await api.delete(f"{path}?dryRun=Some")).code == 422
    assert (await api.delete(f"{path}?dryRun=&dryRun=All")).code == 400


@pytest.mark.parametrize(
    ("spec", "field", "message"),
    [
        ({"selector": None}, "spec.selector", "Required value"),
        (
            {"selector": {"matchLabels": {"app": "other"}}},
            "spec.template.metadata.labels",
            'Invalid value: map[string]string{"app":"web"}: `selector` does not match template `labels`',
        ),
        (
            {"template": {"metadata": {"labels": {"app": "web"}}, "spec": {}}},
            "spec.template.spec.containers",
            "Required value",
        ),
        (
            {"template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web"}]}}},
            "spec.template.spec.containers[0].image",
            "Required value",
        ),
        ({"replicas": -1}, "spec.replicas", "Invalid value: -1: must be greater than or equal to 0"),
    ],
)
async def test_a_deployment_with_a_mistake_is_refused_with_its_cause(
    api: Api, spec: dict[str, Any], field: str, message: str
) -> None:
    refused = await api.post(DEPLOYMENTS, deployment("web", **spec))
    assert (refused.code, refused.json["reason"]) == (422, "Invalid")
    causes = [(cause["field"], cause["message"]) for cause in refused.json["details"]["causes"]]
    assert (field, message) in causes
    assert refused.json["message"].startswith('Deployment.apps "web" is invalid: ')
    assert f"{field}: {message}" in refused.json["message"]


async def test_a_bad_name_and_a_bad_port_are_told_together(api: Api) -> None:
    body = pod("Web_1")
    body["spec"]["containers"][0]["ports"] = [{"containerPort": 70000}]
    refused = await api.post(PODS, body)
    fields = [cause["field"] for cause in refused.json["details"]["causes"]]
    assert fields == ["metadata.name", "spec.containers[0].ports[0].containerPort"]
    assert 'Invalid value: "Web_1": a lowercase RFC 1123 subdomain must' in refused.json["message"]
    assert "70000: must be between 1 and 65535, inclusive" in refused.json["message"]


async def test_a_selector_is_immutable(api: Api) -> None:
    await api.made(DEPLOYMENTS, deployment("web"))
    other = {"selector": {"matchLabels": {"app": "b"}}, "template": {"metadata": {"labels": {"app": "b"}}}}
    refused = await api.patch(f"{DEPLOYMENTS}/web", {"spec": other})
    assert refused.code == 422
    assert "field is immutable" in refused.json["message"]


async def test_the_body_must_be_what_the_path_says(api: Api) -> None:
    wrong_kind = await api.post(PODS, {**config_map("a"), "kind": "ConfigMap", "apiVersion": "v1"})
    wrong_namespace = await api.post(PODS, {**pod("a"), "metadata": {"name": "a", "namespace": "other"}})
    await api.made(PODS, pod("a"))
    wrong_name = await api.put(f"{PODS}/a", pod("b"))
    for refused in (wrong_kind, wrong_namespace, wrong_name):
        assert (refused.code, refused.json["reason"]) == (400, "BadRequest")
    for body in (b"", b"{", b"[]", b"[" * 100_000, b'{"metadata": 3}', b"\xff"):
        assert (await api.post(PODS, body)).code == 400
    assert (await api.post(PODS, b"x", Content_Type="text/plain")).code == 415
    assert (await api.post(PODS, b"x", Content_Encoding="gzip")).code == 415


async def test_a_body_over_three_mebibytes_is_refused(api: Api) -> None:
    refused = await api.post(CONFIG_MAPS, b"x" * (3 * 1024 * 1024 + 1))
    assert (refused.code, refused.json["reason"]) == (413, "RequestEntityTooLarge")
    big = await api.post(CONFIG_MAPS, config_map("big", x="y" * 2_000_000))
    assert big.code == 201


async def test_nothing_is_created_in_a_namespace_that_is_not_there_or_ends(api: Api, objects: Objects) -> None:
    absent = await api.post("/api/v1/namespaces/other/pods", pod("a"))
    assert (absent.code, absent.json["message"]) == (404, 'namespaces "other" not found')
    ending = await api.delete("/api/v1/namespaces/main")
    assert ending.json["status"]["phase"] == "Terminating"
    refused = await api.post(PODS, pod("a"))
    assert (refused.code, refused.json["reason"]) == (403, "Forbidden")
    assert "because it is being terminated" in refused.json["message"]
    namespace = objects.get(NAMESPACE, "", "main")
    assert (await api.put("/api/v1/namespaces/main", {**namespace, "spec": {}})).code == 200
    assert objects.find(NAMESPACE, "", "main") is not None
    finalized = await api.put("/api/v1/namespaces/main/finalize", {**namespace, "metadata": {}, "spec": {}})
    assert finalized.code == 200
    assert objects.find(NAMESPACE, "", "main") is None


async def test_a_finalizer_keeps_an_object_until_it_is_taken_off(api: Api) -> None:
    await api.made(CONFIG_MAPS, {"metadata": {"name": "a", "finalizers": ["x/y"]}})
    path = f"{CONFIG_MAPS}/a"
    lingering = await api.delete(path)
    assert "deletionTimestamp" in lingering.json["metadata"]
    assert (await api.delete(path)).json == (await api.get(path)).json
    assert (await api.patch(path, {"metadata": {"finalizers": None}})).code == 200
    assert (await api.get(path)).code == 404


async def test_a_running_pod_is_given_its_grace_and_no_more_than_asked(api: Api, objects: Objects) -> None:
    await api.made(PODS, pod("idle"))
    assert (await api.delete(f"{PODS}/idle")).json["status"] == "Success"
    await api.made(PODS, pod("busy"))
    path = f"{PODS}/busy"
    await api.patch(path, {"spec": {"nodeName": "local"}})
    first = (await api.delete(path)).json["metadata"]
    assert first["deletionGracePeriodSeconds"] == 30
    longer = (await api.delete(path, {"gracePeriodSeconds": 60})).json["metadata"]
    assert longer == first
    shorter = (await api.delete(f"{path}?gracePeriodSeconds=5")).json["metadata"]
    assert shorter["deletionGracePeriodSeconds"] == 5
    assert shorter["deletionTimestamp"] <= first["deletionTimestamp"]
    objects.delete(POD, "main", "busy", grace_s=0)
    assert (await api.get(path)).code == 404


async def test_deletion_checks_the_preconditions(api: Api) -> None:
    made = await api.made(CONFIG_MAPS, config_map("a"))
    path = f"{CONFIG_MAPS}/a"
    refused = await api.delete(path, {"preconditions": {"uid": "another"}})
    assert refused.code == 409
    deleted = await api.delete(path, {"preconditions": {"uid": made["metadata"]["uid"]}})
    assert deleted.json["status"] == "Success"
    assert deleted.json["details"]["uid"] == made["metadata"]["uid"]
    assert (await api.delete(path)).code == 404


@pytest.mark.parametrize(("policy", "finalizer"), [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")])
async def test_propagation_is_left_to_the_garbage_collector_through_a_finalizer(
    api: Api, policy: str, finalizer: str
) -> None:
    await api.made(DEPLOYMENTS, deployment("web"))
    waiting = await api.delete(f"{DEPLOYMENTS}/web", {"propagationPolicy": policy})
    assert waiting.json["metadata"]["finalizers"] == [finalizer]
    refused = await api.delete(f"{DEPLOYMENTS}/web?propagationPolicy=Sideways")
    assert refused.code == 400


async def test_a_collection_is_deleted_by_selector(api: Api) -> None:
    for name, app in (("a", "x"), ("b", "y"), ("c", "x")):
        await api.made(PODS, pod(name, app=app))
    deleted = await api.delete(f"{PODS}?labelSelector=app%3Dx")
    assert [item["metadata"]["name"] for item in deleted.json["items"]] == ["a", "c"]
    assert [item["metadata"]["name"] for item in (await api.get(PODS)).json["items"]] == ["b"]
    assert (await api.delete("/api/v1/pods")).code == 405


async def test_scale_reads_and_writes_the_number_of_replicas_alone(api: Api) -> None:
    made = await api.made(DEPLOYMENTS, deployment("web", replicas=2))
    path = f"{DEPLOYMENTS}/web/scale"
    scale = (await api.get(path)).json
    assert (scale["kind"], scale["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert (scale["spec"], scale["status"]["selector"]) == ({"replicas": 2}, "app=web")
    scale["spec"]["replicas"] = 4
    assert (await api.put(path, scale)).json["spec"]["replicas"] == 4
    assert (await api.put(path, scale)).code == 409
    assert (await api.patch(path, {"spec": {"replicas": 6}})).json["spec"]["replicas"] == 6
    assert (await api.patch(path, {"spec": {"replicas": "x"}})).code == 400
    assert (await api.patch(path, {"spec": {"replicas": -2}})).code == 422
    after = (await api.get(f"{DEPLOYMENTS}/web")).json
    assert after["spec"] == {**made["spec"], "replicas": 6}


async def test_of_many_writers_with_one_revision_exactly_one_wins(api: Api) -> None:
    read = await api.made(CONFIG_MAPS, config_map("a", n="0"))
    answers = await asyncio.gather(
        *(api.put(f"{CONFIG_MAPS}/a", {**read, "data": {"n": str(number)}}) for number in range(1, 11))
    )
    assert sorted(answer.code for answer in answers) == [200] + [409] * 9


async def test_methods_that_a_resource_does_not_know_are_refused(api: Api) -> None:
    for method, path in (
        ("POST", f"{PODS}/a"),
        ("PUT", PODS),
        ("PATCH", PODS),
        ("HEAD", PODS),
        ("OPTIONS", PODS),
        ("POST", "/api/v1/pods"),
        ("DELETE", f"{PODS}/a/log"),
        ("POST", "/version"),
    ):
        assert (await api.send(method, path)).code == 405, (method, path)


async def test_what_lets_a_shell_or_a_tunnel_in_is_not_there(api: Api) -> None:
    await api.made(PODS, pod("a"))
    for path in ("exec", "attach", "portforward", "proxy", "eviction", "ephemeralcontainers"):
        for method in ("GET", "POST"):
            refused = await api.send(method, f"{PODS}/a/{path}")
            assert refused.code == 404, path
            # `kubectl debug` panics without.
            assert refused.json["details"] == {}
    assert "no way into a pod: it is a process" in (await api.post(f"{PODS}/a/exec", {})).json["message"]
