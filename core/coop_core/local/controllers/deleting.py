"""Deleting on behalf of a controller: a pod gets its grace period, everything else goes at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.cluster import kinds

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.local.objects import Objects

BY_NAME = {(kind.api_version, kind.name): kind for kind in kinds.ALL}
"""Every kind of the platform by an object's own words for it: (apiVersion, kind)."""


def delete(objects: Objects, kind: Kind, body: Raw) -> None:
    """Deletes `body`, or begins to; one that is on its way already is left alone."""
    metadata = body["metadata"]
    if "deletionTimestamp" in metadata:
        return
    objects.delete(kind, metadata.get("namespace", ""), metadata["name"], grace_s=grace_s(kind, body))


def grace_s(kind: Kind, body: Raw) -> int:
    """The seconds between the wish and the end; at least one for a pod, as its process has to be ended first."""
    if kind is not kinds.POD:
        return 0
    wished = (body.get("spec") or {}).get("terminationGracePeriodSeconds")
    return max(1, 30 if wished is None else int(wished))
