"""Pruning and completing an object by its schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from coop_core.cluster.kinds import Raw

    Resolve = Callable[[str], Raw]
    """The schema behind a `$ref`."""

PRESERVE = "x-kubernetes-preserve-unknown-fields"
EMBEDDED = "x-kubernetes-embedded-resource"
_OF_EVERY_OBJECT = ("apiVersion", "kind", "metadata")


def no_references(reference: str) -> Raw:
    """For schemas that are whole: custom kinds may not use `$ref`."""
    raise LookupError(reference)


def resolved(schema: Raw, resolve: Resolve) -> Raw:
    reference = schema.get("$ref")
    return resolve(reference) if isinstance(reference, str) else schema


def pruned(
    schema: Raw, value: Any, *, resolve: Resolve = no_references, is_root: bool = True
) -> tuple[Any, list[str]]:
    """`value` without the fields that the schema does not know, and the paths of those, e.g. "spec.replica"."""
    unknown: list[str] = []
    return _pruned(schema, value, "", unknown, resolve, is_root=is_root), unknown


def _pruned(schema: Raw, value: Any, path: str, unknown: list[str], resolve: Resolve, *, is_root: bool) -> Any:
    schema = resolved(schema, resolve)
    if isinstance(value, list):
        items = _map(schema.get("items"))
        if items is None:
            return value
        return [
            _pruned(items, item, f"{path}[{index}]", unknown, resolve, is_root=False)
            for index, item in enumerate(value)
        ]
    if not isinstance(value, dict):
        return value
    known, others = _map(schema.get("properties")) or {}, _map(schema.get("additionalProperties"))
    keeps_all = schema.get(PRESERVE) is True or schema.get("additionalProperties") is True
    is_object = is_root or schema.get(EMBEDDED) is True
    kept: Raw = {}
    for name, below in value.items():
        here = f"{path}.{name}" if path else name
        inner = known.get(name)
        if isinstance(inner, dict) and not (is_object and name in _OF_EVERY_OBJECT and "$ref" not in inner):
            kept[name] = _pruned(inner, below, here, unknown, resolve, is_root=False)
        elif (is_object and name in _OF_EVERY_OBJECT) or (keeps_all and others is None):
            kept[name] = below
        elif others is not None:
            kept[name] = _pruned(others, below, here, unknown, resolve, is_root=False)
        else:
            unknown.append(here)
    return kept


def completed(schema: Raw, value: Any) -> Any:
    """`value` with the schema's defaults; a null where null is not allowed counts as absent then."""
    if isinstance(value, list):
        items = _map(schema.get("items"))
        return [completed(items, item) for item in value] if items else value
    if not isinstance(value, dict):
        return value
    known, others = _map(schema.get("properties")) or {}, _map(schema.get("additionalProperties"))
    filled = dict(value)
    for name, inner in known.items():
        if not isinstance(inner, dict):
            continue
        is_absent = name not in filled or (filled[name] is None and inner.get("nullable") is not True)
        if is_absent and "default" in inner:
            filled[name] = inner["default"]
        if name in filled:
            filled[name] = completed(inner, filled[name])
    if others:
        for name in filled.keys() - known.keys():
            filled[name] = completed(others, filled[name])
    return filled


def _map(value: Any) -> Raw | None:
    return value if isinstance(value, dict) else None
