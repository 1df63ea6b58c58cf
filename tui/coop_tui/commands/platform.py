"""`coop platform up|down|status`: the local platform."""

from __future__ import annotations

import time
from pathlib import Path

import click

from coop_core import settings as user_settings
from coop_core.clock import age
from coop_core.errors import CoopError, ExitCode
from coop_core.paths import Home
from coop_core.platform import record as records


@click.group()
def command() -> None:
    """Start, stop and inspect the local platform.

    It runs on loopback alone, keeps its state in the XDG state folder, and goes on when this terminal closes.
    """


@command.command()
@click.option("--port", type=click.IntRange(0, 65535), help="HTTP port of the services; 0 takes any free one.")
def up(port: int | None) -> None:
    """Start it, unless it runs already."""
    from coop_core.platform import control, owner

    home = Home.from_environment()
    settings = user_settings.load(home)
    running = records.living(home.platform)
    if running and port not in (None, 0, running.http_port):
        raise CoopError(
            f"cannot start the local platform on port {port}",
            f"it runs already, on port {running.http_port}",
            f"coop platform down && coop platform up --port {port}",
            ExitCode.BUSY,
        )
    started_s = time.perf_counter()
    wanted = settings.port if port is None else port
    record = running or control.up(home, port=wanted, user=owner.user(home, settings, Path.cwd()))
    took_s = time.perf_counter() - started_s
    how = "runs already" if running else f"is ready after {took_s:.2f} s"
    click.echo(f"The local platform {how}: http://127.0.0.1:{record.http_port} (process {record.pid})")


@command.command()
def down() -> None:
    """Stop it, and every service that it runs."""
    from coop_core.platform import control

    stopped = control.down(Home.from_environment())
    click.echo("The local platform is stopped." if stopped else "The local platform was not running.")


@command.command()
def status() -> None:
    """Say whether it runs, and where."""
    home = Home.from_environment()
    record = records.living(home.platform)
    if record is None:
        click.echo("The local platform is not running. Start it with: coop platform up")
        raise click.exceptions.Exit(ExitCode.FAILED)
    rows = {
        "services": f"http://<service>.<environment>.localhost:{record.http_port}",
        "proxy": f"https://127.0.0.1:{record.proxy_port}",
        "user": f"{record.user}, with the environment dev-{record.user}",
        "process": f"{record.pid}, for {age(time.time() - record.started_s)}",
        "state": str(home.platform),
    }
    for name, value in rows.items():
        click.echo(f"{name:9} {value}")
