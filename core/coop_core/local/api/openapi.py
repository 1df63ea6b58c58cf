"""OpenAPI v3 of what is served: for `kubectl explain`, and for `kubectl apply` before it trusts a server.

One document for each group and version, made when it is first asked for and kept while it holds. Version 2 is in
`swagger.py`.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING

import msgspec

from coop_core.local import models
from coop_core.local.api.patching import patch_types

if TYPE_CHECKING:
    from coop_core.cluster.definitions import Served
    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.local.catalog import Catalog

_METADATA = {"$ref": f"{models.REFERENCE}io.k8s.v1.ObjectMeta"}
WRITE_PARAMETERS = ("dryRun", "fieldManager", "fieldValidation", "force")


def index(catalog: Catalog) -> Raw:
    """/openapi/v3. Each address changes with its document, so that clients may keep what they have."""
    roots = dict.fromkeys(_root(kind) for kind in catalog.all)
    return {
        "paths": {root: {"serverRelativeURL": f"/openapi/v3/{root}?hash={_hash(catalog, root)}"} for root in roots}
    }


def document(catalog: Catalog, root: str) -> bytes | None:
    """/openapi/v3/{root}, e.g. "apis/apps/v1"; None when there is nothing there."""
    found = tuple(kind for kind in catalog.all if _root(kind) == root)
    return _document(found, tuple(catalog.custom(kind) for kind in found), _hash(catalog, root)) if found else None


@lru_cache(maxsize=8)
def _document(found: tuple[Kind, ...], customs: tuple[Served | None, ...], _hash: str) -> bytes:
    schemas: dict[str, Raw] = {}
    for kind, custom in zip(found, customs, strict=True):
        schemas[name_of(kind)] = schema_of(kind, custom)
    others = models.closure(reference for schema in schemas.values() for reference in models.references(schema))
    return msgspec.json.encode(
        {
            "openapi": "3.0.0",
            "info": {"title": "Kubernetes", "version": "v1.34.0"},
            "paths": {path: operations for kind in found for path, operations in _paths(kind).items()},
            "components": {"schemas": others | schemas},
        }
    )


def _hash(catalog: Catalog, root: str) -> str:
    """Of the models' version and, where definitions have a part in it, of those."""
    customs = [custom.schema for kind in catalog.all if _root(kind) == root and (custom := catalog.custom(kind))]
    names = [kind.name for kind in catalog.all if _root(kind) == root]
    seed = msgspec.json.encode([version("kubernetes"), version("coop"), names, customs])
    return hashlib.sha256(seed).hexdigest()[:32].upper()


def _root(kind: Kind) -> str:
    return f"apis/{kind.group}/{kind.version}" if kind.group else f"api/{kind.version}"


def name_of(kind: Kind) -> str:
    """What a kind's schema is called."""
    if models.schema_of(kind) is not None:
        return models.public_name(models.model_name(kind))
    return f"{'.'.join(reversed(kind.group.split('.')))}.{kind.version}.{kind.name}"


def identity(kind: Kind) -> Raw:
    """The value of x-kubernetes-group-version-kind."""
    return {"group": kind.group, "version": kind.version, "kind": kind.name}


def _paths(kind: Kind) -> dict[str, Raw]:
    marked = {"x-kubernetes-group-version-kind": identity(kind), "responses": {"200": {"description": "OK"}}}
    parameters = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in WRITE_PARAMETERS]
    write = {**marked, "parameters": parameters}
    # kubectl takes from here whether to send a strategic merge, and from the schema how.
    patches = {"requestBody": {"content": {media: {"schema": {"type": "object"}} for media in patch_types(kind)}}}
    return {
        kind.path("{namespace}"): {
            "get": {**marked, "x-kubernetes-action": "list", "operationId": f"list{kind.name}"},
            "post": {**write, "x-kubernetes-action": "post", "operationId": f"create{kind.name}"},
        },
        kind.path("{namespace}", "{name}"): {
            "get": {**marked, "x-kubernetes-action": "get", "operationId": f"read{kind.name}"},
            "put": {**write, "x-kubernetes-action": "put", "operationId": f"replace{kind.name}"},
            "patch": {**write, **patches, "x-kubernetes-action": "patch", "operationId": f"patch{kind.name}"},
        },
    }


def schema_of(kind: Kind, custom: Served | None) -> Raw:
    """A kind's schema, marked as such; its references point to `models`."""
    marked = {"x-kubernetes-group-version-kind": [identity(kind)]}
    built_in = models.schema_of(kind)
    if built_in is not None:
        return {**built_in, **marked}
    schema: Raw = custom.schema if custom else {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    properties = {
        **(schema.get("properties") or {}),
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": _METADATA,
    }
    return {**schema, "properties": properties, **marked}
