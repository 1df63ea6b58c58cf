"""Schemas as rules see them: names as CEL can spell them, and what every object has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from coop_core.cluster.schemas.shaping import EMBEDDED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coop_core.cluster.kinds import Raw

RULES = "x-kubernetes-validations"
_RESERVED = frozenset(
    ("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import",
     "let", "loop", "package", "namespace", "return", "var", "void", "while")
)  # fmt: skip
_SPELLED = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_NAME = re.compile(r"[A-Za-z_./-][A-Za-z0-9_./-]*")
_TEXT: Raw = {"type": "string"}
_OF_AN_OBJECT: Raw = {
    "apiVersion": _TEXT,
    "kind": _TEXT,
    "metadata": {"type": "object", "properties": {"name": _TEXT, "generateName": _TEXT}},
}


def escaped(name: str) -> str | None:
    """A field's name in a rule; None when a rule cannot name it."""
    if name in _RESERVED:
        return f"__{name}__"
    if not _NAME.fullmatch(name):
        return None
    return re.sub(r"__|[./-]", lambda found: _SPELLED[found[0]], name)


def items(schema: Raw) -> Raw | None:
    return _map(schema.get("items"))


def others(schema: Raw) -> Raw | None:
    """The schema of a map's values."""
    return _map(schema.get("additionalProperties"))


def properties(schema: Raw) -> dict[str, Raw]:
    return {name: one for name, one in (_map(schema.get("properties")) or {}).items() if isinstance(one, dict)}


def is_embedded(schema: Raw) -> bool:
    return schema.get(EMBEDDED) is True


def as_object(schema: Raw) -> Raw:
    """The schema of a whole object: rules see its kind and names, and nothing else of its metadata."""
    return {**schema, "properties": {**properties(schema), **_OF_AN_OBJECT}}


def rules(schema: Raw) -> list[Raw]:
    found = schema.get(RULES)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def has_rules(schema: Raw) -> bool:
    """Whether there is a rule in a schema, at whatever depth."""
    return bool(rules(schema)) or any(has_rules(one) for one in _below(schema))


def _below(schema: Raw) -> Iterator[Raw]:
    yield from properties(schema).values()
    yield from (one for one in (items(schema), others(schema)) if one)
    yield from joint(schema, "allOf")


def joint(schema: Raw, name: str) -> list[Raw]:
    """The schemas of an allOf, anyOf or oneOf."""
    found = schema.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _map(value: object) -> Raw | None:
    return value if isinstance(value, dict) else None
