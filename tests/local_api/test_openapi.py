"""What the server says of its kinds' fields, in version 2 and 3 of OpenAPI."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from coop_core.cluster.kinds import DEPLOYMENT, POD, Raw
from coop_core.local import models
from coop_core.local.api import gnostic, swagger
from tests.local_api.test_api_definitions import DEFINITIONS, definition

if TYPE_CHECKING:
    from tests.local_api.api_client import Api

PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
OK = {"responses": {"200": {"description": "OK"}}}
EVERYTHING: Raw = {
    "swagger": "2.0",
    "info": {"title": "T", "version": "v1"},
    "paths": {
        "/a/{name}": {
            "get": {"operationId": "readA", "produces": ["application/json"], "parameters": [], **OK,
                    "x-kubernetes-action": "get"},
            "put": {"operationId": "putA", **OK},
            "post": {"operationId": "postA", **OK},
            "patch": {"operationId": "patchA", "consumes": ["a/b", "c/d"], "parameters": [
                {"in": "body", "name": "body", "required": True, "schema": {"$ref": "#/definitions/A"}},
                {"in": "query", "name": "dryRun", "type": "string"},
            ], **OK, "x-kubernetes-group-version-kind": {"group": "g", "version": "v1", "kind": "A"}},
            "parameters": [{"in": "path", "name": "name", "type": "string", "required": True}],
        }
    },
    "definitions": {
        "A": {"title": "t", "description": "é", "required": ["a"], "type": "object", "properties": {
            "a": {"$ref": "#/definitions/B", "x-kubernetes-map-type": "atomic"},
            "b": {"type": "array", "maxItems": 300, "minItems": 1, "uniqueItems": True, "items": {
                "type": "string", "format": "byte", "pattern": "^a", "maxLength": 5, "minLength": 2,
                "enum": ["x", "y"], "default": "x",
            }},
            "c": {"type": "object", "maxProperties": 4, "minProperties": 3, "additionalProperties": {
                "type": "number", "multipleOf": 0.5, "maximum": 2, "exclusiveMaximum": True, "minimum": -1.5,
                "exclusiveMinimum": True,
            }},
            "d": {"type": "object", "additionalProperties": True},
        }},
        "B": {},
    },
}  # fmt: skip
"""A document with every field that there is a number for."""
AS_GNOSTIC = (
    "CgMyLjASBwoBVBICdjFC6AIS5QIKCS9hL3tuYW1lfRLXAhJKKgVyZWFkQTIQYXBwbGljYXRpb24vanNvbkoPCg0KAzIwMBIGCgQKAk9L"
    "ah4KE3gta3ViZXJuZXRlcy1hY3Rpb24SBxIFImdldCIaFyoEcHV0QUoPCg0KAzIwMBIGCgQKAk9LIhgqBXBvc3RBSg8KDQoDMjAwEgYK"
    "BAoCT0tCtwEqBnBhdGNoQToDYS9iOgNjL2RCJQojCiESBGJvZHkaBGJvZHkgASoRCg8jL2RlZmluaXRpb25zL0FCHQobEhkaFxIFcXVl"
    "cnkiBmRyeVJ1bjIGc3RyaW5nSg8KDQoDMjAwEgYKBAoCT0tqTAofeC1rdWJlcm5ldGVzLWdyb3VwLXZlcnNpb24ta2luZBIpEid7Imdy"
    "b3VwIjoiZyIsInZlcnNpb24iOiJ2MSIsImtpbmQiOiJBIn1KHAoaEhgiFggBEgRwYXRoIgRuYW1lKgZzdHJpbmdKlAIKigIKAUEShAIa"
    "AXQiAsOpmgEBYbIBCAoGb2JqZWN0ygHqAQo8CgFhEjcKDyMvZGVmaW5pdGlvbnMvQvoBIwoVeC1rdWJlcm5ldGVzLW1hcC10eXBlEgoS"
    "CCJhdG9taWMiCkwKAWISR3CsAngBgAEBsgEHCgVhcnJheboBMgowEgRieXRlKgUSAyJ4IlgFYAJqAl5hogEFEgMieCKiAQUSAyJ5IrIB"
    "CAoGc3RyaW5nCkUKAWMSQIgBBJABA6oBLAoqMQAAAAAAAOA/OQAAAAAAAABAQAFJAAAAAAAA+L9QAbIBCAoGbnVtYmVysgEICgZvYmpl"
    "Y3QKFQoBZBIQqgECEAGyAQgKBm9iamVjdAoFCgFCEgA="
)
"""The same, as the code that protoc makes of gnostic's own OpenAPIv2.proto writes it."""


def test_a_document_is_written_as_gnostic_writes_it() -> None:
    assert gnostic.encoded(EVERYTHING) == base64.b64decode(AS_GNOSTIC)


def test_what_a_user_wrote_in_a_schema_of_the_wrong_type_is_left_out_of_protobuf() -> None:
    odd = {"maxLength": "5", "minimum": "no", "maximum": 10**30, "minItems": -1, "title": 7, "uniqueItems": "yes",
           "required": "all", "enum": 3, "properties": [], "items": {}, "additionalProperties": 4}  # fmt: skip
    one = gnostic.encoded({"definitions": {"A": odd}})
    assert one == gnostic.encoded({"definitions": {"A": {"items": {}, "additionalProperties": False}}})


async def test_version_2_is_had_as_json_and_as_protobuf_and_is_kept_by_who_has_it(api: Api) -> None:
    as_json, as_protobuf = await api.get("/openapi/v2"), await api.get("/openapi/v2", Accept=PROTOBUF)
    assert as_json.headers["Content-Type"].startswith("application/json")
    assert as_protobuf.headers["Content-Type"] == swagger.PROTOBUF
    assert as_protobuf.content == gnostic.encoded(as_json.json)
    known = as_protobuf.headers["ETag"]
    assert known != as_json.headers["ETag"]
    again = await api.get("/openapi/v2", Accept=PROTOBUF, If_None_Match=known)
    assert (again.code, again.content, again.headers["ETag"]) == (304, b"", known)


async def test_version_2_points_at_nothing_that_it_does_not_have(api: Api) -> None:
    document = (await api.get("/openapi/v2")).json
    references = {name.removeprefix("#/definitions/") for name in models.references(document)}
    assert len(references) > 300
    assert references <= document["definitions"].keys()


async def test_version_2_tells_which_kind_takes_which_patch(api: Api) -> None:
    await api.made(DEFINITIONS, definition())
    document = (await api.get("/openapi/v2")).json
    for path, kind, is_strategic in (
        (DEPLOYMENT.path("{namespace}", "{name}"), {"group": "apps", "version": "v1", "kind": "Deployment"}, True),
        ("/apis/example.com/v1/namespaces/{namespace}/widgets/{name}",
         {"group": "example.com", "version": "v1", "kind": "Widget"}, False),
    ):  # fmt: skip
        patch = document["paths"][path]["patch"]
        assert patch["x-kubernetes-group-version-kind"] == kind
        assert ("application/strategic-merge-patch+json" in patch["consumes"]) is is_strategic
        assert {"dryRun", "fieldValidation"} <= {parameter["name"] for parameter in patch["parameters"]}
        assert sum(
            kind in one.get("x-kubernetes-group-version-kind", ()) for one in document["definitions"].values()
        )


async def test_a_new_definition_is_in_version_2_and_a_deleted_one_is_not(api: Api) -> None:
    before = await api.get("/openapi/v2")
    await api.made(DEFINITIONS, definition())
    after = await api.get("/openapi/v2", If_None_Match=before.headers["ETag"])
    spec = after.json["definitions"]["com.example.v1.Widget"]["properties"]["spec"]["properties"]
    assert spec["size"]["enum"] == ["small", "large"]
    assert (await api.delete(f"{DEFINITIONS}/widgets.example.com")).code == 200
    assert (await api.get("/openapi/v2")).content == before.content


async def test_the_oddest_definition_that_is_taken_leaves_the_document_whole(api: Api) -> None:
    odd = {"x-kubernetes-preserve-unknown-fields": True, "type": ["a"], "format": 7, "required": None, "enum": None}
    deep: Raw = {"type": "object", "properties": {"odd": odd}, "required": None, "nullable": "perhaps"}
    for _ in range(49):
        deep = {"type": "object", "properties": {"a": {"type": "array", "items": deep}}}
    body = definition()
    body["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = deep
    await api.made(DEFINITIONS, body)
    as_json, as_protobuf = await api.get("/openapi/v2"), await api.get("/openapi/v2", Accept=PROTOBUF)
    assert (as_json.code, as_protobuf.code) == (200, 200)
    assert "com.example.v1.Widget" in as_json.json["definitions"]


@pytest.mark.parametrize(
    ("schema", "in_version_2"),
    [
        ({"$ref": f"{models.REFERENCE}a.B", "description": "b"}, {"$ref": "#/definitions/a.B", "description": "b"}),
        ({"x-kubernetes-int-or-string": True},
         {"x-kubernetes-int-or-string": True, "type": "string", "format": "int-or-string"}),
        ({"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {"a": {"type": "string"}}},
         {"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
        ({"type": "array", "x-kubernetes-preserve-unknown-fields": True, "items": {"type": "string"}},
         {"x-kubernetes-preserve-unknown-fields": True}),
        ({"type": "object", "nullable": True, "properties": {"a": {"type": "string"}}}, {}),
        ({"type": "object", "required": ["a", "b"],
          "properties": {"a": {"type": "string", "nullable": True}, "b": {"type": "string", "oneOf": [{}]}}},
         {"type": "object", "required": ["b"], "properties": {"a": {}, "b": {"type": "string"}}}),
        ({"type": "object", "additionalProperties": {"type": "string", "not": {}}},
         {"type": "object", "additionalProperties": {"type": "string"}}),
    ],
)  # fmt: skip
def test_what_version_2_cannot_say_may_be_anything(schema: Raw, in_version_2: Raw) -> None:
    assert swagger.lowered(schema) == in_version_2


def test_schemas_tell_how_lists_are_merged() -> None:
    spec = models.resolve(f"{models.REFERENCE}io.k8s.v1.PodSpec")["properties"]
    merged = {"x-kubernetes-patch-strategy": "merge", "x-kubernetes-patch-merge-key": "name"}
    assert merged.items() <= spec["containers"].items()
    assert spec["volumes"]["x-kubernetes-patch-strategy"] == "merge,retainKeys"
    assert "x-kubernetes-patch-strategy" not in spec["tolerations"]
    metadata = models.resolve(f"{models.REFERENCE}io.k8s.v1.ObjectMeta")["properties"]
    assert metadata["finalizers"]["x-kubernetes-patch-strategy"] == "merge"
    deployment = models.resolve(f"{models.REFERENCE}io.k8s.v1.DeploymentSpec")["properties"]
    assert deployment["strategy"]["x-kubernetes-patch-strategy"] == "retainKeys"


async def test_version_3_tells_which_kind_takes_which_patch(api: Api) -> None:
    address = (await api.get("/openapi/v3")).json["paths"]["api/v1"]["serverRelativeURL"]
    patch = (await api.get(address)).json["paths"][POD.path("{namespace}", "{name}")]["patch"]
    assert "application/strategic-merge-patch+json" in patch["requestBody"]["content"]
