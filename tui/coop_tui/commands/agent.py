"""`coop agent`: the agent alone, as a cluster runs it."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help='JSON: {"repositories": [{"url": "…"}]}; read again when it changes.',
)
@click.option(
    "--kubeconfig",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The cluster to write to; by default the identity of the pod that this runs in.",
)
@click.option("--context", help="The kubeconfig's context; by default its current one.")
@click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to keep what is fetched from Git; by default coop's cache folder.",
)
def command(config: Path, kubeconfig: Path | None, context: str | None, cache: Path | None) -> None:
    """Keep Argo CD's applications in step with the environment branches in Git, until stopped."""
    from coop_core.agent import standalone
    from coop_core.paths import Home
    from coop_tui.running import run_server

    folder = cache or Home.from_environment().cache / "mirror"
    run_server(standalone.serve(config, folder, kubeconfig=kubeconfig, context=context))
