"""Schemas of custom kinds: Kubernetes' own extensions of OpenAPI, defaults, nulls, and changes of what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.local_api.test_api_definitions import DEFINITIONS, WIDGETS, definition, version, widget
from tests.local_api.test_api_rules import INTEGER, told, with_rules

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw
    from coop_core.local.objects import Objects
    from tests.local_api.api_client import Api

TEXT: Raw = {"type": "string"}
PORT: Raw = {
    "type": "object",
    "required": ["port"],
    "properties": {"port": INTEGER, "protocol": {**TEXT, "default": "TCP"}},
}
KEYS: Raw = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port", "protocol"]}
FIELDS: Raw = {
    "note": {**TEXT, "nullable": True},
    "size": {**TEXT, "default": "small", "enum": ["small", "large"]},
    "limits": {"type": "object", "default": {}, "properties": {"cpu": {**INTEGER, "default": 2}}},
    "lines": {"type": "array", "items": TEXT},
    "holes": {"type": "array", "items": {**TEXT, "nullable": True}},
    "ports": {"type": "array", "items": PORT, **KEYS},
    "share": {"x-kubernetes-int-or-string": True, "anyOf": [INTEGER, TEXT], "pattern": "^[0-9]+%$"},
    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True,
             "properties": {"known": {"type": "object", "properties": {"a": INTEGER}}}},
    "object": {"type": "object", "x-kubernetes-embedded-resource": True, "properties": {"spec": PORT}},
}  # fmt: skip


@pytest.fixture
async def defined(api: Api) -> Raw:
    return await api.made(DEFINITIONS, with_rules(FIELDS))


async def made(api: Api, **spec: Any) -> Raw:
    """The spec of a widget as it was stored."""
    stored: Raw = (await api.made(WIDGETS, widget(**spec)))["spec"]
    return {name: value for name, value in stored.items() if name in spec}


async def test_defaults_fill_what_is_absent_at_every_depth(api: Api, defined: Raw) -> None:
    stored = (await api.made(WIDGETS, widget(ports=[{"port": 1}])))["spec"]
    assert stored == {"size": "small", "limits": {"cpu": 2}, "ports": [{"port": 1, "protocol": "TCP"}]}


async def test_a_null_counts_as_absent_unless_it_is_allowed(api: Api, defined: Raw) -> None:
    assert await made(api, note=None, size=None, lines=None, holes=[None]) == {
        "note": None,
        "size": "small",
        "holes": [None],
    }
    ((field, reason, message),) = told(await api.post(WIDGETS, widget("b", lines=["a", None])))
    assert (field, reason) == ("spec.lines[1]", "FieldValueTypeInvalid")
    assert message.endswith('spec.lines[1] in body must be of type string: "null"')


async def test_a_null_that_is_allowed_is_there(api: Api) -> None:
    spec = {"type": "object", "required": ["note"], "properties": FIELDS}
    schema = {"type": "object", "properties": {"spec": spec}}
    await api.made(DEFINITIONS, definition(versions=[version("v1", schema, storage=True)]))
    assert await made(api, note=None) == {"note": None}
    assert told(await api.post(WIDGETS, widget("b")))[0][:2] == ("spec.note", "FieldValueRequired")


async def test_a_controller_leaves_no_null_either(defined: Raw, objects: Objects) -> None:
    kind = objects.catalog.named("example.com/v1", "Widget")
    assert kind is not None
    body = {**widget(lines=None), "metadata": {"name": "a", "namespace": "main", "creationTimestamp": None}}
    assert "lines" not in objects.create(kind, body)["spec"]


async def test_what_is_kept_unknown_is_still_pruned_where_it_is_known(api: Api, defined: Raw) -> None:
    free = {"any": [{"thing": 1}], "known": {"a": 1, "b": 2}}
    assert await made(api, free=free) == {"free": {"any": [{"thing": 1}], "known": {"a": 1}}}


@pytest.mark.parametrize(
    ("share", "is_taken"), [(5, True), ("5%", True), ("5", False), (True, False), (1.5, False)]
)
async def test_a_number_or_a_text(api: Api, defined: Raw, share: Any, is_taken: bool) -> None:
    assert (await api.post(WIDGETS, widget(share=share))).code == (201 if is_taken else 422)


async def test_items_of_a_map_list_are_told_apart_with_their_defaults(api: Api, defined: Raw) -> None:
    assert len((await made(api, ports=[{"port": 1}, {"port": 1, "protocol": "UDP"}]))["ports"]) == 2
    refused = await api.post(WIDGETS, widget("b", ports=[{"port": 1}, {"port": 1, "protocol": "TCP"}]))
    assert told(refused)[0][:2] == ("spec.ports[1]", "FieldValueDuplicate")


async def test_an_object_within_an_object_is_one(api: Api, defined: Raw) -> None:
    given = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "labels": {"a": "b"}, "nonsense": 1},
        "spec": {"port": 1, "sport": 2},
        "more": 1,
    }
    answer = await api.post(WIDGETS, widget(object=given))
    kept = {**given, "metadata": {"name": "p", "labels": {"a": "b"}}, "spec": {"port": 1, "protocol": "TCP"}}
    del kept["more"]
    assert answer.json["spec"]["object"] == kept
    told_of = " ".join(answer.headers.getall("Warning"))
    assert all(f"spec.object.{name}" in told_of for name in ("metadata.nonsense", "spec.sport", "more"))
    refused = told(await api.post(WIDGETS, widget("b", object={"metadata": {"name": 1}})))
    assert [field for field, _, _ in refused] == [
        "spec.object.apiVersion",
        "spec.object.kind",
        "spec.object.metadata.name",
    ]


async def test_unknown_metadata_is_pruned_and_told(api: Api, defined: Raw) -> None:
    body = widget()
    body["metadata"]["colour"] = "red"
    answer = await api.post(WIDGETS, body)
    assert "colour" not in answer.json["metadata"]
    assert answer.headers["Warning"] == '299 - "unknown field \\"metadata.colour\\""'
    assert (await api.post(f"{WIDGETS}?fieldValidation=Strict", body)).code == 400


async def test_what_was_wrong_before_its_schema_does_not_bar_other_changes(api: Api, defined: Raw) -> None:
    await api.made(WIDGETS, widget(lines=["long"], ports=[{"port": 80}]))
    named = {**PORT["properties"], "name": TEXT, "port": {**INTEGER, "minimum": 1024}}
    tight = {
        **FIELDS,
        "lines": {"type": "array", "items": {**TEXT, "maxLength": 3}},
        "ports": {"type": "array", "items": {**PORT, "properties": named, "minProperties": 3}, **KEYS},
    }
    path = f"{DEFINITIONS}/widgets.example.com"
    assert (await api.patch(path, {"spec": with_rules(tight)["spec"]})).code == 200
    assert (await api.patch(f"{WIDGETS}/a", {"spec": {"note": "new"}})).code == 200
    more = [{"port": 8080, "name": "new"}, {"port": 80}]
    assert (await api.patch(f"{WIDGETS}/a", {"spec": {"ports": more}})).code == 200
    refused = await api.patch(f"{WIDGETS}/a", {"spec": {"ports": [*more, {"port": 81, "name": "low"}]}})
    assert [field for field, _, _ in told(refused)] == ["spec.ports[2].port"]
    refused = await api.patch(f"{WIDGETS}/a", {"spec": {"lines": ["long", "a"]}})
    assert [field for field, _, _ in told(refused)] == ["spec.lines[0]"]


@pytest.mark.parametrize(
    ("field", "place", "words"),
    [
        ({**TEXT, "x-kubernetes-list-type": "set"}, "type", "must be array if x-kubernetes-list-type is specified"),
        ({"type": "array", "items": TEXT, "x-kubernetes-list-type": "bag"},
         "x-kubernetes-list-type", "supported values"),
        ({"type": "array", "items": PORT, "x-kubernetes-list-type": "set"},
         "items.x-kubernetes-map-type", "must be atomic as item of a list with x-kubernetes-list-type=set"),
        ({"type": "array", "items": PORT, "x-kubernetes-list-type": "map"},
         "x-kubernetes-list-map-keys", "must not be empty if x-kubernetes-list-type is map"),
        ({"type": "array", "items": PORT, "x-kubernetes-list-map-keys": ["port"]},
         "x-kubernetes-list-type", "must be map if x-kubernetes-list-map-keys is non-empty"),
        ({"type": "array", "items": PORT, **KEYS, "x-kubernetes-list-map-keys": ["name"]},
         "x-kubernetes-list-map-keys", "entries must all be names of item properties"),
        ({"type": "array", "items": PORT, **KEYS, "x-kubernetes-list-map-keys": ["name", "host"]},
         "x-kubernetes-list-map-keys", "entries must all be names of item properties"),
        ({"type": "array", "items": PORT, **KEYS, "x-kubernetes-list-map-keys": ["port"] * 3},
         "x-kubernetes-list-map-keys", "must not contain duplicate entries"),
        ({"type": "array", "items": TEXT, **KEYS}, "items.type", "must be object if parent array's"),
        ({"type": "array", "items": {**PORT, "required": []}, **KEYS},
         "items.properties[port].default", "so it must have a default or be a required property"),
        ({**INTEGER, "default": "one"}, "default", "must be of type integer"),
        ({"type": "object", "properties": {"a": INTEGER}, "default": {"b": 1}},
         "default", "must not have unknown fields: b"),
        ({"type": "object", "x-kubernetes-preserve-unknown-fields": False},
         "x-kubernetes-preserve-unknown-fields", "must be true or undefined"),
        ({"type": "object", "x-kubernetes-map-type": "loose"}, "x-kubernetes-map-type", "supported values"),
    ],
)  # fmt: skip
async def test_a_schema_that_cannot_be_meant_is_refused(api: Api, field: Raw, place: str, words: str) -> None:
    causes = told(await api.post(DEFINITIONS, with_rules({"field": field})))
    at = "spec.versions[0].schema.openAPIV3Schema.properties[spec].properties[field]"
    assert [(where, words in message) for where, _, message in causes] == [(f"{at}.{place}", True)]
