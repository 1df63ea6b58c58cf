"""Several services at once, each with a loop of its own: none stops another.

A service that needs others waits until each of them went live once, here or in somebody else's loop.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from coop_core.errors import CoopError, ExitCode, users_own
from coop_devloop.events import WentLive

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from coop_devloop.events import Entry
    from coop_devloop.session import Session
    from coop_devloop.state import LoopState


@dataclass(frozen=True, slots=True)
class Lane:
    """One service's loop, and the services that it waits for."""

    session: Session
    needs: Sequence[str] = ()


class Observer(Protocol):
    """What the lanes tell: every event of every loop, and what happens around them."""

    def observe(self, service: str, entry: Entry, state: LoopState) -> None: ...

    def waits(self, service: str, needs: Sequence[str]) -> None:
        """It starts once these are live."""

    def ended(self, service: str, error: CoopError) -> None:
        """Its loop is over; the others go on."""


async def run(lanes: Mapping[str, Lane], observer: Observer) -> None:
    """Runs until cancelled, or until no loop is left: then the first error is raised."""
    live = {name: asyncio.Event() for name in lanes}
    errors: list[CoopError] = []

    async def one(name: str, lane: Lane) -> None:
        try:
            missing = [needed for needed in lane.needs if needed in live and not live[needed].is_set()]
            if missing:
                observer.waits(name, missing)
                await asyncio.gather(*(live[needed].wait() for needed in missing))
            await lane.session.run(lambda entry, state: told(name, entry, state))
        except BaseExceptionGroup as group:
            error = users_own(group)
            if error is None:
                raise
            lost(name, error)
        except CoopError as error:
            lost(name, error)

    def told(name: str, entry: Entry, state: LoopState) -> None:
        if isinstance(entry.event, WentLive):
            live[name].set()
        observer.observe(name, entry, state)

    def lost(name: str, error: CoopError) -> None:
        errors.append(error)
        if len(lanes) > 1:
            observer.ended(name, error)
        if error.exit_code is ExitCode.BUSY:
            live[name].set()  # another loop runs it

    async with asyncio.TaskGroup() as tasks:
        for name, lane in lanes.items():
            tasks.create_task(one(name, lane))
    if errors:
        raise errors[0]
