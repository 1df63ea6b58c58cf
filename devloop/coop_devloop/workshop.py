"""Doing the steps: snapshot, build, commit, push. Each ends in one event, whether it went well or not.

Everything a step reads comes from the snapshot in Git, never from the moving working tree.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_devloop.decide import Build, Commit, Push, TakeSnapshot

if TYPE_CHECKING:
    from coop_core.build.request import Builder
    from coop_core.git import snapshot
    from coop_core.git.repository import Remote, Repository
    from coop_devloop import events as e
    from coop_devloop.decide import Step


@dataclass(frozen=True, slots=True)
class Place:
    """Which service, and where it goes. prefix: the service's folder inside the repository, "" for its root."""

    repository: Repository
    prefix: str
    service: str
    environment: str
    remote: Remote
    domain: str


class Workshop:
    """Does the steps of one service. One step at a time; state is only what saves asking Git again."""

    def __init__(self, place: Place, builder: Builder) -> None:
        self._place = place
        self._builder = builder
        self._newest: snapshot.Snapshot | None = None
        self._has_fetched = False

    async def work(self, step: Step) -> e.Event:
        started_s = time.perf_counter()

        def took_ms() -> float:
            return round((time.perf_counter() - started_s) * 1000, 1)

        match step:
            case TakeSnapshot():
                return await self._snapshot(took_ms)
            case Build(commit):
                return await self._build(commit, took_ms)
            case Commit(commit, image):
                return await self._commit(commit, image, took_ms)
            case Push(commit, base):
                return await self._push(commit, base, took_ms)
