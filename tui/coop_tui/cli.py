"""The command line: which commands there are, and how their errors end.

Wiring only. A command's module is imported when the command runs, so that `coop --help` loads none of them.
"""

from __future__ import annotations

import importlib
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from coop_core.errors import CoopError, ExitCode, of_system

if TYPE_CHECKING:
    from collections.abc import Sequence

    from click.shell_completion import CompletionItem

COMMANDS = {
    "demo": "See the whole path work, from a save to a running version.",
    "init": "Write a coop.yaml, having looked at what is there.",
    "dev": "Run every save in your personal environment.",
    "ui": "Open the dashboard: services, sync, health, logs.",
    "status": "Print the services and their state.",
    "env": "List, put to sleep, wake and delete environments.",
    "stats": "Print how long the phases from a save to live take.",
    "render": "Print the Kubernetes manifests made of coop.yaml.",
    "doctor": "Check what coop needs, and say what mends it.",
    "schema": "Print the JSON Schema of coop.yaml, for editors.",
    "completion": "Print what makes your shell complete commands and names.",
    "kubeconfig": "Write a kubeconfig that reads through the proxy.",
    "platform": "Start, stop and inspect the local platform.",
    "agent": "Run the agent alone, against any cluster.",
    "proxy": "Run the read-only API proxy alone, against any cluster.",
}


COMPLETING = "_COOP_COMPLETE"
"""Set by the shell's function, e.g. to "bash_complete"."""


class LazyGroup(click.Group):
    """A group whose commands are modules of `coop_tui.commands`, loaded by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"coop_tui.commands.{cmd_name}")
        command: click.Command = module.command
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """By name alone: click's own way would import every command for its help."""
        from click.shell_completion import CompletionItem

        names = [CompletionItem(name, help=told) for name, told in COMMANDS.items() if name.startswith(incomplete)]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="coop", message="%(prog)s %(version)s")
def coop() -> None:
    """Deploy containers by Git alone."""


def report(error: CoopError) -> None:
    """One error, the same way everywhere: what and why, a blank line, what to do."""
    color = _color()
    click.echo(f"{click.style('error:', fg='red', bold=True)} {error.what}: {error.why}", err=True, color=color)
    click.echo(f"\n{click.style('hint:', fg='cyan', bold=True)} {error.remedy}", err=True, color=color)


def _color() -> bool | None:
    """What https://no-color.org asks for, which click leaves to the program; None: as the terminal can."""
    return False if os.environ.get("NO_COLOR") else None


def main(arguments: Sequence[str] | None = None) -> None:
    """The `coop` script. Exits with an `ExitCode`; only a defect in coop itself shows a traceback."""
    if os.environ.get(COMPLETING):
        # A shell that completes a word wants names, and never a traceback; click ends the process itself.
        with suppress(Exception):
            coop.main(args=arguments, prog_name="coop", complete_var=COMPLETING)
        sys.exit(ExitCode.FAILED)
    try:
        code = coop.main(args=arguments, prog_name="coop", standalone_mode=False, color=_color())
    except CoopError as error:
        report(error)
        code = error.exit_code
    except click.exceptions.Exit as stop:
        code = stop.exit_code
    except click.ClickException as error:
        error.show()
        code = ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        code = ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away (`coop render | head`): nothing left to say, and nobody to tell.
        sys.stderr.close()
        code = ExitCode.OK
    except OSError as refused:
        report(of_system("coop cannot go on", refused))
        code = ExitCode.FAILED
    sys.exit(code if isinstance(code, int) else ExitCode.OK)
