"""What every table is made of: columns, ages, and ways into objects that nobody vouches for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coop_core.clock import age, parse_rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable

    from coop_core.cluster.kinds import Raw

    Columns = tuple[list[Raw], Callable[[Raw, float], "Cells"]]
    """A table's columnDefinitions, and what makes the cells of one row."""

Cells = list[Any]
UNKNOWN = "<unknown>"
NONE = "<none>"
UNSET = "<unset>"


def column(name: str, priority: int = 0, type_: str = "string") -> Raw:
    format_ = "name" if name == "Name" and priority == 0 else ""
    return {"name": name, "type": type_, "format": format_, "description": "", "priority": priority}


def columns(shown: str, wide: str = "", numbers: str = "") -> list[Raw]:
    """Columns from words with commas between; `numbers` names those with integer cells."""
    integers = numbers.split(",")
    described = [(name, 0) for name in shown.split(",")] + [(name, 1) for name in wide.split(",") if name]
    return [column(name, priority, "integer" if name in integers else "string") for name, priority in described]


def at(body: Any, path: str) -> Any:
    """The value at a path of words with dots between; None when anything on the way is missing or no map."""
    for step in path.split("."):
        body = body.get(step) if isinstance(body, dict) else None
    return body


def text(body: Any, path: str, missing: str = "") -> str:
    value = at(body, path)
    if isinstance(value, bool):
        return "true" if value else "false"
    return missing if value is None or value == "" or isinstance(value, dict | list) else str(value)


def number(body: Any, path: str) -> int:
    value = at(body, path)
    return value if isinstance(value, int) else 0


def maps(body: Any, path: str) -> list[Raw]:
    """The maps in the list at a path."""
    value = at(body, path)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def words(body: Any, path: str) -> list[str]:
    """The strings in the list at a path."""
    value = at(body, path)
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def age_of(body: Raw, now_s: float) -> str:
    return since(body["metadata"].get("creationTimestamp"), now_s)


def since(at_: str | None, now_s: float) -> str:
    at_s = parse_rfc3339(at_) if at_ else None
    return UNKNOWN if at_s is None else age(now_s - at_s)


def name_of(body: Raw) -> str:
    return str(body["metadata"].get("name", ""))


def spec_of(body: Raw) -> Raw:
    return body.get("spec") or {}


def status_of(body: Raw) -> Raw:
    return body.get("status") or {}


def joined(values: list[str]) -> str:
    return ",".join(values) if values else NONE


def some(values: list[str]) -> str:
    """Three of them, and how many more there are."""
    return ",".join(values[:3]) + (f" + {len(values) - 3} more..." if len(values) > 3 else "")


def labels_text(labels: Any) -> str:
    given = labels if isinstance(labels, dict) else {}
    return joined([f"{key}={value}" for key, value in sorted(given.items())])


def selector_text(selector: Any) -> str:
    """A LabelSelector as kubectl writes one."""
    terms = [f"{key}={value}" for key, value in sorted((at(selector, "matchLabels") or {}).items())]
    for expression in maps(selector, "matchExpressions"):
        key, values = text(expression, "key"), ",".join(sorted(words(expression, "values")))
        written = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "Exists": key}
        terms.append(written.get(text(expression, "operator"), f"!{key}"))
    return joined(terms)


def containers_of(body: Raw, path: str = "spec.template.spec.containers") -> Cells:
    """Their names, and their images."""
    containers = maps(body, path)
    return [
        ",".join(text(container, "name") for container in containers),
        ",".join(text(container, "image") for container in containers),
    ]
