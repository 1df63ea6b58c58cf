"""`coop ui`: the dashboard."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from coop_core import settings as user_settings
from coop_core.errors import CoopError, ExitCode
from coop_core.paths import Home

if TYPE_CHECKING:
    from coop_core.platform.access import Access


@click.command()
def command() -> None:
    """Open the dashboard: every service that you see, its sync, health, pods, events and log.

    All of it is read through the read-only proxy. Press ? for the keys.
    """
    from coop_core.platform import owner
    from coop_core.platform.access import reach
    from coop_tui.running import has_screen

    if not has_screen():
        raise CoopError(
            "cannot open the dashboard",
            "it needs a terminal that can be drawn on",
            "coop status prints the same once",
            ExitCode.USAGE,
        )
    home = Home.from_environment()
    settings = user_settings.load(home)
    access = reach(home, settings, owner.user(home, settings, Path.cwd()))
    asyncio.run(_show(home, access))


async def _show(home: Home, access: Access) -> None:
    from coop_tui.dashboard.opening import opened

    async with opened(access, home, start=_service_here()) as dashboard:
        # A polite kill gives the terminal back as it was.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, dashboard.exit)
        await dashboard.run_async()


def _service_here() -> str | None:
    """The service one stands in; None outside of one."""
    from coop_tui.workspace import here

    try:
        return here().spec().name
    except CoopError:
        return None
