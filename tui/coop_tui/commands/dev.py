"""`coop dev`: the hot loop in a terminal."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from coop_tui.narration import Narrator

if TYPE_CHECKING:
    from coop_core.kube.client import KubeClient
    from coop_core.platform.access import Access
    from coop_devloop.events import Entry
    from coop_devloop.state import LoopState
    from coop_tui.workspace import Workspace


PATIENCE_S = 2.0
"""How long a rollout may wait for something before that is told."""


@click.command()
@click.option("--no-logs", is_flag=True, help="Do not follow the service's log once it is live.")
def command(no_logs: bool) -> None:
    """Watch this service: every save is committed to Git and runs in your personal environment.

    A save during a build supersedes it. A version that does not build or run is shown with its reason, and the
    last good one keeps running. Ctrl-C ends the loop; what is live stays.
    """
    from coop_core.platform.access import reach
    from coop_tui.workspace import here

    workspace = here()
    spec = workspace.spec()  # a mistake in it is told before anything starts
    access = reach(workspace.home, workspace.settings, workspace.user())
    asyncio.run(_dev(workspace, access, spec.name, follows_log=not no_logs))


async def _dev(workspace: Workspace, access: Access, service: str, *, follows_log: bool) -> None:
    from coop_core.kube.client import KubeClient
    from coop_devloop.session import Session
    from coop_tui.building import workshop_for
    from coop_tui.running import until_signalled

    environment = access.environment
    state = workspace.home.devloop(environment, service)
    async with await KubeClient.connect(access.kubeconfig, access.context) as client:
        session = Session(workshop_for(workspace, access, environment), client, workspace.folder, state)
        url = access.url(f"{service}.{environment}.{access.domain}")
        click.echo(f"{click.style(service, bold=True)} in {environment}, watching {workspace.folder}")
        printer = _Printer(client, environment, url, follows_log=follows_log)
        try:
            await until_signalled(session.run(printer.observe))
        finally:
            await printer.close()


class _Printer:
    """Prints what the loop says, and the log of the newest live pod below it."""

    def __init__(self, client: KubeClient, environment: str, url: str, *, follows_log: bool) -> None:
        self._client = client
        self._environment = environment
        self._narrator = Narrator(url)
        self._follows_log = follows_log
        self._tail: asyncio.Task[None] | None = None
        self._pod = ""
        self._pending: asyncio.TimerHandle | None = None

    def observe(self, entry: Entry, state: LoopState) -> None:
        from coop_devloop.events import RolloutWaits, WentLive

        if self._pending:
            self._pending.cancel()
        lines = self._narrator.tell(entry, state)
        if isinstance(entry.event, RolloutWaits):
            # What passes within a moment is no news.
            self._pending = asyncio.get_running_loop().call_later(PATIENCE_S, self._print, lines)
        else:
            self._print(lines)
        if isinstance(entry.event, WentLive) and self._follows_log:
            self._follow(entry.event.pod)

    def _print(self, lines: list[str]) -> None:
        for line in lines:
            click.echo(line)

    def _follow(self, pod: str) -> None:
        if not pod or pod == self._pod:
            return
        self._pod = pod
        if self._tail:
            self._tail.cancel()
        self._tail = asyncio.create_task(self._print_log(pod))

    async def _print_log(self, pod: str) -> None:
        from coop_devloop.tailing import tail

        async for line in tail(self._client, self._environment, pod):
            click.echo(f"{click.style('        │', dim=True)} {line}")

    async def close(self) -> None:
        if self._pending:
            self._pending.cancel()
        if self._tail:
            self._tail.cancel()
            await asyncio.wait([self._tail])
