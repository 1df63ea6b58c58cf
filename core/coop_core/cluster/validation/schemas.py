"""The schema of a custom kind: structural, and such that our reading of it holds.

Source: Kubernetes apiextensions-apiserver, pkg/apis/apiextensions/validation.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from coop_core.cluster.causes import Cause, invalid, required, unsupported
from coop_core.cluster.schemas import completed, mistakes, pruned
from coop_core.cluster.schemas.rules.statements import misplaced, rule_mistakes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coop_core.cluster.kinds import Raw

_DEEPEST = 100
_LIST_TYPE, _MAP_TYPE = "x-kubernetes-list-type", "x-kubernetes-map-type"
_MAP_KEYS = "x-kubernetes-list-map-keys"
_PRESERVE = "x-kubernetes-preserve-unknown-fields"
_LISTS = ("required", "enum", "allOf", "anyOf", "oneOf", _MAP_KEYS)


def schema_causes(schema: Raw, path: str, *, depth: int = 0) -> Iterator[Cause]:
    """The mistakes in a schema, and in those below it."""
    if depth > _DEEPEST:
        yield invalid(path, '"schema"', f"may not be nested deeper than {_DEEPEST} levels")
        return
    malformed = [name for name in _LISTS if not isinstance(schema.get(name) or [], list)]
    for name in malformed:
        yield invalid(f"{path}.{name}", '"value"', "must be a list")
    if not isinstance(schema.get("properties") or {}, dict):
        yield invalid(f"{path}.properties", '"value"', "must be a map")
        malformed.append("properties")
    below = tuple(_below(schema, path, depth))
    yield from below
    yield from _types(schema, path)
    if not malformed and not below:
        yield from _lists(schema, path)
        yield from rule_mistakes(schema, path)
        yield from misplaced(schema, path)
        yield from _default(schema, path)


def _below(schema: Raw, path: str, depth: int) -> Iterator[Cause]:
    properties = schema.get("properties")
    inner: dict[str, Any] = {}
    if isinstance(properties, dict):
        inner |= {f"properties[{name}]": below for name, below in properties.items()}
    inner |= {name: schema[name] for name in ("items", "additionalProperties") if name in schema}
    for name, below in inner.items():
        if isinstance(below, dict):
            yield from schema_causes(below, f"{path}.{name}", depth=depth + 1)
        elif not (name == "additionalProperties" and isinstance(below, bool)):
            yield invalid(f"{path}.{name}", '"value"', "must be a schema")


def _types(schema: Raw, path: str) -> Iterator[Cause]:
    is_typed = isinstance(schema.get("type"), str) and schema["type"]
    if not is_typed and schema.get("x-kubernetes-int-or-string") is not True and schema.get(_PRESERVE) is not True:
        yield required(f"{path}.type", "must not be empty for specified object fields")
    if "$ref" in schema:
        yield Cause("FieldValueForbidden", "Forbidden: $ref is not supported", f"{path}.$ref")
    if schema.get(_PRESERVE) is False:
        yield invalid(f"{path}.{_PRESERVE}", "false", "must be true or undefined")
    for name, type_, known in (
        (_LIST_TYPE, "array", ("atomic", "set", "map")),
        (_MAP_TYPE, "object", ("atomic", "granular")),
    ):
        given = schema.get(name)
        if given is None:
            continue
        if given not in known:
            yield unsupported(f"{path}.{name}", str(given), known)
        if schema.get("type") != type_:
            yield invalid(f"{path}.type", json.dumps(schema.get("type")), f"must be {type_} if {name} is specified")


def _lists(schema: Raw, path: str) -> Iterator[Cause]:
    keys, kind = schema.get(_MAP_KEYS) or [], schema.get(_LIST_TYPE)
    items = schema.get("items")
    if kind == "set" and isinstance(items, dict):
        name, atomic = (_LIST_TYPE, (None, "atomic")) if items.get("type") == "array" else (_MAP_TYPE, ("atomic",))
        if items.get("type") in ("array", "object") and items.get(name) not in atomic:
            why = f"must be atomic as item of a list with {_LIST_TYPE}=set"
            yield invalid(f"{path}.items.{name}", json.dumps(items.get(name)), why)
    if keys and kind != "map":
        yield required(f"{path}.{_LIST_TYPE}", f"must be map if {_MAP_KEYS} is non-empty")
    if kind != "map":
        return
    if not keys:
        yield required(f"{path}.{_MAP_KEYS}", f"must not be empty if {_LIST_TYPE} is map")
    if not isinstance(items, dict):
        yield required(f"{path}.items", f"must have a schema if {_LIST_TYPE} is map")
    elif items.get("type") != "object":
        why = f"must be object if parent array's {_LIST_TYPE} is map"
        yield invalid(f"{path}.items.type", json.dumps(items.get("type")), why)
    else:
        yield from _keys(items, keys, path)


def _keys(items: Raw, keys: list[Any], path: str) -> Iterator[Cause]:
    known = items.get("properties") or {}
    if not all(key in known for key in keys):
        yield invalid(f"{path}.{_MAP_KEYS}", json.dumps(keys), "entries must all be names of item properties")
        return
    if len(set(keys)) < len(keys):
        yield invalid(f"{path}.{_MAP_KEYS}", json.dumps(keys), "must not contain duplicate entries")
    for key in dict.fromkeys(keys):
        place = f"{path}.items.properties[{key}]"
        if known[key].get("type") in ("array", "object"):
            why = f"must be a scalar type if parent array's {_LIST_TYPE} is map"
            yield invalid(f"{place}.type", json.dumps(known[key]["type"]), why)
        if key not in (items.get("required") or []) and "default" not in known[key]:
            yield required(
                f"{place}.default",
                f"this property is in {_MAP_KEYS}, so it must have a default or be a required property",
            )


def _default(schema: Raw, path: str) -> Iterator[Cause]:
    """A default that the schema itself refuses would bar every object that leaves the field out."""
    default = schema.get("default")
    if default is None:
        return
    kept, unknown = pruned(schema, default)
    if unknown:
        yield invalid(f"{path}.default", json.dumps(default), f"must not have unknown fields: {', '.join(unknown)}")
    for cause in mistakes(schema, completed(schema, kept)):
        yield Cause(cause.reason, cause.message, f"{path}.default{'.' if cause.field else ''}{cause.field}")
