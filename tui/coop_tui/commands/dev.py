"""`coop dev`: the hot loop in a terminal."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from coop_tui import leaving
from coop_tui.completing import complete_services

if TYPE_CHECKING:
    from pathlib import Path

    from coop_core.build.request import Builder
    from coop_core.kube.client import KubeClient
    from coop_core.platform.access import Access
    from coop_devloop.lanes import Lane
    from coop_devloop.workshop import Branch
    from coop_tui.dev_terminal import Terminal
    from coop_tui.workspace import Surroundings, Workspace


@click.command()
@click.argument("services", nargs=-1, shell_complete=complete_services)
@click.option("--no-logs", is_flag=True, help="Do not follow the service's log once it is live.")
@click.option("--notify", is_flag=True, help="Ring the bell and tell the desktop when a version is live or failed.")
@click.option("--explain", type=click.Path(), metavar="PATH", help="Say whether a save of PATH deploys, and why.")
@leaving.option
def command(
    services: tuple[str, ...], no_logs: bool, notify: bool, explain: str | None, on_exit: str | None
) -> None:
    """Watch services: every save is committed to Git and runs in your personal environment.

    SERVICES are names from this repository; without any, the one you stand in, or all of them at its root. What
    they need runs as well. A save during a build supersedes it. A version that does not build or run is shown with
    its reason, and the last good one keeps running. Ctrl-C ends it; what is live stays, unless you want it else.
    """
    from coop_core.platform.access import reach
    from coop_tui.dev_terminal import Terminal
    from coop_tui.workspace import around

    surroundings = around()
    workspaces = _chosen(surroundings, services)  # a mistake in a coop.yaml is told before anything starts
    if explain is not None:
        from coop_tui.explaining import explained

        click.echo(explained(surroundings, list(workspaces.values()), explain))
        return
    first = next(iter(workspaces.values()))
    access = reach(surroundings.home, surroundings.settings, first.user())
    urls = {name: access.url(f"{name}.{access.environment}.{access.domain}") for name in workspaces}
    terminal = Terminal(access.environment, urls, follows_logs=not no_logs, notifies=notify)
    asyncio.run(_dev(workspaces, access, terminal, urls))
    leaving.leave(first, access, on_exit)


def _chosen(surroundings: Surroundings, names: tuple[str, ...]) -> dict[str, Workspace]:
    """The workspaces of the services to run, by name, each after what it needs."""
    from coop_core.spec.choosing import by_name, chosen

    own = surroundings.own
    if own is not None and not names and not surroundings.workspace(own).spec().needs:
        workspace = surroundings.workspace(own)  # the others may be broken; this one does not mind
        return {workspace.spec().name: workspace}
    workspaces = surroundings.workspaces()
    specs = {file: workspace.spec() for file, workspace in workspaces.items()}
    files = by_name({file: spec.name for file, spec in specs.items()})
    needs = {spec.name: spec.needs for spec in specs.values()}
    wanted = names or ([surroundings.workspace(own).spec().name] if own is not None else list(files))
    return {name: workspaces[files[name]] for name in chosen(needs, wanted)}


async def _dev(workspaces: dict[str, Workspace], access: Access, terminal: Terminal, urls: dict[str, str]) -> None:
    from coop_core.kube.client import KubeClient
    from coop_devloop import lanes
    from coop_devloop.workshop import Branch
    from coop_tui.building import builder_for
    from coop_tui.running import until_signalled

    builder, branch = builder_for(next(iter(workspaces.values())), access), Branch()
    builder.prepare()
    try:
        async with await KubeClient.connect(access.kubeconfig, access.context) as client:
            made = {
                name: _lane(workspace, access, client, builder, branch, urls[name])
                for name, workspace in workspaces.items()
            }
            terminal.begin({name: workspace.folder for name, workspace in workspaces.items()}, client)
            try:
                await until_signalled(lanes.run(made, terminal))
            finally:
                await terminal.close()
    finally:
        await builder.close()


def _lane(
    workspace: Workspace, access: Access, client: KubeClient, builder: Builder, branch: Branch, url: str
) -> Lane:
    from coop_devloop.lanes import Lane
    from coop_devloop.session import Session
    from coop_tui.building import workshop_for

    spec, environment = workspace.spec(), access.environment
    state: Path = workspace.home.devloop(environment, spec.name)
    workshop = workshop_for(workspace, access, environment, builder, branch)
    return Lane(Session(workshop, client, workspace.folder, state, url), spec.needs)
