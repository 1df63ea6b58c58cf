"""`coop status`: the services and their state, once."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from coop_core import settings as user_settings
from coop_core.paths import Home

if TYPE_CHECKING:
    from coop_core.platform.access import Access


@click.command()
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", help="How to print.")
def command(output: str) -> None:
    """Print the services you see, with version, sync, health, ready pods, age and URL."""
    from coop_core.platform import owner
    from coop_core.platform.access import look

    home = Home.from_environment()
    settings = user_settings.load(home)
    access = look(home, settings, owner.user(home, settings, Path.cwd()))
    click.echo(asyncio.run(_status(access, as_json=output == "json")), nl=False)


async def _status(access: Access, *, as_json: bool) -> str:
    from coop_core.kube.client import KubeClient
    from coop_tui.status import collect, expired, render_status

    async with await KubeClient.connect(access.kubeconfig, access.context) as client:
        rows, ended = await asyncio.gather(
            collect(client, access.environments, now_s=time.time(), base_url=access.url),
            expired(client, access.environments),
        )
    return render_status(rows, ended, as_json=as_json)
