"""`coop completion`: what makes a shell complete coop's commands, options and names."""

from __future__ import annotations

import os

import click

from coop_core.errors import CoopError, ExitCode

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS), required=False)
def command(shell: str | None) -> None:
    """Print the script that completes coop's commands, services and environments in SHELL, by default yours.

    \b
    bash   eval "$(coop completion bash)"         in ~/.bashrc
    zsh    eval "$(coop completion zsh)"          in ~/.zshrc
    fish   coop completion fish > ~/.config/fish/completions/coop.fish
    """
    from click.shell_completion import get_completion_class

    from coop_tui.cli import COMPLETING, coop

    chosen = shell or os.path.basename(os.environ.get("SHELL", ""))
    kind = get_completion_class(chosen) if chosen in SHELLS else None
    if kind is None:
        raise CoopError(
            "cannot tell which shell this is for", "$SHELL names none of bash, zsh and fish",
            "coop completion bash",
            ExitCode.USAGE,
        )  # fmt: skip
    click.echo(kind(coop, {}, "coop", COMPLETING).source())
