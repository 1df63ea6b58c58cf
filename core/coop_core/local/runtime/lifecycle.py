"""What a container wants done right after its start and right before its end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from coop_core.local.runtime.probes import probe

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw
    from coop_core.local.runtime.probes import Subject

_NO_LIMIT_S = 10 * 365 * 86_400
"""A hook takes as long as it takes; before the end, the grace period is its limit."""


def handler(container: Raw, moment: str) -> Raw | None:
    """What to do at `moment`, postStart or preStop; None for nothing."""
    found = (container.get("lifecycle") or {}).get(moment)
    return found if isinstance(found, dict) else None


async def perform(what: Raw, subject: Subject) -> str | None:
    """Does it; returns why it failed, None when it did not."""
    pause = what.get("sleep")
    if isinstance(pause, dict):
        await asyncio.sleep(float(pause.get("seconds") or 0))
        return None
    return await probe({**what, "timeoutSeconds": _NO_LIMIT_S}, subject)
