"""Server-side apply as Argo CD does it: its manager takes every field of a manifest, whoever owned it.

Source: Argo CD, "Sync Options", ServerSideApply.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.clock import rfc3339
from coop_core.cluster import drift
from coop_core.cluster.managed_fields import Manager
from coop_core.local.fields import fields_of
from coop_core.local.objects import Invalid, Malformed

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.local.controllers.applications.ignoring import Ignored
    from coop_core.local.objects import Objects

MANAGER = "argocd-controller"
_BOOKKEEPING = ("managedFields", "resourceVersion", "generation")


def applied(objects: Objects, kind: Kind, config: Raw, live: Raw | None, *, migrates: bool = True) -> Raw:
    """What to write. config: the manifest, tracked.

    migrates: whether what was merged before counts as applied by this manager, so that fields that left go.
    """
    manager, now = Manager(MANAGER, "Apply", kind.api_version), rfc3339(objects.clock.now_s())
    fields = fields_of(kind, objects.catalog.custom(kind))
    base = live or {}
    if live is not None and migrates:
        before = drift.last_applied(live)
        base = drift.unnoted(live)
        base = fields.adopted(base, before, manager, time=now) if before else base
    return fields.applied(base, config, manager, force=True, time=now)


def differs(objects: Objects, kind: Kind, config: Raw, live: Raw, ignored: Ignored, *, migrates: bool) -> bool:
    """Whether applying would change anything that counts; what cannot be applied differs."""
    try:
        after = objects.updated(kind, applied(objects, kind, config, live, migrates=migrates))
    except (Invalid, Malformed):
        return True
    after, there = (ignored.without(objects, kind, one, live) for one in (after, live))
    return _seen(after) != _seen(there)


def _seen(body: Raw) -> Raw:
    metadata = {name: one for name, one in body["metadata"].items() if name not in _BOOKKEEPING}
    return drift.unnoted({**body, "metadata": metadata})
