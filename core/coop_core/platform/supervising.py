"""Keeping a part of the platform at work: one that fails begins again, for half a platform looks like a whole."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = logging.getLogger("coop.platform")

FIRST_PAUSE_S = 0.5
LAST_PAUSE_S = 60.0
"""Whatever ran longer than this before it failed begins with the first pause again."""


async def supervised(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Until cancelled. run: begins the part anew."""
    loop = asyncio.get_running_loop()
    pause_s = FIRST_PAUSE_S
    while True:
        began_s = loop.time()
        try:
            await run()
            log.error("the %s ended; it begins again in %.1f s", name, pause_s)
        except Exception:  # the part's door: whatever it is, the log has it
            log.exception("the %s failed; it begins again in %.1f s", name, pause_s)
        if loop.time() - began_s > LAST_PAUSE_S:
            pause_s = FIRST_PAUSE_S
        await asyncio.sleep(pause_s)
        pause_s = min(LAST_PAUSE_S, pause_s * 2)
