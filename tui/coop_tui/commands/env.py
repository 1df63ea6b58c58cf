"""`coop env list|sleep|wake|delete`: environments, through Git alone."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from coop_core.errors import CoopError, ExitCode
from coop_tui.completing import complete_environments

if TYPE_CHECKING:
    from coop_core.git.environments import Environment
    from coop_core.git.repository import Remote, Repository
    from coop_core.settings import Settings
    from coop_tui.environments import Verb

_SHARED = click.option("--shared", is_flag=True, help="Allow it for main, which everybody shares.")
_YES = click.option("-y", "--yes", is_flag=True, help="Do not ask.")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the environments of this repository are, and which one is the user's."""

    settings: Settings
    repository: Repository
    remote: Remote
    own: str


@click.group()
def command() -> None:
    """List, put to sleep, wake and delete environments. All of it is commits; the platform follows."""


@command.command("list")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", help="How to print.")
def list_(output: str) -> None:
    """Print the environments that the remote has."""
    from coop_core.git import environments
    from coop_tui.environments import render

    place = _here()
    found = environments.find_all(place.repository, place.remote)
    click.echo(render(found, place.own, time.time(), as_json=output == "json"), nl=False)


@command.command()
@click.argument("name", required=False, shell_complete=complete_environments)
@_SHARED
@_YES
def sleep(name: str | None, shared: bool, yes: bool) -> None:
    """Commit zero replicas for every service of an environment, by default yours. The next save wakes it."""
    from coop_core.git import environments, repository

    place = _here()
    wanted = _agreed("sleep", name, place, shared=shared, yes=yes)
    outcome = environments.sleep(place.repository, place.remote, wanted, repository.identity(place.repository))
    if not outcome.is_new:
        click.echo(f"{wanted} is asleep already.")
        return
    click.echo(f"{wanted} is asleep ({_short(outcome.environment)}): {_services(outcome.environment)}.")
    if outcome.running:
        click.echo(f"These have no zero and keep running: {', '.join(outcome.running)}")
    click.echo(f"It wakes with the next deploy to it, or with: coop env wake {wanted}")


@command.command()
@click.argument("name", required=False, shell_complete=complete_environments)
@_SHARED
@_YES
def wake(name: str | None, shared: bool, yes: bool) -> None:
    """Bring back exactly what ran in an environment before it slept or expired, by default yours."""
    from coop_core.git import environments, repository

    place = _here()
    wanted = _agreed("wake", name, place, shared=shared, yes=yes)
    who, lifetime_s = repository.identity(place.repository), place.settings.lifetime_s
    outcome = environments.wake(place.repository, place.remote, wanted, who, lifetime_s)
    if outcome.is_new:
        click.echo(f"{wanted} is awake ({_short(outcome.environment)}): {_services(outcome.environment)}.")
    else:
        click.echo(f"{wanted} is awake already.")


@command.command()
@click.argument("name", required=False, shell_complete=complete_environments)
@_SHARED
@_YES
def delete(name: str | None, shared: bool, yes: bool) -> None:
    """Delete an environment's branch, by default yours, and with it all that runs there."""
    from coop_core.git import deploying, environments

    place = _here()
    target = name or place.own
    seen = environments.find(place.repository, place.remote, target)
    if seen is None:
        click.echo(f"There is no environment {target}.")
        return
    _agreed("delete", target, place, shared=shared, yes=yes)
    try:
        deploying.delete(place.repository, place.remote, target, expected=seen.head.id)
    except deploying.Moved:
        raise CoopError(
            f"cannot delete {target}",
            "somebody deployed to it meanwhile",
            "look again: coop env list",
            ExitCode.BUSY,
        ) from None
    click.echo(f"{target} is deleted. What ran: git show {_short(seen)}")


def _here() -> _Place:
    from coop_core import settings as user_settings
    from coop_core.git import repository as repositories
    from coop_core.paths import Home
    from coop_core.platform import owner
    from coop_tui.workspace import remote_of

    home = Home.from_environment()
    settings = user_settings.load(home)
    repository = repositories.find(Path.cwd())
    remote = remote_of(home, settings, repository, is_local=settings.cluster is None)
    user = owner.user(home, settings, Path.cwd())
    return _Place(settings, repository, remote, repositories.personal_environment(user))


def _agreed(verb: Verb, name: str | None, place: _Place, *, shared: bool, yes: bool) -> str:
    """The environment that is meant, once whoever must agree has."""
    from coop_tui.environments import not_asked, question

    wanted = name or place.own
    asked = question(verb, wanted, place.own, is_shared_meant=shared)
    if asked is None or yes:
        return wanted
    if not sys.stdin.isatty():
        raise not_asked(verb, wanted)
    text = asked.text[:1].upper() + asked.text[1:]
    if asked.answer:
        is_agreed = click.prompt(text, default="", show_default=False) == asked.answer
    else:
        is_agreed = click.confirm(text)
    if not is_agreed:
        raise click.Abort
    return wanted


def _services(environment: Environment) -> str:
    count = len(environment.services)
    return f"{count} service{'' if count == 1 else 's'}"


def _short(environment: Environment) -> str:
    return environment.head.id[:8]
