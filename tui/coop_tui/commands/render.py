"""`coop render`: what coop would commit to Git, without committing it."""

from __future__ import annotations

import click

from coop_tui.completing import complete_environments


@click.command()
@click.option(
    "-e",
    "--environment",
    help="main, or a personal environment; yours by default.",
    shell_complete=complete_environments,
)
@click.option("--image", default="", help="The image to name; by default a placeholder, for nothing is built.")
def command(environment: str | None, image: str) -> None:
    """Print the Kubernetes manifests made of coop.yaml and k8s/, as they are on disk now."""
    from coop_core.git.branches import is_name
    from coop_core.git.repository import personal_environment
    from coop_core.manifests.rendering import Target
    from coop_devloop.service import NOTHING_BUILT, of_folder
    from coop_tui.workspace import here

    workspace = here()
    target = environment or personal_environment(workspace.user())
    if not is_name(target):
        raise click.BadParameter("an environment is main, or dev-<user>", param_hint="--environment")
    domain = workspace.settings.cluster.domain if workspace.settings.cluster else "localhost"
    service = of_folder(workspace.folder)
    rendered = service.manifests(Target(target, "0" * 40, domain), image or NOTHING_BUILT)
    for name, body in rendered.items():
        click.echo(f"---\n# {name}\n{body.decode()}", nl=False)
