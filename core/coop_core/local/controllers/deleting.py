"""Deleting on behalf of a controller: a pod gets its grace period, everything else goes at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.local.objects import default_grace_s

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.local.objects import Objects


def delete(objects: Objects, kind: Kind, body: Raw) -> None:
    """Deletes `body`, or begins to; one that is on its way already is left alone."""
    metadata = body["metadata"]
    if "deletionTimestamp" in metadata:
        return
    objects.delete(kind, metadata.get("namespace", ""), metadata["name"], grace_s=default_grace_s(kind, body))
