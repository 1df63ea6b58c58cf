"""`metadata.managedFields` as it is written: who manages which fields, as trees of steps. Pure.

A field is a path of steps as Kubernetes writes them: `f:spec`, `k:{"name":"web"}`, `v:"a"`. An item of a keyed list
is a path of its own, beside those of its fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from coop_core.cluster.kinds import Raw

Path = tuple[str, ...]
DEEPEST = 100
"""Steps; what lies deeper is owned whole."""


@dataclass(frozen=True, slots=True)
class Manager:
    """Who writes. operation: "Apply" or "Update"; subresource is "" for the object itself."""

    name: str
    operation: str
    api_version: str
    subresource: str = ""

    @classmethod
    def of(cls, entry: Raw) -> Manager:
        texts = [str(entry.get(name) or "") for name in ("manager", "operation", "apiVersion", "subresource")]
        return cls(*texts)

    def entry(self, paths: Iterable[Path], time: str) -> Raw:
        return {
            "manager": self.name,
            "operation": self.operation,
            "apiVersion": self.api_version,
            "time": time,
            "fieldsType": "FieldsV1",
            "fieldsV1": _written(paths),
            **({"subresource": self.subresource} if self.subresource else {}),
        }


def owners_of(body: Raw) -> dict[Manager, frozenset[Path]]:
    """The fields of each manager, as an object tells them."""
    entries = (body.get("metadata") or {}).get("managedFields") or ()
    return {Manager.of(entry): frozenset(_read(entry.get("fieldsV1"), ())) for entry in entries}


def with_entries(body: Raw, old: Raw, owners: dict[Manager, frozenset[Path]], time: str) -> Raw:
    """`body` with its managers; one whose fields did not change keeps its time."""
    before = {Manager.of(entry): entry for entry in (old.get("metadata") or {}).get("managedFields") or ()}
    entries = []
    for manager in [known for known in before if known in owners] + [new for new in owners if new not in before]:
        paths = owners[manager]
        if not paths:
            continue
        entry = manager.entry(paths, time)
        known = before.get(manager)
        entries.append(known if known and known.get("fieldsV1") == entry["fieldsV1"] else entry)
    metadata = {name: value for name, value in body["metadata"].items() if name != "managedFields"}
    return {**body, "metadata": {**metadata, **({"managedFields": entries} if entries else {})}}


def _written(paths: Iterable[Path]) -> Raw:
    """Paths as FieldsV1: a tree; the dot is the item itself."""
    tree: Raw = {}
    for path in sorted(paths):
        here = tree
        for step in path:
            here = here.setdefault(step, {})
        if path[-1].startswith("k:"):
            here["."] = {}
    return tree


def _read(tree: Any, path: Path) -> Iterator[Path]:
    """The paths of a FieldsV1; what is no step is left out."""
    if not isinstance(tree, dict) or len(path) > DEEPEST:
        return
    for step, below in tree.items():
        if not _is_step(step):
            continue
        here = (*path, step)
        has_fields = isinstance(below, dict) and any(name != "." for name in below)
        if not has_fields or "." in below:
            yield here
        yield from _read(below, here)


def _is_step(step: str) -> bool:
    if step.startswith("f:"):
        return True
    try:
        value = msgspec.json.decode(step[2:])
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return False
    return step.startswith("v:") or (step.startswith("k:") and isinstance(value, dict))
