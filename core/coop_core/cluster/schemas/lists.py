"""Lists that are sets or maps: what tells their items apart."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw


def list_keys(schema: Raw) -> tuple[str, ...] | None:
    """The fields that tell the items apart; () is the whole item, None is nothing."""
    match schema.get("x-kubernetes-list-type"):
        case "map":
            return tuple(schema.get("x-kubernetes-list-map-keys") or ())
        case "set":
            return ()
        case _:
            return None


def identity(item: Any, keys: tuple[str, ...]) -> str:
    """Equal for items that may not both be there. keys: as `list_keys` says."""
    known = [item.get(key) for key in keys] if keys and isinstance(item, dict) else item
    return json.dumps(known, sort_keys=True)
