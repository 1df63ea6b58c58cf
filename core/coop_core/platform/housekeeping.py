"""What a platform that runs for months must not pile up: images that nothing can ask for any more."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING

from coop_core.cluster import kinds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coop_core.build.images import ImageStore
    from coop_core.cluster.kinds import Raw
    from coop_core.local.objects import Objects

log = logging.getLogger("coop.platform")

EVERY_S = 600.0
UNUSED_FOR_S = 24 * 3600.0
"""An image may be built long before its commit is pushed, and pushed long before it is synced."""

_DIGEST = re.compile(r"@sha256:([0-9a-f]{64})$")
_HOLDERS = (kinds.DEPLOYMENT, kinds.REPLICA_SET, kinds.POD)


async def keep_house(objects: Objects, images: ImageStore) -> None:
    """Deletes unused images now and then, until cancelled."""
    while True:
        await asyncio.sleep(EVERY_S)
        gone = await asyncio.to_thread(images.collect, wanted(objects), UNUSED_FOR_S)
        if gone:
            log.info("deleted %d images that nothing uses", len(gone))


def wanted(objects: Objects) -> set[str]:
    """Digests of images that a pod runs, or that a rollback could bring back."""
    return {
        match[1]
        for kind in _HOLDERS
        for body in objects.select(kind)
        for container in _containers(body)
        if (match := _DIGEST.search(container.get("image", "")))
    }


def _containers(body: Raw) -> Iterator[Raw]:
    spec = body.get("spec") or {}
    pod = spec if body["kind"] == kinds.POD.name else (spec.get("template") or {}).get("spec") or {}
    yield from pod.get("containers") or []
    yield from pod.get("initContainers") or []
