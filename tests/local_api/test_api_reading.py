"""Reads over HTTP: discovery, lists, selectors, representations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from coop_core.cluster import kinds
from tests.kube import discovered
from tests.local_api.api_client import CONFIG_MAPS, DEPLOYMENTS, PODS, TABLE, Api, config_map, deployment, pod
from tests.local_api.test_api_definitions import DEFINITIONS, definition

if TYPE_CHECKING:
    from coop_core.local.objects import Objects

V2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
V2BETA1 = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"


def names(answer: Any) -> list[str]:
    return [item["metadata"]["name"] for item in answer.json["items"]]


async def test_the_version_has_all_nine_fields(api: Api) -> None:
    version = (await api.get("/version")).json
    assert version["gitVersion"].startswith("v1.34.")
    assert sorted(version) == sorted(
        [
            "major",
            "minor",
            "gitVersion",
            "gitCommit",
            "gitTreeState",
            "buildDate",
            "goVersion",
            "compiler",
            "platform",
        ]
    )
    assert all(isinstance(value, str) for value in version.values())


@pytest.mark.parametrize("path", ["/version", "/api", "/apis", "/api/v1", "/apis/apps", "/apis/apps/v1"])
async def test_discovery_does_not_mind_a_trailing_slash(api: Api, path: str) -> None:
    plain, slashed = await api.get(path), await api.get(f"{path}/")
    assert plain.code == 200
    assert plain.json == slashed.json


async def test_every_kind_is_discovered_plainly(api: Api) -> None:
    groups = [group["preferredVersion"]["groupVersion"] for group in (await api.get("/apis")).json["groups"]]
    found = {}
    for path in ("/api/v1", *(f"/apis/{version}" for version in groups)):
        for resource in (await api.get(path)).json["resources"]:
            assert {"kind", "name", "namespaced", "singularName", "verbs"} <= resource.keys()
            found[(path, resource["name"])] = resource["kind"]
    for kind in kinds.ALL:
        assert found[(kind.path().rpartition("/")[0], kind.plural)] == kind.name
    assert found[("/apis/apps/v1", "deployments/scale")] == "Scale"
    assert ("/api/v1", "pods/log") in found


async def test_aggregated_discovery_is_answered_in_its_own_type_and_never_as_v2beta1(api: Api) -> None:
    for root in ("/api", "/apis"):
        aggregated = await api.get(root, Accept=f"{V2},{V2BETA1},application/json")
        assert aggregated.headers["Content-Type"] == V2
        assert aggregated.json["kind"] == "APIGroupDiscoveryList"
        beta = await api.get(root, Accept=f"{V2BETA1},application/json")
        assert beta.headers["Content-Type"].startswith("application/json")
        assert "as=" not in beta.headers["Content-Type"]
        assert beta.json["kind"] in ("APIVersions", "APIGroupList")
    profiled = await api.get("/apis", Accept=f"{V2};profile=nopeer,application/json")
    apps = next(item for item in profiled.json["items"] if item["metadata"]["name"] == "apps")
    deployments = next(r for r in apps["versions"][0]["resources"] if r["resource"] == "deployments")
    assert (deployments["scope"], deployments["shortNames"]) == ("Namespaced", ["deploy"])
    assert {entry["subresource"] for entry in deployments["subresources"]} == {"status", "scale"}


async def test_both_forms_of_discovery_say_the_same_of_built_in_and_of_custom_kinds(api: Api) -> None:
    async def ask(path: str, accept: str) -> Any:
        return (await api.get(path, Accept=accept)).json

    await api.made(DEFINITIONS, definition())
    plain, at_once = await discovered.plainly(ask), await discovered.at_once(ask)
    assert plain == at_once
    assert "widgets" in plain["example.com/v1"]
    assert await discovered.plainly(ask, discovered.BETA_ONLY) == plain


@pytest.mark.parametrize(
    "path",
    [
        "/api/v2",
        "/apis/nobody",
        "/apis/apps/v2",
        "/apis/apps/v1/nothing",
        "/nothing",
        "/api/v1/nothings",
        "/openapi/v3/api/v2",
    ],
)
async def test_what_is_not_there_is_a_404_status(api: Api, path: str) -> None:
    answer = await api.get(path)
    assert (answer.code, answer.json["kind"], answer.json["reason"]) == (404, "Status", "NotFound")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_an_absent_object_is_named(api: Api) -> None:
    answer = await api.get(f"{DEPLOYMENTS}/web")
    assert answer.json["message"] == 'deployments.apps "web" not found'
    assert answer.json["details"] == {"name": "web", "group": "apps", "kind": "deployments"}


async def test_a_list_has_its_kind_its_revision_and_items_in_order(api: Api) -> None:
    empty = (await api.get(PODS)).json
    assert (empty["kind"], empty["apiVersion"], empty["items"]) == ("PodList", "v1", [])
    for name in ("b", "a", "c"):
        await api.made(PODS, pod(name))
    listed = await api.get(f"{PODS}?limit=2&resourceVersion=0")
    assert names(listed) == ["a", "b", "c"]
    assert "continue" not in listed.json["metadata"]
    newest = (await api.get(f"{PODS}/c")).json["metadata"]["resourceVersion"]
    assert listed.json["metadata"]["resourceVersion"] == newest


async def test_one_list_can_span_namespaces(api: Api, objects: Objects) -> None:
    objects.create(kinds.POD, {**pod("z"), "metadata": {"name": "z", "namespace": "early"}})
    await api.made(PODS, pod("a"))
    assert names(await api.get("/api/v1/pods")) == ["z", "a"]
    assert names(await api.get("/api/v1/pods?fieldSelector=metadata.namespace%3Dmain")) == ["a"]
    assert names(await api.get("/api/v1/namespaces")) == ["main"]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("app=web", ["a", "b"]),
        ("app==web,tier!=back", ["a"]),
        ("app in (web, db)", ["a", "b", "c"]),
        ("app notin (web)", ["c", "d"]),
        ("tier", ["a", "b"]),
        ("!app", ["d"]),
        ("app=web,", ["a", "b"]),
        ("", ["a", "b", "c", "d"]),
    ],
)
async def test_label_selectors_select(api: Api, selector: str, expected: list[str]) -> None:
    labels = {
        "a": {"app": "web", "tier": "front"},
        "b": {"app": "web", "tier": "back"},
        "c": {"app": "db"},
        "d": {},
    }
    for name, given in labels.items():
        await api.made(PODS, pod(name, **given))
    assert names(await api.get(f"{PODS}?labelSelector={quote(selector)}")) == expected


async def test_field_selectors_select_and_unknown_fields_are_named(api: Api) -> None:
    for name in ("a", "b"):
        await api.made(PODS, pod(name))
    await api.patch(f"{PODS}/b/status", {"status": {"phase": "Running"}})
    assert names(await api.get(f"{PODS}?fieldSelector=status.phase%3DRunning")) == ["b"]
    assert names(await api.get(f"{PODS}?fieldSelector=status.phase!%3DRunning,metadata.name%3Da,")) == ["a"]
    refused = await api.get(f"{PODS}?fieldSelector=spec.color%3Dred")
    assert (refused.code, refused.json["message"]) == (400, "field label not supported: spec.color")
    assert (await api.get(f"{PODS}?labelSelector=a%20b")).code == 400


async def test_events_are_found_by_what_they_are_about(api: Api) -> None:
    for name in ("a", "b"):
        about = {"kind": "Pod", "name": name, "namespace": "main", "uid": f"uid-{name}"}
        await api.made("/api/v1/namespaces/main/events", {"metadata": {"name": name}, "involvedObject": about})
    query = "involvedObject.name%3Da,involvedObject.namespace%3Dmain,involvedObject.uid%3Duid-a"
    assert names(await api.get(f"/api/v1/namespaces/main/events?fieldSelector={query}")) == ["a"]


async def test_list_options_that_contradict_each_other_are_refused(api: Api) -> None:
    for query, code in (
        ("resourceVersionMatch=Exact", 400),
        ("resourceVersionMatch=Exact&resourceVersion=0", 400),
        ("resourceVersionMatch=Exact&resourceVersion=1", 200),
        ("resourceVersionMatch=Sideways&resourceVersion=1", 400),
        ("continue=abc", 400),
        ("resourceVersion=abc", 400),
        ("limit=1&resourceVersionMatch=NotOlderThan&resourceVersion=1", 200),
    ):
        assert (await api.get(f"{PODS}?{query}")).code == code, query


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "PodList"),
        ("*/*", "PodList"),
        ("application/json, */*", "PodList"),
        ("application/vnd.kubernetes.protobuf,application/json", "PodList"),
        (f"{TABLE},application/json", "Table"),
        ("application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json", "Table"),
        ("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", "PartialObjectMetadataList"),
        ("application/json;as=Sculpture;v=v1;g=meta.k8s.io,application/json", "PodList"),
    ],
)
async def test_the_first_known_representation_is_taken(api: Api, accept: str, kind: str) -> None:
    await api.made(PODS, pod("a"))
    answer = await api.get(PODS, Accept=accept)
    assert (answer.code, answer.json["kind"]) == (200, kind)
    assert answer.headers["Content-Type"].startswith("application/json")


@pytest.mark.parametrize("accept", ["application/vnd.kubernetes.protobuf", "application/yaml", "text/html"])
async def test_a_client_that_takes_no_json_is_told_what_there_is(api: Api, accept: str) -> None:
    answer = await api.get(PODS, Accept=accept)
    assert (answer.code, answer.json["reason"]) == (406, "NotAcceptable")


async def test_metadata_alone_carries_no_spec(api: Api) -> None:
    await api.made(PODS, pod("a", app="web"))
    one = await api.get(f"{PODS}/a", Accept="application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1")
    assert sorted(one.json) == ["apiVersion", "kind", "metadata"]
    assert one.json["metadata"]["labels"] == {"app": "web"}


@pytest.mark.parametrize(
    ("include", "row_kind"), [("", "PartialObjectMetadata"), ("Object", "Pod"), ("None", None)]
)
async def test_rows_carry_what_was_asked_for(api: Api, include: str, row_kind: str | None) -> None:
    await api.made(PODS, pod("a"))
    table = (await api.get(f"{PODS}?includeObject={include}", Accept=TABLE)).json
    row = table["rows"][0]["object"]
    assert (row and row["kind"]) == row_kind


async def test_every_kind_can_be_shown_as_a_table(api: Api, objects: Objects) -> None:
    await api.made(DEPLOYMENTS, deployment("web"))
    await api.made(CONFIG_MAPS, config_map("a", x="1"))
    for kind in kinds.ALL:
        table = (await api.get(kind.path(), Accept=TABLE)).json
        assert table["kind"] == "Table"
        for row in table["rows"]:
            assert len(row["cells"]) == len(table["columnDefinitions"])
