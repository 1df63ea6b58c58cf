"""JSON patches: lists of operations at places that JSON pointers name. Pure; what is given is never changed.

Sources: RFC 6902 and RFC 6901; limits and wording as Kubernetes has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coop_core.cluster.patches import BadPatch

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw

OPERATIONS_LIMIT = 10_000


class ExpectationFailed(BadPatch):
    """An operation `test` found another value."""


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
                raise ExpectationFailed(f"testing value {operation['path']} failed")
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
