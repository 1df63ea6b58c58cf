"""Rows of custom kinds: the columns that their definition asks for.

Source: Kubernetes apiextensions-apiserver, pkg/registry/customresource/tableconvertor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from coop_core.cluster import jsonpath
from coop_core.cluster.tables.parts import age_of, column, name_of, since, text

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw
    from coop_core.cluster.tables.parts import Cells

_TYPES = ("string", "integer", "number", "boolean", "date")


def columns(given: tuple[Raw, ...]) -> list[Raw]:
    """given: additionalPrinterColumns; none of them means the name and the age."""
    if not given:
        return [column("Name"), column("Age", type_="date")]
    return [column("Name"), *(_column(one) for one in given)]


def _column(given: Raw) -> Raw:
    type_ = text(given, "type")
    priority = given.get("priority")
    return {
        "name": text(given, "name"),
        "type": type_ if type_ in _TYPES else "string",
        "format": text(given, "format"),
        "description": text(given, "description"),
        "priority": priority if isinstance(priority, int) else 0,
    }


def cells(given: tuple[Raw, ...], body: Raw, now_s: float) -> Cells:
    if not given:
        return [name_of(body), age_of(body, now_s)]
    return [name_of(body), *(_cell(one, body, now_s) for one in given)]


def _cell(given: Raw, body: Raw, now_s: float) -> Any:
    found = [value for value in jsonpath.find(body, text(given, "jsonPath")) if value is not None]
    if not found:
        return None
    match text(given, "type"):
        case "date":
            return since(str(found[0]), now_s)
        case "integer":
            return found[0] if isinstance(found[0], int) else None
        case "number":
            return found[0] if isinstance(found[0], int | float) else None
        case "boolean":
            return found[0] if isinstance(found[0], bool) else None
        case _:
            return ",".join(
                value if isinstance(value, str) else msgspec.json.encode(value).decode() for value in found
            )
