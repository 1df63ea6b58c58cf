"""A user's resource merged onto a generated one.

RFC 7386 (null deletes, mappings merge, all else replaces), with one addition: where Kubernetes itself knows list
items by name, so does the merge. Containers merge item by item, so that a patch names only what it changes;
variables and volumes are replaced whole, because two halves of one (`value` and `valueFrom`) do not fit.
"""

from __future__ import annotations

from typing import Any

_MERGED_BY_NAME = ("containers", "initContainers")
_REPLACED_BY_NAME = ("env", "volumes")


def merge(base: Any, patch: Any, key: str = "") -> Any:
    """`patch` applied to `base`; neither is changed. key: the field that both are the value of."""
    if isinstance(patch, list) and isinstance(base, list) and key in (*_MERGED_BY_NAME, *_REPLACED_BY_NAME):
        return _merged_lists(base, patch, key)
    if not isinstance(patch, dict):
        return (
            [merge({}, item) if isinstance(item, dict) else item for item in patch]
            if isinstance(patch, list)
            else patch
        )
    merged = dict(base) if isinstance(base, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value, name)
    return merged


def _merged_lists(base: list[Any], patch: list[Any], key: str) -> list[Any]:
    """Items of the same name in the place they had, new ones after them."""
    if not all(isinstance(item, dict) and isinstance(item.get("name"), str) for item in (*base, *patch)):
        return patch
    merged = {item["name"]: item for item in base}
    for item in patch:
        present = merged.get(item["name"]) if key in _MERGED_BY_NAME else {}
        merged[item["name"]] = merge(present or {}, item)
    return list(merged.values())
