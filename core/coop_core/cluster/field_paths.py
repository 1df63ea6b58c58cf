"""The steps of a field's path: how an item of a list is named, found again, and shown. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from coop_core.cluster.managed_fields import Path

_KEY_DEFAULTS = {"protocol": "TCP"}


def step_of(item: Any, keys: tuple[str, ...]) -> str:
    if not keys or not isinstance(item, dict):
        return "v:" + _json(item)
    return "k:" + _json({key: item.get(key, _KEY_DEFAULTS.get(key)) for key in sorted(keys)})


def is_key(path: Path) -> bool:
    """Whether this is a field by which its item is told apart: it stays as long as the item does."""
    if len(path) < 2 or not path[-2].startswith("k:"):
        return False
    return path[-1].removeprefix("f:") in msgspec.json.decode(path[-2][2:])


def matches(item: Any, step: str) -> bool:
    wanted = msgspec.json.decode(step[2:])
    if step.startswith("v:"):
        return bool(item == wanted)
    return isinstance(item, dict) and all(
        item.get(key, _KEY_DEFAULTS.get(key)) == value for key, value in wanted.items()
    )


def _json(value: Any) -> str:
    return msgspec.json.encode(value, order="sorted").decode()


def shown(step: str) -> str:
    """A step as conflicts are told: `.spec.template.containers[name="web"]`."""
    if step.startswith("f:"):
        return f".{step[2:]}"
    value = msgspec.json.decode(step[2:])
    inside = ",".join(f"{key}={_json(below)}" for key, below in value.items()) if step[0] == "k" else _json(value)
    return f"[{inside}]"
