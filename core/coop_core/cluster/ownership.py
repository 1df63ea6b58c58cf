"""Who owns which field, and server-side apply. Pure.

Fields are paths, as in `managed_fields`. Which lists have keys is the schema's to say; of what no schema
knows, maps are split and lists are whole.
Source: Kubernetes structured-merge-diff; "Server-Side Apply".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coop_core.cluster.field_paths import is_key, matches, shown, step_of
from coop_core.cluster.managed_fields import DEEPEST, Manager, Path, owners_of, with_entries
from coop_core.cluster.schemas.lists import list_keys
from coop_core.cluster.schemas.shaping import no_references, resolved

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from coop_core.cluster.kinds import Raw
    from coop_core.cluster.schemas.shaping import Resolve

_ITEM = object()
"""Stands for the item itself, beside its fields."""
_OF_THE_SERVER = frozenset(
    [("f:apiVersion",), ("f:kind",)]
    + [
        ("f:metadata", f"f:{name}")
        for name in (
            "name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink",
            "deletionTimestamp", "deletionGracePeriodSeconds", "managedFields", "generateName",
        )
    ]
)  # fmt: skip
"""Fields that nobody owns."""


@dataclass(frozen=True, slots=True)
class Clash:
    """A field that another manager owns with another value."""

    manager: Manager
    path: Path

    @property
    def shown(self) -> str:
        return "".join(shown(step) for step in self.path)


class ApplyConflict(Exception):
    """Applying would take fields from their owners."""

    def __init__(self, clashes: list[Clash]) -> None:
        super().__init__("; ".join(clash.shown for clash in clashes))
        self.clashes = clashes


class Fields:
    """Ownership by one kind's schema.

    schema: None when there is none. has_status: whether status is written by itself, and so is owned by itself.
    """

    def __init__(self, schema: Raw | None, resolve: Resolve = no_references, *, has_status: bool = False) -> None:
        self._schema = schema or {}
        self._resolve = resolve
        self._has_status = has_status

    def applied(self, live: Raw, config: Raw, manager: Manager, *, force: bool, time: str) -> Raw:
        """`live` with what `config` wants and without what the same manager no longer wants.

        Raises ApplyConflict unless `force`, which takes the fields instead.
        """
        owners = owners_of(live)
        wanted, there = self._leaves(config, manager), self._leaves(live, manager)
        mine = next((paths for known, paths in owners.items() if _is_same(known, manager)), frozenset())
        others = {known: paths for known, paths in owners.items() if not _is_same(known, manager)}
        clashes = [
            Clash(known, path)
            for known, paths in others.items()
            for path in sorted(paths & wanted.keys())
            if wanted[path] is not _ITEM and there.get(path, _ITEM) != wanted[path]
        ]
        if clashes and not force:
            raise ApplyConflict(clashes)
        taken = {clash.path for clash in clashes}
        others = {known: paths - taken for known, paths in others.items()}
        kept = wanted.keys() | frozenset().union(*others.values())
        merged = self._merged(self._schema, live, config)
        # An item goes before its fields: without its key it would not be found any more.
        for path in sorted(mine - kept, key=len):
            if not is_key(path) and not any(one[: len(path)] == path for one in kept):
                merged = self._without(merged, self._cut(path, kept))
        return with_entries(merged, live, others | {manager: frozenset(wanted)}, time)

    def updated(self, old: Raw, new: Raw, manager: Manager, *, time: str) -> Raw:
        """`new` with a note of who changed what since `old`; an empty `old` is an object that is being made."""
        before, after = self._leaves(old, manager), self._leaves(new, manager)
        changed = {path for path, value in after.items() if before.get(path, _ABSENT) != value}
        gone = before.keys() - after.keys()
        # Whoever sends managedFields along means them: so kubectl moves ownership from one manager to another.
        owners = owners_of(new) or owners_of(old)
        mine = owners.get(manager, frozenset())
        left = {known: paths - changed - gone for known, paths in owners.items() if known != manager}
        return with_entries(new, old, left | {manager: (mine | changed) - gone}, time)

    def adopted(self, live: Raw, config: Raw, manager: Manager, *, time: str) -> Raw:
        """`live` as if `manager` had applied `config` to it: so that what leaves that later leaves the object."""
        paths = frozenset(self._leaves(config, manager))
        return with_entries(live, live, owners_of(live) | {manager: paths}, time)

    def without(self, body: Raw, live: Raw, managers: Collection[str]) -> Raw:
        """`body` without the fields that these managers own in `live`."""
        owned = _owned(live, managers)
        others = [path for path in self._leaves(body, _NOBODY) if path not in owned and not is_key(path)]
        for path in sorted(owned, key=len):
            # An item that has fields of others stays, and loses only its own.
            is_shared = path[-1].startswith("k:") and any(one[: len(path)] == path for one in others)
            if not is_shared and not is_key(path):
                body = self._without(body, path)
        return body

    def keeping(self, body: Raw, live: Raw, managers: Collection[str]) -> Raw:
        """`body` with the values of `live` for those of its fields that these managers own."""
        wanted, there = self._leaves(body, _NOBODY), self._leaves(live, _NOBODY)
        for path in sorted(wanted.keys() & _owned(live, managers), key=len):
            if wanted[path] is not _ITEM and not is_key(path):
                body = self._with(body, path, there[path]) if path in there else self._without(body, path)
        return body

    def _leaves(self, body: Raw, manager: Manager) -> dict[Path, Any]:
        """The fields that a write of this manager is about, with their values."""
        of_status = manager.subresource == "status"
        return {
            path: value
            for path, value in self._walk(self._schema, body, ())
            if path[:2] not in _OF_THE_SERVER
            and path[:1] not in _OF_THE_SERVER
            and (not self._has_status or (path[0] == "f:status") is of_status)
        }

    def _walk(self, schema: Raw, value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
        is_whole = schema.get("x-kubernetes-map-type") == "atomic"
        schema = resolved(schema, self._resolve)
        if isinstance(value, dict) and value and not is_whole and len(path) < DEEPEST:
            for name, below in value.items():
                yield from self._walk(_below(schema, name), below, (*path, f"f:{name}"))
        elif isinstance(value, list) and value and (keys := list_keys(schema)) is not None:
            for item in value:
                step = step_of(item, keys)
                yield (*path, step), _ITEM
                if isinstance(item, dict):
                    yield from self._walk(schema.get("items") or {}, item, (*path, step))
        elif path:
            yield path, value

    def _merged(self, schema: Raw, live: Any, config: Any) -> Any:
        is_whole = schema.get("x-kubernetes-map-type") == "atomic"
        schema = resolved(schema, self._resolve)
        if isinstance(config, dict) and isinstance(live, dict) and not is_whole:
            return {**live, **{name: self._merged(_below(schema, name), live.get(name), value)
                               for name, value in config.items()}}  # fmt: skip
        keys = list_keys(schema)
        if not isinstance(config, list) or not isinstance(live, list) or keys is None:
            return config
        wanted = {step_of(item, keys): item for item in config}
        items = schema.get("items") or {}
        kept = [self._merged(items, item, wanted.pop(step_of(item, keys), item)) for item in live]
        return [*kept, *wanted.values()]

    def _cut(self, path: Path, kept: Iterable[Path]) -> Path:
        """The highest place above a field that nobody wants anything under: a struct goes with its last field."""
        cut = path
        for size in range(len(path) - 1, 1, -1):
            above = path[:size]
            if not above[-1].startswith("f:") or self._is_map(above) or any(one[:size] == above for one in kept):
                break
            cut = above
        return cut

    def _is_map(self, path: Path) -> bool:
        """Whether any key may stand here, so that there may be more than the owned ones."""
        schema = resolved(self._schema, self._resolve)
        for step in path:
            below = _below(schema, step[2:]) if step.startswith("f:") else schema.get("items") or {}
            schema = resolved(below, self._resolve)
        return "properties" not in schema

    def _with(self, value: Any, path: Path, new: Any) -> Any:
        """A value with another at a path that is there."""
        if not path:
            return new
        step, rest = path[0], path[1:]
        if isinstance(value, dict) and step.startswith("f:"):
            return {**value, step[2:]: self._with(value.get(step[2:]), rest, new)}
        if isinstance(value, list):
            return [self._with(item, rest, new) if matches(item, step) else item for item in value]
        return value

    def _without(self, value: Any, path: Path) -> Any:
        if not path:
            return value
        step, rest = path[0], path[1:]
        if isinstance(value, dict) and step.startswith("f:"):
            name = step[2:]
            if name not in value:
                return value
            below = self._without(value[name], rest) if rest else {}
            if below != {}:
                return {**value, name: below}
            return {known: below for known, below in value.items() if known != name}
        if isinstance(value, list):
            found = [matches(item, step) for item in value]
            if rest:
                return [
                    self._without(item, rest) if is_it else item for item, is_it in zip(value, found, strict=True)
                ]
            return [item for item, is_it in zip(value, found, strict=True) if not is_it]
        return value


_ABSENT = object()
_NOBODY = Manager("", "Apply", "")


def _below(schema: Raw, name: str) -> Raw:
    found = (schema.get("properties") or {}).get(name, schema.get("additionalProperties"))
    return found if isinstance(found, dict) else {}


def _owned(live: Raw, managers: Collection[str]) -> frozenset[Path]:
    return frozenset().union(*(paths for known, paths in owners_of(live).items() if known.name in managers))


def _is_same(known: Manager, manager: Manager) -> bool:
    """Applying again in another version is the same manager's affair."""
    return (known.name, known.operation, known.subresource) == (
        manager.name, manager.operation, manager.subresource,
    )  # fmt: skip
