"""What a schema refuses, in the words of the real server."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from coop_core.cluster.causes import Cause, invalid, required
from coop_core.cluster.schemas.lists import identity, list_keys
from coop_core.cluster.schemas.metadata import METADATA
from coop_core.cluster.schemas.shaping import EMBEDDED, no_references, resolved

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coop_core.cluster.kinds import Raw
    from coop_core.cluster.schemas.shaping import Resolve

_LONGEST_MATCHED = 4096
"""Characters of a string that a pattern is tried on; a pattern from outside may need very long for more."""


def mistakes(
    schema: Raw, value: Any, path: str = "", *, old: Any = None, resolve: Resolve = no_references
) -> Iterator[Cause]:
    """Every way in which `value` breaks the schema.

    old: what it was before; None for nothing. What a change leaves as it was is not held against it.
    """
    schema = resolved(schema, resolve)
    if value is None:
        # Kubernetes drops a null that the schema does not allow, but for the items of a list.
        return
    wanted = _wanted(schema)
    if wanted and not any(_is(value, type_) for type_ in wanted):
        yield _misfit(path, wanted, value)
        return
    yield from _value_mistakes(schema, value, path)
    if isinstance(value, dict):
        yield from _map_mistakes(schema, value, path, old if isinstance(old, dict) else {}, resolve)
    elif isinstance(value, list):
        yield from _list_mistakes(schema, value, path, old if isinstance(old, list) else [], resolve)
    yield from _joint_mistakes(schema, value, path)


def _wanted(schema: Raw) -> tuple[str, ...]:
    if schema.get("x-kubernetes-int-or-string") is True:
        return ("integer", "string")
    type_ = schema.get("type")
    return (type_,) if isinstance(type_, str) and type_ else ()


def _is(value: Any, type_: str) -> bool:
    match type_:
        case "object":
            return isinstance(value, dict)
        case "array":
            return isinstance(value, list)
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            is_whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
            return is_whole and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case _:
            return True


def _misfit(path: str, wanted: tuple[str, ...], value: Any) -> Cause:
    names: tuple[tuple[type, str], ...] = (
        (bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"), (list, "array"),
        (type(None), "null"),
    )  # fmt: skip
    given = next((name for type_, name in names if isinstance(value, type_)), "object")
    why = f'{path} in body must be of type {",".join(wanted)}: "{given}"'
    return Cause("FieldValueTypeInvalid", f'Invalid value: "{given}": {why}', path)


def _value_mistakes(schema: Raw, value: Any, path: str) -> Iterator[Cause]:
    allowed = schema.get("enum")
    if isinstance(allowed, list) and not any(value == one and type(value) is type(one) for one in allowed):
        listed = ", ".join(json.dumps(one) for one in allowed)
        why = f"Unsupported value: {_shown(value)}: supported values: {listed}"
        yield Cause("FieldValueNotSupported", why, path)
    if isinstance(value, str):
        yield from _within(schema, "Length", len(value), value, path, "{} long")
        yield from _pattern(schema.get("pattern"), value, path)
    elif isinstance(value, list):
        yield from _within(schema, "Items", len(value), value, path, "{} items")
    elif isinstance(value, dict):
        yield from _within(schema, "Properties", len(value), value, path, "{} properties")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _range(schema, value, path)


def _within(schema: Raw, what: str, size: int, value: Any, path: str, shown: str) -> Iterator[Cause]:
    least, most = schema.get(f"min{what}"), schema.get(f"max{what}")
    if isinstance(least, int) and size < least:
        yield invalid(path, _shown(value), f"{path} in body should be at least {shown.format(least)}")
    if isinstance(most, int) and size > most:
        yield Cause("FieldValueTooLong", f"Too long: may not be more than {shown.format(most)}", path)


def _pattern(pattern: Any, value: str, path: str) -> Iterator[Cause]:
    if not isinstance(pattern, str):
        return
    try:
        matches = re.search(pattern.replace("\\z", "\\Z"), value[:_LONGEST_MATCHED])
    except re.error:
        return  # written for another engine: not ours to judge
    if not matches:
        yield invalid(path, _shown(value), f"{path} in body should match '{pattern}'")


def _range(schema: Raw, value: float, path: str) -> Iterator[Cause]:
    least, most = schema.get("minimum"), schema.get("maximum")
    if isinstance(least, int | float):
        is_open = schema.get("exclusiveMinimum") is True
        if value < least or (is_open and value == least):
            than = "greater than" if is_open else "greater than or equal to"
            yield invalid(path, str(value), f"{path} in body should be {than} {least}")
    if isinstance(most, int | float):
        is_open = schema.get("exclusiveMaximum") is True
        if value > most or (is_open and value == most):
            than = "less than" if is_open else "less than or equal to"
            yield invalid(path, str(value), f"{path} in body should be {than} {most}")
    step = schema.get("multipleOf")
    if isinstance(step, int | float) and step and value % step:
        yield invalid(path, str(value), f"{path} in body should be a multiple of {step}")


def _map_mistakes(schema: Raw, value: Raw, path: str, old: Raw, resolve: Resolve) -> Iterator[Cause]:
    known, others = schema.get("properties") or {}, schema.get("additionalProperties")
    for name in schema.get("required") or ():
        is_nullable = (known.get(name) or {}).get("nullable") is True
        if value.get(name) is None and not (is_nullable and name in value):
            yield required(f"{path}.{name}" if path else name)
    if schema.get(EMBEDDED) is True:
        yield from _embedded_mistakes(value, path)
    for name, below in value.items():
        inner = known.get(name, others)
        if isinstance(inner, dict) and not (name in old and old[name] == below):
            here = f"{path}.{name}" if path else name
            yield from mistakes(inner, below, here, old=old.get(name), resolve=resolve)


def _embedded_mistakes(value: Raw, path: str) -> Iterator[Cause]:
    for name in ("apiVersion", "kind"):
        if not isinstance(value.get(name), str) or not value[name]:
            yield required(f"{path}.{name}", "must not be empty")
    yield from mistakes(METADATA, value.get("metadata"), f"{path}.metadata")


def _list_mistakes(schema: Raw, value: list[Any], path: str, old: list[Any], resolve: Resolve) -> Iterator[Cause]:
    items = schema.get("items")
    keys = list_keys(schema)
    before = {identity(item, keys): item for item in old} if keys else {}
    seen: set[str] = set()
    for index, item in enumerate(value):
        here = f"{path}[{index}]"
        known = identity(item, keys) if keys is not None else ""
        if isinstance(items, dict) and (item is None or known not in before or before[known] != item):
            if item is None and resolve is no_references and items.get("nullable") is not True:
                # Built-in kinds read such a null as an empty value.
                yield _misfit(here, _wanted(items) or ("object",), item)
            yield from mistakes(items, item, here, old=before.get(known), resolve=resolve)
        if keys is None:
            continue
        if known in seen:
            yield Cause("FieldValueDuplicate", f"Duplicate value: {_shown(item)}", here)
        seen.add(known)


def _joint_mistakes(schema: Raw, value: Any, path: str) -> Iterator[Cause]:
    """allOf, anyOf, oneOf and not: these check values and define no field."""
    for one in _schemas(schema, "allOf"):
        yield from mistakes(one, value, path)
    some = _schemas(schema, "anyOf")
    if some and all(_breaks(one, value) for one in some):
        yield invalid(path, _shown(value), f"{path} in body must validate at least one schema (anyOf)")
    either = _schemas(schema, "oneOf")
    if either and sum(not _breaks(one, value) for one in either) != 1:
        yield invalid(path, _shown(value), f"{path} in body must validate one and only one schema (oneOf)")
    never = schema.get("not")
    if isinstance(never, dict) and not _breaks(never, value):
        yield invalid(path, _shown(value), f"{path} in body must not validate the schema (not)")


def _schemas(schema: Raw, name: str) -> list[Raw]:
    return [one for one in schema.get(name) or () if isinstance(one, dict)]


def _breaks(schema: Raw, value: Any) -> bool:
    return any(True for _ in mistakes(schema, value))


def _shown(value: Any) -> str:
    """A value in a message: whole when it is short, its type when it is not a plain one."""
    if isinstance(value, str):
        return json.dumps(value[:64], ensure_ascii=False)
    return json.dumps(value) if isinstance(value, int | float | bool) else '"object"'
