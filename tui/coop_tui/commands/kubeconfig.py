"""`coop kubeconfig`: a kubeconfig for kubectl, k9s and others, which reads through the proxy."""

from __future__ import annotations

from pathlib import Path

import click

from coop_core import settings as user_settings
from coop_core.paths import Home


@click.command()
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Where to write it; - for the terminal."
)
def command(output: Path | None) -> None:
    """Write a kubeconfig that reads the platform through its read-only proxy, and print where it is.

    It holds a token, so only its owner can read the file.
    """
    from coop_core.platform import kubeconfigs, owner
    from coop_core.platform.access import reach

    home = Home.from_environment()
    settings = user_settings.load(home)
    access = reach(home, settings, owner.user(home, settings, Path.cwd()))
    content = access.kubeconfig.read_text("utf-8")
    if output == Path("-"):
        click.echo(content, nl=False)
        return
    path = output or home.state / "kubeconfig"
    kubeconfigs.write(path, content)
    click.echo(path)
    click.echo(f"use it with: export KUBECONFIG={path}", err=True)
