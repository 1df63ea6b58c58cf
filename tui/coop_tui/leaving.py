"""What becomes of the environment when `coop dev` ends: kept, put to sleep, or deleted.

Asked once and remembered, for all environments of this user. `--on-exit` decides without asking; `ask` asks anew.
"""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path

    from coop_core.git.repository import Remote
    from coop_core.paths import Home
    from coop_core.platform.access import Access
    from coop_tui.workspace import Workspace


class Choice(StrEnum):
    KEEP = "keep"
    SLEEP = "sleep"
    DELETE = "delete"


ASK = "ask"

option = click.option(
    "--on-exit",
    type=click.Choice([*(choice.value for choice in Choice), ASK]),
    help="What becomes of your environment at the end; by default you are asked once.",
)
"""The option of a command that calls `leave`; its value is `leave`'s wish."""


def decide(wish: str | None, remembered: Choice | None, *, is_terminal: bool) -> Choice | None:
    """What to do; None to ask. An answer that was given at a terminal counts at terminals alone."""
    if wish in tuple(Choice):
        return Choice(wish)
    if not is_terminal:
        return Choice.KEEP
    return None if wish == ASK else remembered


def understood(answer: str) -> Choice | None:
    """The choice that an answer begins; None when it is none, or may be several."""
    text = answer.strip().lower()
    fitting = [choice for choice in Choice if text and choice.startswith(text)]
    return fitting[0] if len(fitting) == 1 else None


def leave(workspace: Workspace, access: Access, wish: str | None) -> None:
    """Call it once the loop has ended and its locks are free. wish: the value of `option`, None when not given.

    Raises CoopError when Git refuses; the environment is as it was then.
    """
    environment = access.environment
    is_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    choice = decide(wish, recall(workspace.home), is_terminal=is_terminal)
    if choice is Choice.KEEP:
        return
    remote = workspace.remote(access)
    if busy := still_watched(workspace.home, environment, remote):
        verb = "is" if len(busy) == 1 else "are"
        click.echo(f"{environment} stays: {', '.join(busy)} {verb} still watched by another coop dev.")
        return
    if choice is None:
        choice = _ask(environment)
        if choice is None:
            return
        remember(workspace.home, choice)
        click.echo("coop dev does so from now on; to be asked again: coop dev --on-exit ask")
    if choice is not Choice.KEEP:
        click.echo(_do(choice, workspace, remote, environment))


def still_watched(home: Home, environment: str, remote: Remote) -> list[str]:
    """Services whose dev loops deploy to this environment of this remote now, on this machine."""
    from coop_devloop import lock

    start = home.devloop(environment, "")
    return [
        folder.name.removeprefix(start.name)
        for folder in sorted(start.parent.glob(f"{start.name}*"))
        if lock.is_held(folder, remote.url)
    ]


def recall(home: Home) -> Choice | None:
    """The remembered answer."""
    try:
        return Choice(_file(home).read_text().strip())
    except (OSError, ValueError):
        return None


def remember(home: Home, choice: Choice) -> None:
    path = _file(home)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(f".{os.getpid()}")
    new.write_text(f"{choice}\n")
    new.replace(path)


def _file(home: Home) -> Path:
    return home.state / "on-exit"


def _ask(environment: str) -> Choice | None:
    """The answer; None when the question was broken off, which changes nothing."""
    text = (
        f"{environment} still runs. Keep it, put it to sleep until the next save, or delete it? "
        "Your answer holds from now on. [keep/sleep/delete]"
    )
    try:
        while True:
            choice = understood(click.prompt(text, default="keep", show_default=False))
            if choice is Choice.DELETE and not click.confirm(f"delete {environment} now, and at every end?"):
                continue
            if choice:
                return choice
    except click.Abort:
        click.echo()
        return None


def _do(choice: Choice, workspace: Workspace, remote: Remote, environment: str) -> str:
    """What was done, in words."""
    from coop_core.git import deploying, environments, repository

    seen = environments.find(workspace.repository, remote, environment)
    if seen is None:
        return f"There is no environment {environment} to {choice}."
    if choice is Choice.SLEEP:
        environments.sleep(workspace.repository, remote, environment, repository.identity(workspace.repository))
        return f"{environment} is asleep; the next save wakes it, or: coop env wake"
    try:
        deploying.delete(workspace.repository, remote, environment, expected=seen.head.id)
    except deploying.Moved:
        return f"{environment} stays: somebody deployed to it meanwhile."
    return f"{environment} is deleted."
