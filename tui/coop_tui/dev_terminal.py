"""What `coop dev` prints: what the loops say, and below it the log of whatever is live."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import click

from coop_tui.narration import Narrator, notification, problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from coop_core.errors import CoopError
    from coop_core.kube.client import KubeClient
    from coop_devloop.events import Entry
    from coop_devloop.state import LoopState

PATIENCE_S = 2.0
"""How long a push or a rollout may take before what it waits for is told."""

_COLOURS = ("cyan", "magenta", "blue", "yellow", "green", "red")


class Terminal:
    """One for all loops of a command. urls: where each service answers, in the order in which they start."""

    def __init__(
        self, environment: str, urls: Mapping[str, str], *, follows_logs: bool = True, notifies: bool = False
    ) -> None:
        self._environment = environment
        self._urls = urls
        self._follows_logs = follows_logs
        self._notifies = notifies
        self._narrators = {name: Narrator(url) for name, url in urls.items()}
        self._pending: dict[str, asyncio.TimerHandle] = {}
        self._pods: dict[str, str] = {}
        self._tails: dict[str, asyncio.Task[None]] = {}
        self._client: KubeClient | None = None

    def begin(self, folders: Mapping[str, Path], client: KubeClient) -> None:
        self._client = client
        for name, folder in folders.items():
            click.echo(f"{click.style(name, bold=True)} in {self._environment}, watching {folder}")

    def observe(self, service: str, entry: Entry, state: LoopState) -> None:
        from coop_devloop.events import BuildStepped, ImageBuilt, RolloutWaits, WentLive

        if isinstance(entry.event, BuildStepped):  # some are told late, and say nothing of what goes on now
            return
        if waiting := self._pending.pop(service, None):
            waiting.cancel()
        lines = self._narrators[service].tell(entry, state)
        if isinstance(entry.event, RolloutWaits | ImageBuilt):
            # What passes within a moment is no news.
            later = asyncio.get_running_loop().call_later
            self._pending[service] = later(PATIENCE_S, self._print, service, lines)
        else:
            self._print(service, lines)
        if self._notifies and (told := notification(service, entry.event)):
            click.echo(told, nl=False)
        if isinstance(entry.event, WentLive) and self._follows_logs:
            self._follow(service, entry.event.pod)

    def waits(self, service: str, needs: Sequence[str]) -> None:
        self._print(service, [click.style(f"          … waits until {' and '.join(needs)} is live", dim=True)])

    def ended(self, service: str, error: CoopError) -> None:
        from coop_devloop.events import Problem

        first, *rest = problem(Problem.of(error))
        self._print(service, [f"          {first}", *rest])

    def _print(self, service: str, lines: list[str]) -> None:
        mark = self._mark(service)
        for line in lines:
            click.echo(f"{mark}{line}")
        sys.stdout.flush()

    def _mark(self, service: str) -> str:
        """Whose line it is, where there are several."""
        if len(self._urls) == 1:
            return ""
        names = list(self._urls)
        colour = _COLOURS[names.index(service) % len(_COLOURS)]
        return click.style(f"{service:<{max(map(len, names))}} ", fg=colour)

    def _follow(self, service: str, pod: str) -> None:
        if not pod or self._pods.get(service) == pod:
            return
        self._pods[service] = pod
        if before := self._tails.get(service):
            before.cancel()
        self._tails[service] = asyncio.create_task(self._print_log(service, pod))

    async def _print_log(self, service: str, pod: str) -> None:
        from coop_devloop.tailing import tail

        assert self._client is not None  # nothing is live before the beginning
        async for line in tail(self._client, self._environment, pod):
            self._print(service, [f"{click.style('        │', dim=True)} {line}"])

    async def close(self) -> None:
        """Ends what is still to be printed."""
        for waiting in self._pending.values():
            waiting.cancel()
        tails = list(self._tails.values())
        for tail in tails:
            tail.cancel()
        await asyncio.gather(*tails, return_exceptions=True)
