"""The JSON paths that printer columns and scale subresources are written in. Pure.

Knows fields, escaped dots, quoted fields, indexes, `[*]` and filters on equality; of all else nothing is found.
Source: Kubernetes "JSONPath support"; client-go util/jsonpath.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

_STEP = re.compile(
    r"\.(?P<field>(?:[^.\[\\]|\\.)+)"
    r"|\[(?:'(?P<quoted>[^']*)'|(?P<index>-?\d{1,6})|(?P<all>\*)"
    r"|\?\(@\.(?P<by>[A-Za-z0-9_.-]+)\s*==\s*(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)')\))\]"
)


@lru_cache(maxsize=512)
def _steps(path: str) -> tuple[re.Match[str], ...] | None:
    """None when the text is no path that is known here."""
    found: list[re.Match[str]] = []
    at = 0
    while at < len(path):
        step = _STEP.match(path, at)
        if step is None:
            return None
        found.append(step)
        at = step.end()
    return tuple(found)


def find(body: Any, path: str) -> list[Any]:
    """Every value that the path leads to; none when something on the way is missing."""
    values = [body]
    for step in _steps(path.strip()) or ():
        values = [found for value in values for found in _taken(value, step)]
    return values if _steps(path.strip()) else []


def _taken(value: Any, step: re.Match[str]) -> list[Any]:
    field = step["field"].replace("\\.", ".") if step["field"] else step["quoted"]
    if field is not None:
        return [value[field]] if isinstance(value, dict) and field in value else []
    if not isinstance(value, list):
        return list(value.values()) if step["all"] and isinstance(value, dict) else []
    if step["all"]:
        return value
    if step["index"]:
        index = int(step["index"])
        return [value[index]] if -len(value) <= index < len(value) else []
    wanted = step["double"] if step["double"] is not None else step["single"]
    return [item for item in value if str(_at(item, step["by"])) == wanted]


def _at(value: Any, path: str) -> Any:
    for field in path.split("."):
        value = value.get(field) if isinstance(value, dict) else None
    return value


def replaced(body: Any, path: str, value: Any) -> Any:
    """`body` with another value at a path of plain fields, made where it was absent."""
    fields = [step["field"].replace("\\.", ".") for step in _steps(path.strip()) or () if step["field"]]
    return _replaced(body, fields, value)


def _replaced(body: Any, fields: list[str], value: Any) -> Any:
    if not fields:
        return value
    here = body if isinstance(body, dict) else {}
    return {**here, fields[0]: _replaced(here.get(fields[0]), fields[1:], value)}
