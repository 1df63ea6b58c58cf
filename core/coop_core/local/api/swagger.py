"""OpenAPI v2 of all that is served, in one document: for kubectl before 1.29, and after it for lists of objects.

Made when it is first asked for, and kept until a definition changes; as JSON, or as the protobuf of gnostic.
Source: Kubernetes apiextensions-apiserver, pkg/controller/openapi/v2: what version 2 cannot say is left out.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from coop_core.local import models
from coop_core.local.api import gnostic, openapi
from coop_core.local.api.patching import patch_types

if TYPE_CHECKING:
    from coop_core.cluster.definitions import Served
    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.local.catalog import Catalog

PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
_ASKED_FOR = ("application/com.github.proto-openapi.spec.v2@v1.0+protobuf", PROTOBUF)
"""The first is how it was spelled before 1.27, which is no media type."""
_REFERENCE = "#/definitions/"
_KEPT = (
    "default", "description", "enum", "exclusiveMaximum", "exclusiveMinimum", "format", "maxItems", "maxLength",
    "maxProperties", "maximum", "minItems", "minLength", "minProperties", "minimum", "multipleOf", "pattern",
    "required", "title", "type", "uniqueItems",
)  # fmt: skip
_PRESERVE = "x-kubernetes-preserve-unknown-fields"
_INT_OR_STRING = "x-kubernetes-int-or-string"


class Document(NamedTuple):
    """etag: changes whenever the body does."""

    body: bytes
    etag: str


def wants_protobuf(accept: str) -> bool:
    return any(clause.partition(";")[0].strip() in _ASKED_FOR for clause in accept.split(","))


def document(catalog: Catalog, *, as_protobuf: bool) -> Document:
    """/openapi/v2"""
    return _document(catalog.all, tuple(catalog.custom(kind) for kind in catalog.all), as_protobuf)


@lru_cache(maxsize=2)  # its two forms
def _document(served: tuple[Kind, ...], customs: tuple[Served | None, ...], as_protobuf: bool) -> Document:
    found = {
        openapi.name_of(kind): openapi.schema_of(kind, custom) for kind, custom in zip(served, customs, strict=True)
    }
    needed = models.closure(reference for schema in found.values() for reference in models.references(schema))
    whole = {
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": "v1.34.0"},
        "paths": {path: operations for kind in served for path, operations in _paths(kind).items()},
        "definitions": {name: lowered(schema) for name, schema in (needed | found).items()},
    }
    body = gnostic.encoded(whole) if as_protobuf else msgspec.json.encode(whole)
    return Document(body, f'"{hashlib.sha256(body).hexdigest()[:32].upper()}"')


def lowered(schema: Raw) -> Raw:
    """A schema of version 3 in the words of version 2; what it cannot say may be anything."""
    extensions = {name: value for name, value in schema.items() if name.startswith("x-")}
    if "$ref" in schema:
        about = {name: schema[name] for name in ("description",) if name in schema}
        return {"$ref": _REFERENCE + schema["$ref"].removeprefix(models.REFERENCE), **about, **extensions}
    found = {name: schema[name] for name in _KEPT if name in schema} | extensions
    if schema.get(_INT_OR_STRING):
        return {**found, "type": "string", "format": schema.get("format", "int-or-string")}
    if schema.get("nullable"):
        found.pop("type", None)
    elif not schema.get(_PRESERVE):
        found |= _inside(schema)
    # kubectl refuses a whole document for one list that does not say of what.
    if found.get("type") == "array" and "items" not in found:
        del found["type"]
    optional = [name for name, field in (schema.get("properties") or {}).items() if field.get("nullable")]
    if "required" in found:
        found["required"] = [name for name in found["required"] or () if name not in optional]
    return found


def _inside(schema: Raw) -> Raw:
    found: Raw = {}
    if schema.get("properties"):
        found["properties"] = {name: lowered(field) for name, field in schema["properties"].items()}
    for name in ("items", "additionalProperties"):
        if name in schema:
            found[name] = lowered(schema[name]) if isinstance(schema[name], dict) else schema[name]
    return found


def _paths(kind: Kind) -> dict[str, Raw]:
    body = {"in": "body", "name": "body", "required": True, "schema": {"$ref": _REFERENCE + openapi.name_of(kind)}}
    patch = {**body, "schema": {"type": "object"}}
    options = [{"name": name, "in": "query", "type": "string"} for name in openapi.WRITE_PARAMETERS]
    whole, one = kind.path("{namespace}"), kind.path("{namespace}", "{name}")
    return {
        whole: {
            "get": _operation(kind, "list", []),
            "post": _operation(kind, "post", [body, *options], consumes=["*/*"]),
            "parameters": _in_path(whole),
        },
        one: {
            "get": _operation(kind, "get", []),
            "put": _operation(kind, "put", [body, *options], consumes=["*/*"]),
            "patch": _operation(kind, "patch", [patch, *options], consumes=patch_types(kind)),
            "parameters": _in_path(one),
        },
    }


def _operation(kind: Kind, action: str, parameters: list[Raw], **more: list[str]) -> Raw:
    names = {"list": "list", "post": "create", "get": "read", "put": "replace", "patch": "patch"}
    return {
        "operationId": names[action] + kind.api_version.title().translate(_NO_SIGNS) + kind.name,
        "produces": ["application/json"],
        "parameters": parameters,
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": openapi.identity(kind),
        **more,
    }


_NO_SIGNS = str.maketrans("", "", "./-")


def _in_path(path: str) -> list[Raw]:
    return [
        {"name": name, "in": "path", "type": "string", "required": True}
        for name in ("namespace", "name")
        if f"{{{name}}}" in path
    ]
