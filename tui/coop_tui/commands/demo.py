"""`coop demo`: see the whole path work, and leave nothing behind."""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from coop_core.errors import CoopError, ExitCode
from coop_core.paths import Home
from coop_tui.narration import Narrated, duration

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from coop_core.kube.client import KubeClient
    from coop_core.platform.access import Access
    from coop_core.platform.record import Record
    from coop_tui.demo.play import Outcome, Play


@click.command()
@click.option("--no-ui", is_flag=True, help="Tell the story on the terminal instead of opening the dashboard.")
def command(no_ui: bool) -> None:
    """Start a platform, deploy a sample app to main and to your own environment, save a change, see it served.

    Works without Docker, cluster or network, in folders of its own, and stops everything it started.
    """
    from coop_tui.running import has_screen

    with tempfile.TemporaryDirectory(prefix="coop-demo-") as folder:
        outcome = _perform(Path(folder), in_dashboard=has_screen() and not no_ui)
    _summary(outcome)
    if not outcome.is_complete:
        raise click.exceptions.Exit(ExitCode.FAILED)


def _perform(folder: Path, *, in_dashboard: bool) -> Outcome:
    from coop_core.platform.access import of_local
    from coop_tui.demo.play import Play

    home = Home.under(folder)
    lines: asyncio.Queue[Narrated] = asyncio.Queue()
    with _platform(home) as (record, took_ms):
        access = of_local(home, record)
        say = lines.put_nowait if in_dashboard else _print
        play = Play(home, folder, access, say, lingers=in_dashboard)
        play.done("a local platform", took_ms)
        asyncio.run(_in_dashboard(play, home, access, lines) if in_dashboard else _narrated(play, access))
    return play.outcome


@contextmanager
def _platform(home: Home) -> Iterator[tuple[Record, float]]:
    """A platform that ends with this process, however that ends."""
    from coop_core.git.repository import user_slug
    from coop_core.platform import control

    # A polite kill cleans up as Ctrl-C does.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    started_s = time.perf_counter()
    try:
        record = control.up(home, port=0, user=user_slug(Path.cwd()), bound_to_caller=True)
        yield record, (time.perf_counter() - started_s) * 1000
    finally:
        control.down(home)


async def _narrated(play: Play, access: Access) -> None:
    from coop_core.kube.client import KubeClient
    from coop_tui.running import until_signalled

    async with await KubeClient.connect(access.kubeconfig, access.context) as client:
        await until_signalled(play.run(client))


async def _in_dashboard(play: Play, home: Home, access: Access, lines: asyncio.Queue[Narrated]) -> None:
    """The play behind the dashboard; closing the dashboard ends both."""
    from coop_core.kube.client import KubeClient
    from coop_tui.dashboard.opening import opened
    from coop_tui.demo.sample import NAME

    async with (
        await KubeClient.connect(access.kubeconfig, access.context) as client,
        opened(access, home, start=NAME, narration=_forever(lines)) as dashboard,
    ):
        playing = asyncio.create_task(_told(play, client, lines))
        try:
            await dashboard.run_async()
        finally:
            playing.cancel()
            with suppress(asyncio.CancelledError):
                await playing


async def _told(play: Play, client: KubeClient, lines: asyncio.Queue[Narrated]) -> None:
    """The play; what goes wrong with it is told in the dashboard first, and raised when that is closed."""
    from coop_core.errors import users_own

    try:
        await play.run(client)
    except (CoopError, ExceptionGroup) as error:
        found = error if isinstance(error, CoopError) else users_own(error)
        lines.put_nowait(Narrated(f"the demo failed: {found or error}"))
        raise (found or error) from error


async def _forever(lines: asyncio.Queue[Narrated]) -> AsyncGenerator[Narrated, None]:
    while True:
        yield await lines.get()


def _print(line: Narrated) -> None:
    took = "" if line.took_ms is None else f"  {duration(line.took_ms)}"
    click.echo(f"{click.style('●', fg='green') if took else ' '} {line.text}{click.style(took, dim=True)}")


def _summary(outcome: Outcome) -> None:
    """The table of phases and their times."""
    width = max((len(what) for what, _ in outcome.phases), default=0)
    click.echo(f"\n{'phase':{width}}  {'time':>9}")
    for what, took_ms in outcome.phases:
        click.echo(f"{what:{width}}  {duration(took_ms):>9}")
    click.echo("\nEverything that was started is stopped, and the folder is gone.")
    if not outcome.is_complete:
        click.echo("The demo was ended before it had shown everything.", err=True)
