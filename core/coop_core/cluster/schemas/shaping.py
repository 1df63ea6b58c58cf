"""Pruning and completing an object by its schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coop_core.cluster.schemas.metadata import METADATA

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
    schema: Raw, value: Any, *, resolve: Resolve = no_references, drops_null: bool = False
) -> tuple[Any, list[str]]:
    """`value` without the fields that the schema does not know, and the paths of those, e.g. "spec.replica".

    drops_null: whether a null counts as absent, where the schema does not allow one. Amounts that were written as
    numbers become text.
    """
    pruning = _Pruning(resolve, drops_null)
    return pruning.of(schema, value, "", is_root=True), pruning.unknown


class _Pruning:
    def __init__(self, resolve: Resolve, drops_null: bool) -> None:
        self.unknown: list[str] = []
        self._resolve = resolve
        self._drops_null = drops_null

    def of(self, schema: Raw, value: Any, path: str, *, is_root: bool = False) -> Any:
        schema = resolved(schema, self._resolve)
        if isinstance(value, dict):
            return self._map(schema, value, path, is_object=is_root or schema.get(EMBEDDED) is True)
        if isinstance(value, list):
            items = _map(schema.get("items"))
            return [self.of(items, item, f"{path}[{n}]") for n, item in enumerate(value)] if items else value
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return str(value) if is_number and schema.get("format") == "quantity" else value

    def _map(self, schema: Raw, value: Raw, path: str, *, is_object: bool) -> Raw:
        known, others = _map(schema.get("properties")) or {}, _map(schema.get("additionalProperties"))
        keeps_all = schema.get(PRESERVE) is True or schema.get("additionalProperties") is True
        kept: Raw = {}
        for name, below in value.items():
            here = f"{path}.{name}" if path else name
            inner = known.get(name, others)
            is_given = is_object and name in _OF_EVERY_OBJECT and "$ref" not in (inner or {})
            if is_given:
                kept[name] = self.of(METADATA, below, here) if name == "metadata" else below
            elif keeps_all and inner is None:
                kept[name] = below
            elif not isinstance(inner, dict):
                self.unknown.append(here)
            elif below is not None or not self._drops_null or inner.get("nullable") is True:
                kept[name] = self.of(inner, below, here)
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
