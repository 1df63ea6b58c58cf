"""One sync operation: everything checked first, then applied in order, then what Git no longer has is pruned."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coop_core.cluster import drift, kinds
from coop_core.local.controllers.deleting import delete
from coop_core.local.objects import AlreadyExists, Conflict, Invalid, Malformed, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from coop_core.cluster.kinds import Raw
    from coop_core.local.controllers.applications.comparing import Comparison, Resource
    from coop_core.local.controllers.applications.manifests import Identity
    from coop_core.local.objects import Objects

_OPTIONS = "argocd.argoproj.io/sync-options"


@dataclass(frozen=True, slots=True)
class Wish:
    """How to sync. `create_namespace`: make this namespace first when it is missing; "" for none."""

    prune: bool
    create_namespace: str = ""
    namespace_metadata: Raw | None = None
    fail_on_shared: bool = False
    own_namespaces: frozenset[str] = frozenset()
    """Namespaces among the manifests themselves: there by the time the rest is applied."""

    forbidden: Mapping[Identity, str] = field(default_factory=dict)
    """Manifests that the project refuses, and why."""

    def brings(self, namespace: str) -> bool:
        return namespace in self.own_namespaces


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a sync. is_final: a failure that trying again cannot mend."""

    phase: str
    message: str
    resources: tuple[Raw, ...]
    is_final: bool = True


class Refused(Exception):
    """One object cannot be applied. is_final: trying again is of no use."""

    def __init__(self, message: str, *, is_final: bool) -> None:
        super().__init__(message)
        self.is_final = is_final


def sync(objects: Objects, comparison: Comparison, wish: Wish) -> Result:
    """Nothing is applied when anything is refused."""
    if wish.create_namespace:
        _ensure_namespace(objects, wish)
    wanted = [one for one in comparison.resources if one.target is not None]
    checked = [_attempt(objects, one, wish, only_check=True) for one in wanted]
    if any(entry["status"] == "SyncFailed" for entry, _ in checked):
        return _failed(checked, "one or more objects failed to apply (dry run)")
    applied = [_attempt(objects, one, wish, only_check=False) for one in wanted]
    if any(entry["status"] == "SyncFailed" for entry, _ in applied):
        return _failed(applied, "one or more objects failed to apply")
    pruned = [_prune(objects, one, wish) for one in comparison.resources if one.target is None]
    entries = (*(entry for entry, _ in applied), *pruned)
    return Result("Succeeded", "successfully synced (all tasks run)", entries)


def _failed(entries: Sequence[tuple[Raw, bool]], what: str) -> Result:
    reasons = [f"{entry['kind']} {entry['name']}: {entry['message']}" for entry, _ in entries if _is_failed(entry)]
    is_final = any(final for entry, final in entries if _is_failed(entry))
    return Result("Failed", f"{what}, reason: {'; '.join(reasons)}", tuple(entry for entry, _ in entries), is_final)


def _is_failed(entry: Raw) -> bool:
    return bool(entry["status"] == "SyncFailed")


def _attempt(objects: Objects, resource: Resource, wish: Wish, *, only_check: bool) -> tuple[Raw, bool]:
    """An object's entry in the result, and whether a failure is final."""
    try:
        message = _apply(objects, resource, wish, only_check=only_check)
    except Refused as refused:
        return _entry(resource, "SyncFailed", str(refused)), refused.is_final
    except (Invalid, Malformed) as invalid:
        return _entry(resource, "SyncFailed", str(invalid)), True
    except (Conflict, AlreadyExists, NotFound) as raced:
        return _entry(resource, "SyncFailed", str(raced)), False
    return _entry(resource, "Synced", message), False


def _apply(objects: Objects, resource: Resource, wish: Wish, *, only_check: bool) -> str:
    target, live = resource.target, resource.live
    assert target is not None, "only what Git wants is applied"
    if target.refused or target.kind is None:
        raise Refused(target.refused, is_final=True)
    if target.identity in wish.forbidden:
        raise Refused(wish.forbidden[target.identity], is_final=True)
    namespace = target.identity[2]
    if (
        namespace
        and objects.find(kinds.NAMESPACE, "", namespace) is None
        and not (only_check and wish.brings(namespace))
    ):
        raise Refused(f'namespaces "{namespace}" not found', is_final=False)
    singular = f"{target.kind.singular}.{target.kind.group}" if target.kind.group else target.kind.singular
    name = f"{singular}/{target.identity[3]}"
    if live is None:
        (objects.admitted if only_check else objects.create)(target.kind, target.body)
        return f"{name} created"
    if "deletionTimestamp" in live["metadata"]:
        raise Refused(f"{name} is being deleted", is_final=False)
    owner = drift.application_of(target.kind, live)
    if owner not in (None, drift.application_of(target.kind, target.body)) and wish.fail_on_shared:
        raise Refused(f"{name} is part of application {owner}", is_final=True)
    if resource.is_synced:
        return f"{name} unchanged"
    body = drift.merged(target.body, live)
    body["metadata"].pop("resourceVersion", None)
    (objects.updated if only_check else objects.update)(target.kind, body)
    return f"{name} configured"


def _prune(objects: Objects, resource: Resource, wish: Wish) -> Raw:
    live = resource.live
    assert live is not None and resource.kind is not None, "only what there is can be pruned"
    options = (live["metadata"].get("annotations") or {}).get(_OPTIONS, "")
    if not wish.prune or "Prune=false" in options:
        return _entry(resource, "PruneSkipped", "ignored (requires pruning)")
    delete(objects, resource.kind, live)
    return _entry(resource, "Pruned", "pruned")


def _entry(resource: Resource, status: str, message: str) -> Raw:
    raw = resource.to_raw()
    found = {field: raw.get(field, "") for field in ("group", "version", "kind", "namespace", "name")}
    phases = {"hookPhase": "Failed" if status == "SyncFailed" else "Succeeded", "syncPhase": "Sync"}
    return {**found, "status": status, "message": message, **phases}


def _ensure_namespace(objects: Objects, wish: Wish) -> None:
    if objects.find(kinds.NAMESPACE, "", wish.create_namespace) is None:
        metadata = {"name": wish.create_namespace, **(wish.namespace_metadata or {})}
        objects.create(kinds.NAMESPACE, {"metadata": metadata})
