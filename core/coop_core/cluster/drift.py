"""Whether a live object is what a manifest asks for, and how to make it so. Pure.

Three-way, as `kubectl apply` has it: fields of the manifest must be there as given; fields that the last manifest
had and this one has not must go; all other fields belong to somebody else. Status never counts.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from coop_core.cluster.labels import ARGO_TRACKING_ID, LAST_APPLIED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from coop_core.cluster.kinds import Kind, Raw

_NOT_KEPT = frozenset({"Secret"})
"""Kinds whose last manifest is not written onto the object: it would show what the object hides."""
_LARGEST_NOTE = 200_000
"""Annotations may take 256 KiB together."""


def tracking_id(application: str, kind: Kind, namespace: str, name: str) -> str:
    """Argo CD's own way to say which application an object belongs to."""
    return f"{application}:{kind.group}/{kind.name}:{namespace}/{name}"


def application_of(kind: Kind, body: Raw) -> str | None:
    """The application that tracks this very object; None also for a copy of another object's annotation."""
    metadata = body["metadata"]
    mark = (metadata.get("annotations") or {}).get(ARGO_TRACKING_ID, "")
    application = str(mark).partition(":")[0]
    if application and mark == tracking_id(application, kind, metadata.get("namespace") or "", metadata["name"]):
        return application
    return None


def tracked(application: str, kind: Kind, manifest: Raw) -> Raw:
    """The manifest with its tracking id."""
    metadata = manifest["metadata"]
    mark = tracking_id(application, kind, metadata.get("namespace") or "", metadata["name"])
    return _annotated(manifest, ARGO_TRACKING_ID, mark)


def marked(application: str, kind: Kind, manifest: Raw) -> Raw:
    """The manifest with its tracking id and, for the next comparison, itself as it was given."""
    note = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
    is_noted = kind.name not in _NOT_KEPT and len(note) <= _LARGEST_NOTE
    body = tracked(application, kind, manifest)
    return _annotated(body, LAST_APPLIED, note) if is_noted else body


def _annotated(body: Raw, name: str, value: str) -> Raw:
    metadata = body["metadata"]
    return {**body, "metadata": {**metadata, "annotations": {**(metadata.get("annotations") or {}), name: value}}}


def unnoted(body: Raw) -> Raw:
    """An object without the manifest that was applied last."""
    metadata = body["metadata"]
    annotations = {name: one for name, one in (metadata.get("annotations") or {}).items() if name != LAST_APPLIED}
    rest = {name: one for name, one in metadata.items() if name != "annotations"}
    return {**body, "metadata": {**rest, **({"annotations": annotations} if annotations else {})}}


def last_applied(live: Raw) -> Raw:
    """The manifest that was applied last; empty when it is not known."""
    note = (live["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    try:
        found = json.loads(note) if note else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def differs(wanted: Raw, live: Raw) -> bool:
    """Whether `live` has to change. wanted: marked and defaulted."""
    before = last_applied(live)
    parts = set(_parts(wanted)) | set(_parts(before))
    return any(
        not _holds(wanted.get(part), live.get(part)) or _is_left(before.get(part), wanted.get(part), live.get(part))
        for part in parts
    )


def merged(wanted: Raw, live: Raw) -> Raw:
    """`live` with all that `wanted` asks for, and without what the last manifest asked for beyond that."""
    before = last_applied(live)
    kept = {name: value for name, value in live.items() if name in wanted or name not in _parts(before)}
    return kept | {part: _merge(wanted[part], live.get(part), before.get(part)) for part in _parts(wanted)}


def without(body: Raw, pointers: Iterable[str]) -> Raw:
    """`body` without what JSON pointers name, such as "/spec/replicas"; one that leads nowhere names nothing."""
    for path in map(_steps, pointers):
        body = _cut(body, path) if path else body
    return body


def keeping(body: Raw, live: Raw, pointers: Iterable[str]) -> Raw:
    """`body` with what `live` has where JSON pointers name something that is in both; what is not there goes."""
    for path in map(_steps, pointers):
        if path and _at(body, path) is not _NOTHING:
            there = _at(live, path)
            body = _cut(body, path) if there is _NOTHING else _put(body, path, there)
    return body


_NOTHING = object()


def _steps(pointer: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in str(pointer).split("/")[1:]]


def _at(value: Any, path: Sequence[str]) -> Any:
    for step in path:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return _NOTHING
    return value


def _put(value: Any, path: Sequence[str], new: Any) -> Any:
    if not path:
        return new
    if isinstance(value, list):
        index = int(path[0])
        return [*value[:index], _put(value[index], path[1:], new), *value[index + 1 :]]
    return {**value, path[0]: _put(value[path[0]], path[1:], new)}


def _cut(value: Any, path: Sequence[str]) -> Any:
    first, rest = path[0], path[1:]
    if isinstance(value, list) and first.isdecimal() and int(first) < len(value):
        changed = list(value)
        changed[int(first) : int(first) + 1] = [_cut(value[int(first)], rest)] if rest else []
        return changed
    if not isinstance(value, dict) or first not in value:
        return value
    if not rest:
        return {key: one for key, one in value.items() if key != first}
    return {**value, first: _cut(value[first], rest)}


def _parts(body: Raw) -> list[str]:
    return [name for name in body if name not in ("apiVersion", "kind", "status")]


def _holds(wanted: Any, live: Any) -> bool:
    """Whether all of `wanted` is in `live`. Nothing and emptiness are the same."""
    if isinstance(wanted, dict):
        have = live if isinstance(live, dict) else {}
        return all(_holds(value, have.get(key)) for key, value in wanted.items() if key != LAST_APPLIED)
    if isinstance(wanted, list):
        have_items = live if isinstance(live, list) else []
        return len(wanted) == len(have_items) and all(
            _holds(one, other) for one, other in zip(wanted, have_items, strict=True)
        )
    # Part of the manifest may have gone altogether: what is left of it then is `_is_left`'s to see.
    return wanted is None or bool(wanted == live) or (wanted == "" and live is None)


def _is_left(before: Any, wanted: Any, live: Any) -> bool:
    """Whether something of the last manifest is still there that this one no longer has."""
    if live is None or before is None:
        return False
    if isinstance(before, dict) and isinstance(live, dict):
        have = wanted if isinstance(wanted, dict) else {}
        return any(_is_left(value, have.get(key), live.get(key)) for key, value in before.items())
    return wanted is None


def _merge(wanted: Any, live: Any, before: Any) -> Any:
    if not isinstance(wanted, dict) or not isinstance(live, dict):
        return wanted
    earlier = before if isinstance(before, dict) else {}
    result = {
        key: rest
        for key, value in live.items()
        if (rest := value if key in wanted else _without(value, earlier.get(key))) is not None
    }
    return result | {key: _merge(value, live.get(key), earlier.get(key)) for key, value in wanted.items()}


def _without(live: Any, before: Any) -> Any:
    """What of a value the last manifest did not ask for; None when nothing is left."""
    if before is None:
        return live
    if isinstance(live, dict) and isinstance(before, dict):
        rest = {key: _without(value, before.get(key)) for key, value in live.items()}
        return {key: value for key, value in rest.items() if value is not None} or None
    return None
