"""As much OpenAPI as `kubectl apply` asks for before it trusts a server to check fields itself.

The documents name each kind and say that writes take `fieldValidation`; they describe no field. `kubectl explain`
therefore knows the kinds and nothing of their insides.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from coop_core.cluster import kinds

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Kind, Raw


def document(path: str) -> Raw | None:
    """/openapi/v3/{path}: the index for "", else the document of a group version; None when there is none."""
    return _index() if not path else _group_version(path)


@cache
def _index() -> Raw:
    paths = dict.fromkeys(_root(kind) for kind in kinds.ALL)
    return {"paths": {path: {"serverRelativeURL": f"/openapi/v3/{path}"} for path in paths}}


@cache
def _group_version(path: str) -> Raw | None:
    found = [kind for kind in kinds.ALL if _root(kind) == path]
    if not found:
        return None
    return {
        "openapi": "3.0.0",
        "info": {"title": "coop local platform", "version": "v1.34.0"},
        "paths": {f"{_pattern(kind)}": _operations(kind) for kind in found},
        "components": {"schemas": {_schema_name(kind): _schema(kind) for kind in found}},
    }


def _root(kind: Kind) -> str:
    return f"apis/{kind.group}/{kind.version}" if kind.group else f"api/{kind.version}"


def _pattern(kind: Kind) -> str:
    return kind.path("{namespace}", "{name}")


def _schema_name(kind: Kind) -> str:
    return f"{kind.group or 'core'}.{kind.version}.{kind.name}"


def _identity(kind: Kind) -> Raw:
    return {"group": kind.group, "version": kind.version, "kind": kind.name}


def _operations(kind: Kind) -> Raw:
    names = ("dryRun", "fieldManager", "fieldValidation", "force")
    parameters = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in names]
    patch = {
        "operationId": f"patch{kind.name}",
        "parameters": parameters,
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": "patch",
        "x-kubernetes-group-version-kind": _identity(kind),
    }
    return {"patch": patch}


def _schema(kind: Kind) -> Raw:
    return {
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
        "x-kubernetes-group-version-kind": [_identity(kind)],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        },
    }
