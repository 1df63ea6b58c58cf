"""CustomResourceDefinitions: apply one, and its objects are served like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from coop_core.cluster.kinds import DEFINITION, NAMESPACE
from coop_core.local.objects import Invalid, Objects
from tests.local_api.api_client import TABLE, Api

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGETS = "/apis/example.com/v1/namespaces/main/widgets"
SCHEMA: Raw = {
    "type": "object",
    "required": ["spec"],
    "properties": {
        "spec": {
            "type": "object",
            "required": ["size"],
            "properties": {
                "size": {"type": "string", "enum": ["small", "large"]},
                "count": {"type": "integer", "default": 1, "minimum": 0},
                "port": {"x-kubernetes-int-or-string": True},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                "code": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 5},
            },
        },
        "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    },
}


def version(name: str, schema: Raw, **more: Any) -> Raw:
    return {"name": name, "served": True, "storage": False, "schema": {"openAPIV3Schema": schema}, **more}


def definition(plural: str = "widgets", kind: str = "Widget", **spec: Any) -> Raw:
    columns = [
        {"name": "Size", "type": "string", "jsonPath": ".spec.size"},
        {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'},
        {"name": "Count", "type": "integer", "jsonPath": ".spec.count", "priority": 1},
    ]
    scale = {"specReplicasPath": ".spec.count", "statusReplicasPath": ".status.count"}
    stored = version(
        "v1",
        SCHEMA,
        storage=True,
        subresources={"status": {}, "scale": scale},
        additionalPrinterColumns=columns,
        selectableFields=[{"jsonPath": ".spec.size"}],
    )
    names = {"plural": plural, "kind": kind, "shortNames": ["wd"] if kind == "Widget" else []}
    return {
        "metadata": {"name": f"{plural}.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [stored], **spec},
    }


def widget(name: str = "a", **spec: Any) -> Raw:
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": name}, "spec": spec}


def conditions(body: Raw) -> dict[str, str]:
    return {one["type"]: one["status"] for one in body["status"]["conditions"]}


@pytest.fixture
async def defined(api: Api) -> Raw:
    return await api.made(DEFINITIONS, definition())


async def test_a_definition_is_established_at_once_and_its_kind_is_discovered(api: Api, defined: Raw) -> None:
    assert conditions(defined) == {"NamesAccepted": "True", "Established": "True"}
    assert defined["status"]["storedVersions"] == ["v1"]
    assert defined["status"]["acceptedNames"]["singular"] == "widget"
    listed = (await api.get("/apis/example.com/v1")).json["resources"]
    assert [one["name"] for one in listed] == ["widgets", "widgets/status", "widgets/scale"]
    assert listed[0]["shortNames"] == ["wd"]
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    aggregated = (await api.get("/apis", Accept=accept)).json["items"]
    assert "example.com" in [group["metadata"]["name"] for group in aggregated]
    assert (await api.get(WIDGETS)).json["kind"] == "WidgetList"


async def test_an_object_is_completed_pruned_and_told_of_what_was_pruned(api: Api, defined: Raw) -> None:
    answer = await api.post(WIDGETS, widget(size="small", sise=1, free={"any": [1]}))
    assert answer.code == 201
    assert answer.json["spec"] == {"size": "small", "count": 1, "free": {"any": [1]}}
    assert answer.headers["Warning"] == '299 - "unknown field \\"spec.sise\\""'
    strict = await api.post(f"{WIDGETS}?fieldValidation=Strict", widget("b", size="small", sise=1))
    assert (strict.code, 'unknown field "spec.sise"' in strict.json["message"]) == (400, True)
    ignored = await api.post(f"{WIDGETS}?fieldValidation=Ignore", widget("c", size="small", sise=1))
    assert (ignored.code, "Warning" in ignored.headers) == (201, False)


@pytest.mark.parametrize(
    ("spec", "field", "reason"),
    [
        ({"size": "huge"}, "spec.size", "FieldValueNotSupported"),
        ({}, "spec.size", "FieldValueRequired"),
        ({"size": "small", "count": "1"}, "spec.count", "FieldValueTypeInvalid"),
        ({"size": "small", "count": -1}, "spec.count", "FieldValueInvalid"),
        ({"size": "small", "port": True}, "spec.port", "FieldValueTypeInvalid"),
        ({"size": "small", "tags": ["a", "a"]}, "spec.tags[1]", "FieldValueDuplicate"),
        ({"size": "small", "code": "A"}, "spec.code", "FieldValueInvalid"),
        ({"size": "small", "code": "abcdef"}, "spec.code", "FieldValueTooLong"),
    ],
)
async def test_what_breaks_the_schema_is_refused_at_its_field(
    api: Api, defined: Raw, spec: Raw, field: str, reason: str
) -> None:
    refused = await api.post(WIDGETS, widget(**spec))
    assert (refused.code, refused.json["reason"]) == (422, "Invalid")
    assert [(one["field"], one["reason"]) for one in refused.json["details"]["causes"]] == [(field, reason)]


async def test_a_controller_gets_no_further_than_a_client(defined: Raw, objects: Objects) -> None:
    kind = objects.catalog.named("example.com/v1", "Widget")
    assert kind is not None
    with pytest.raises(Invalid, match=r"spec\.size"):
        objects.create(kind, {**widget(size="huge"), "metadata": {"name": "a", "namespace": "main"}})


async def test_the_table_has_the_columns_of_the_definition(api: Api, defined: Raw) -> None:
    await api.made(WIDGETS, widget(size="small"))
    ready = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    assert (await api.patch(f"{WIDGETS}/a/status", ready)).code == 200
    table = (await api.get(WIDGETS, Accept=TABLE)).json
    assert [(one["name"], one["priority"]) for one in table["columnDefinitions"]] == [
        ("Name", 0), ("Size", 0), ("Ready", 0), ("Count", 1),
    ]  # fmt: skip
    assert table["rows"][0]["cells"] == ["a", "small", "True", 1]


async def test_status_and_scale_are_subresources(api: Api, defined: Raw) -> None:
    made = await api.made(WIDGETS, {**widget(size="small"), "status": {"count": 9}})
    assert "status" not in made
    await api.patch(f"{WIDGETS}/a/status", {"status": {"count": 2}, "spec": {"size": "large"}})
    assert (await api.patch(f"{WIDGETS}/a/scale", {"spec": {"replicas": 4}})).code == 200
    scale = (await api.get(f"{WIDGETS}/a/scale")).json
    assert (scale["spec"]["replicas"], scale["status"]["replicas"]) == (4, 2)
    found = (await api.get(f"{WIDGETS}/a")).json
    assert (found["spec"], found["status"]) == ({"size": "small", "count": 4}, {"count": 2})
    assert found["metadata"]["generation"] == 2


async def test_selectors_know_the_fields_of_the_definition(api: Api, defined: Raw) -> None:
    await api.made(WIDGETS, widget("a", size="small"))
    await api.made(WIDGETS, widget("b", size="large"))
    found = (await api.get(f"{WIDGETS}?fieldSelector=spec.size%3Dlarge")).json["items"]
    assert [one["metadata"]["name"] for one in found] == ["b"]
    assert (await api.get(f"{WIDGETS}?fieldSelector=spec.count%3D1")).code == 400


async def test_a_strategic_merge_is_not_for_custom_kinds(api: Api, defined: Raw) -> None:
    await api.made(WIDGETS, widget(size="small"))
    assert (await api.patch(f"{WIDGETS}/a", {}, "strategic-merge-patch+json")).code == 415
    merged = await api.patch(f"{WIDGETS}/a", {"spec": {"free": {"x": None, "y": 1}}})
    assert merged.json["spec"]["free"] == {"y": 1}
    applied = await api.patch(f"{WIDGETS}/a?fieldManager=me", widget(tags=["t"]), "apply-patch+yaml")
    assert (applied.code, applied.json["spec"]["size"], applied.json["spec"]["tags"]) == (200, "small", ["t"])


async def test_every_served_version_shows_the_same_objects(api: Api, objects: Objects) -> None:
    old = version("v1beta1", {"type": "object", "x-kubernetes-preserve-unknown-fields": True})
    both = definition()
    both["spec"]["versions"].append(old)
    await api.made(DEFINITIONS, both)
    path = WIDGETS.replace("/v1/", "/v1beta1/")
    made = await api.made(path, {"metadata": {"name": "a"}, "spec": {"size": "small"}})
    assert made["apiVersion"] == "example.com/v1beta1"
    found = (await api.get(f"{WIDGETS}/a")).json
    assert (found["apiVersion"], found["metadata"]["uid"]) == ("example.com/v1", made["metadata"]["uid"])
    assert (await api.get(path)).json["items"][0]["apiVersion"] == "example.com/v1beta1"
    async with api.watch(path) as watch:
        assert (await watch.event())["object"]["apiVersion"] == "example.com/v1beta1"
    group = (await api.get("/apis/example.com")).json
    assert [one["version"] for one in group["versions"]] == ["v1", "v1beta1"]


async def test_a_name_in_use_is_not_accepted(api: Api, defined: Raw) -> None:
    other = await api.made(DEFINITIONS, definition("gadgets", "Widget"))
    assert conditions(other) == {"NamesAccepted": "False", "Established": "False"}
    assert (await api.get("/apis/example.com/v1/namespaces/main/gadgets")).code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"names": {"plural": "things", "kind": "Widget"}}, "metadata.name"),
        ({"scope": "Planet"}, "spec.scope"),
        ({"group": "core"}, "spec.group"),
        ({"versions": [version("v1", SCHEMA)]}, "spec.versions"),
        ({"versions": [version("one", SCHEMA, storage=True)]}, "spec.versions[0].name"),
        ({"versions": [version("v1", {"type": "string"}, storage=True)]},
         "spec.versions[0].schema.openAPIV3Schema.type"),
        ({"versions": [version("v1", {"type": "object", "properties": {"spec": {}}}, storage=True)]},
         "spec.versions[0].schema.openAPIV3Schema.properties[spec].type"),
    ],
)  # fmt: skip
async def test_a_mistake_in_a_definition_is_told(api: Api, change: Raw, field: str) -> None:
    refused = await api.post(DEFINITIONS, definition(**change))
    assert refused.code == 422, refused.content
    assert field in [one["field"] for one in refused.json["details"]["causes"]]


async def test_a_definition_takes_its_objects_along(api: Api, defined: Raw, objects: Objects) -> None:
    held = widget(size="small")
    held["metadata"]["finalizers"] = ["example.com/wait"]
    await api.made(WIDGETS, held)
    await api.made(WIDGETS, widget("b", size="small"))
    going = (await api.delete(f"{DEFINITIONS}/widgets.example.com")).json
    assert "deletionTimestamp" in going["metadata"]
    left = (await api.get(WIDGETS)).json["items"]
    assert [one["metadata"]["name"] for one in left] == ["a"]
    assert (await api.patch(f"{WIDGETS}/a", {"metadata": {"finalizers": None}})).code == 200
    assert objects.find(DEFINITION, "", "widgets.example.com") is None
    assert (await api.get(WIDGETS)).code == 404


async def test_a_restart_knows_the_custom_kinds_again(api: Api, defined: Raw, objects: Objects) -> None:
    await api.made(WIDGETS, widget(size="small"))
    again = Objects(objects.store, objects.clock)
    kind = again.catalog.find("example.com", "v1", "widgets")
    assert kind is not None
    assert [one["metadata"]["name"] for one in again.select(kind, "main")] == ["a"]
    assert kind in again.catalog.stored
    assert NAMESPACE in again.catalog.stored


async def test_open_api_describes_the_fields(api: Api, defined: Raw) -> None:
    before = (await api.get("/openapi/v3")).json["paths"]["apis/example.com/v1"]["serverRelativeURL"]
    document = (await api.get(before)).json
    schema = document["components"]["schemas"]["com.example.v1.Widget"]
    assert schema["properties"]["spec"]["properties"]["size"]["enum"] == ["small", "large"]
    changed = definition()
    changed["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = {**SCHEMA, "description": "A widget."}
    assert (await api.patch(f"{DEFINITIONS}/widgets.example.com", {"spec": changed["spec"]})).code == 200
    after = (await api.get("/openapi/v3")).json["paths"]["apis/example.com/v1"]["serverRelativeURL"]
    assert after != before
    described = (await api.get(after)).json["components"]["schemas"]["com.example.v1.Widget"]
    assert described["description"] == "A widget."
