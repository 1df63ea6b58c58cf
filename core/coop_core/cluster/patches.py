"""The ways a Kubernetes client changes an object in part. Pure: what is given is never changed, only copied.

Sources: RFC 6902 (JSON patch), RFC 7386 (merge patch), Kubernetes "Update API objects in place using kubectl
patch" (strategic merge).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw

OPERATIONS_LIMIT = 10_000


class BadPatch(Exception):
    """The patch is malformed, or it does not fit the object. The message is for users."""


class TestFailed(BadPatch):
    """A JSON patch's `test` found another value."""

    __test__ = False  # pytest would take the name for a test class


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


# Per field, how items of the list are told apart; the first key that the items have counts. By the Go types'
# patchMergeKey; lists that are not named here are replaced whole.
_MERGE_KEYS: dict[str, tuple[str, ...]] = {
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
}
_PRIMITIVE_SETS = ("finalizers",)
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
    if name in _PRIMITIVE_SETS:
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
    for key in _MERGE_KEYS.get(name, ()):
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
        (key for key in _MERGE_KEYS.get(name, ()) if order and isinstance(order[0], dict) and key in order[0]), ""
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


def json_patch(target: Raw, operations: Any) -> Raw:
    """A JSON patch: all of its operations, or none."""
    if not isinstance(operations, list):
        raise BadPatch("a JSON patch is a list of operations")
    if len(operations) > OPERATIONS_LIMIT:
        raise BadPatch(
            f"The allowed maximum operations in a JSON patch is {OPERATIONS_LIMIT}, got {len(operations)}"
        )
    document: Any = target
    for operation in operations:
        if not isinstance(operation, dict):
            raise BadPatch("an operation of a JSON patch is an object")
        document = _operate(document, operation)
    if not isinstance(document, dict):
        raise BadPatch("the patch leaves no object behind")
    return document


def _operate(document: Any, operation: Raw) -> Any:
    path = _pointer(operation.get("path"))
    match operation.get("op"):
        case "add":
            return _set(document, path, _value(operation), is_new=True)
        case "replace":
            return _set(document, path, _value(operation), is_new=False)
        case "remove":
            return _remove(document, path)
        case "test":
            if not _same(_read(document, path), _value(operation)):
                raise TestFailed(f"testing value {operation['path']} failed")
            return document
        case "move":
            origin = _pointer(operation.get("from"))
            if path[: len(origin)] == origin and path != origin:
                raise BadPatch("a value cannot be moved into itself")
            moved = _read(document, origin)
            return _set(_remove(document, origin), path, moved, is_new=True)
        case "copy":
            return _set(document, path, _read(document, _pointer(operation.get("from"))), is_new=True)
        case other:
            raise BadPatch(f"Unexpected kind: {str(other)[:64]}")


def _same(left: Any, right: Any) -> bool:
    """Equality of JSON: true is not 1, null is null."""
    return bool(left == right) and isinstance(left, bool) is isinstance(right, bool)


def _value(operation: Raw) -> Any:
    if "value" not in operation:
        raise BadPatch(f"{operation['op']} needs a value")
    return operation["value"]


def _pointer(text: Any) -> list[str]:
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise BadPatch("a JSON pointer begins with a slash")
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _place(items: list[Any], step: str, *, limit: int) -> int:
    if not (step == "0" or (step.isascii() and step.isdigit() and not step.startswith("0"))):
        raise BadPatch(f"not an index of a list: {step[:64]!r}")
    if len(step) > 9 or int(step) >= limit:
        raise BadPatch(f"Unable to access invalid index: {step[:64]}: invalid index referenced")
    return int(step)


def _read(document: Any, path: list[str]) -> Any:
    for step in path:
        if isinstance(document, dict) and step in document:
            document = document[step]
        elif isinstance(document, list):
            document = document[_place(document, step, limit=len(document))]
        else:
            raise BadPatch(f"the path does not exist: missing value at {step[:64]!r}")
    return document


def _set(document: Any, path: list[str], value: Any, *, is_new: bool) -> Any:
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(document, dict):
        if (rest or not is_new) and step not in document:
            raise BadPatch(f"the path does not exist: missing value at {step[:64]!r}")
        below = _set(document[step], rest, value, is_new=is_new) if rest else value
        return {**document, step: below}
    if isinstance(document, list):
        if not rest and is_new:
            at = len(document) if step == "-" else _place(document, step, limit=len(document) + 1)
            return [*document[:at], value, *document[at:]]
        at = _place(document, step, limit=len(document))
        below = _set(document[at], rest, value, is_new=is_new) if rest else value
        return [*document[:at], below, *document[at + 1 :]]
    raise BadPatch(f"the path does not exist: nothing to enter at {step[:64]!r}")


def _remove(document: Any, path: list[str]) -> Any:
    if not path:
        raise BadPatch("the whole object cannot be removed")
    step, rest = path[0], path[1:]
    if isinstance(document, dict) and step in document:
        if rest:
            return {**document, step: _remove(document[step], rest)}
        return {name: value for name, value in document.items() if name != step}
    if isinstance(document, list):
        at = _place(document, step, limit=len(document))
        return [*document[:at], *([_remove(document[at], rest)] if rest else ()), *document[at + 1 :]]
    raise BadPatch(f"Unable to remove nonexistent key: {step[:64]}: missing value")
