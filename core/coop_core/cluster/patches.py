"""The ways a Kubernetes client changes an object in part. Pure: what is given is never changed, only copied.

JSON patches are in `jsonpatch.py`.
Sources: RFC 7386 (merge patch), Kubernetes "Update API objects in place using kubectl
patch" (strategic merge).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw


class BadPatch(Exception):
    """The patch is malformed, or it does not fit the object. The message is for users."""


def merge(target: Any, patch: Any) -> Any:
    """A merge patch: maps are merged, null removes, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


MERGE_KEYS: dict[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "volumes": ("name",),
    "env": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "ports": ("containerPort", "port"),
    "conditions": ("type",),
    "imagePullSecrets": ("name",),
    "hostAliases": ("ip",),
    "podIPs": ("ip",),
    "hostIPs": ("ip",),
    "addresses": ("type",),
    "secrets": ("name",),
    "ownerReferences": ("uid",),
    "topologySpreadConstraints": ("topologyKey",),
    "resourceClaims": ("name",),
    "schedulingGates": ("name",),
    "webhooks": ("name",),
    "matchConditions": ("name",),
    "variables": ("name",),
}
"""Per field, how items of the list are told apart; the first key that the items have counts. By the Go types'
patchMergeKey; lists that are not named here are replaced whole."""
PRIMITIVE_SETS = ("finalizers",)
"""Lists of words that are merged as sets."""


def strategic_merge(target: Any, patch: Any) -> Any:
    """A strategic merge patch: like `merge`, but lists with a merge key are merged item by item.

    Knows the directives `$patch` (replace, merge, delete), `$retainKeys`, `$deleteFromPrimitiveList/…` and
    `$setElementOrder/…`.
    """
    return _strategic_map(target if isinstance(target, dict) else {}, patch)


def _strategic_map(target: Raw, patch: Raw) -> Raw:
    match patch.get("$patch"):
        case None | "merge":
            merged = dict(target)
        case "replace":
            return {name: value for name, value in patch.items() if name != "$patch"}
        case "delete":
            return {}
        case other:
            raise BadPatch(f"unknown value of $patch: {str(other)[:64]!r}")
    retained = patch.get("$retainKeys")
    if retained is not None:
        keep = _words(retained, "$retainKeys")
        merged = {name: value for name, value in merged.items() if name in keep}
    for name, value in patch.items():
        if name.startswith("$"):
            continue
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _strategic_value(name, merged.get(name), value)
    _apply_list_directives(merged, patch)
    return merged


def _strategic_value(name: str, old: Any, new: Any) -> Any:
    if isinstance(new, dict):
        return _strategic_map(old if isinstance(old, dict) else {}, new)
    if isinstance(new, list):
        return _strategic_list(name, old if isinstance(old, list) else [], new)
    return new


def _strategic_list(name: str, old: list[Any], new: list[Any]) -> list[Any]:
    if name in PRIMITIVE_SETS:
        return old + [value for value in new if value not in old]
    key = _merge_key(name, old, new)
    if key is None:
        return new
    if any(item.get("$patch") == "replace" for item in new):
        return [item for item in new if item.get("$patch") != "replace"]
    merged = list(old)
    for item in new:
        at = _index(merged, key, item.get(key))
        if item.get("$patch") == "delete":
            merged = [kept for kept in merged if kept.get(key) != item.get(key)]
        elif at is None:
            merged.append(_strategic_map({}, item))
        else:
            merged[at] = _strategic_map(merged[at], item)
    return merged


def _merge_key(name: str, old: list[Any], new: list[Any]) -> str | None:
    """The key by which this list is merged; None when it is replaced whole."""
    items = old + new
    if not all(isinstance(item, dict) for item in items):
        return None
    for key in MERGE_KEYS.get(name, ()):
        if any(key in item for item in items):
            missing = [item for item in new if key not in item and item.get("$patch") != "replace"]
            if missing:
                raise BadPatch(f"map: {name} does not contain declared merge key: {key}")
            return key
    return None


def _index(items: list[Raw], key: str, value: Any) -> int | None:
    return next((at for at, item in enumerate(items) if item.get(key) == value), None)


def _apply_list_directives(merged: Raw, patch: Raw) -> None:
    for directive, value in patch.items():
        kind, _, name = directive.partition("/")
        items = merged.get(name)
        if kind == "$deleteFromPrimitiveList" and isinstance(items, list):
            gone = _words(value, directive)
            merged[name] = [item for item in items if item not in gone]
        elif kind == "$setElementOrder" and isinstance(items, list) and isinstance(value, list):
            merged[name] = _ordered(name, items, value)


def _ordered(name: str, items: list[Any], order: list[Any]) -> list[Any]:
    """Items in the order asked for; those it does not name keep their place at the end."""
    key = next(
        (key for key in MERGE_KEYS.get(name, ()) if order and isinstance(order[0], dict) and key in order[0]), ""
    )
    wanted = [entry.get(key) if isinstance(entry, dict) else entry for entry in order]

    def rank(item: Any) -> int:
        value = item.get(key) if isinstance(item, dict) else item
        return wanted.index(value) if value in wanted else len(wanted)

    return sorted(items, key=rank)


def _words(value: Any, directive: str) -> list[Any]:
    if not isinstance(value, list):
        raise BadPatch(f"{directive} must be a list")
    return value
