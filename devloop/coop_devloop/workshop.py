"""Doing the steps: snapshot, build, commit, push. Each ends in one event, whether it went well or not.

Everything a step reads comes from the snapshot in Git, never from the moving working tree.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.build.request import BuildRequest
from coop_core.errors import CoopError
from coop_core.git import deploying, repository, snapshot
from coop_core.git.failures import Unreachable
from coop_core.manifests.rendering import Target
from coop_devloop import events as e
from coop_devloop import service as services
from coop_devloop.decide import Build, Commit, Push, TakeSnapshot

if TYPE_CHECKING:
    from coop_core.build.request import Builder
    from coop_core.git.repository import Remote, Repository
    from coop_devloop.decide import Step
    from coop_devloop.service import Service


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
    """Does the steps of one service, one at a time."""

    def __init__(self, place: Place, builder: Builder) -> None:
        self.place = place
        self._builder = builder
        self._author = repository.identity(place.repository)
        self._snapshot: snapshot.Snapshot | None = None
        self._service: Service | None = None
        self._base: str | None = None
        self._knows_base = False

    async def work(self, step: Step) -> e.Event:
        """Does one step. A failure that the user can act upon comes back as the step's failed event."""
        match step:
            case TakeSnapshot():
                return await self._snapshot_step()
            case Build(commit):
                return await self._build_step(commit)
            case Commit(commit, image):
                return await self._commit_step(commit, image)
            case Push(commit, base):
                return await self._push_step(commit, base)

    async def _snapshot_step(self) -> e.Event:
        watch = _Stopwatch()
        try:
            taken = await asyncio.to_thread(snapshot.take, self.place.repository, self.place.environment)
        except CoopError as error:
            return e.SnapshotFailed(e.Problem.of(error))
        self._snapshot = taken
        return e.SnapshotTaken(taken.commit, tuple(self._inside(taken.changed)), watch.ms)

    def _inside(self, paths: tuple[str, ...]) -> list[str]:
        """The paths in the service's folder, as seen from there."""
        start = f"{self.place.prefix}/" if self.place.prefix else ""
        return [path.removeprefix(start) for path in paths if path.startswith(start)]

    async def _build_step(self, commit: str) -> e.Event:
        watch = _Stopwatch()
        place = self.place
        try:
            self._service = await asyncio.to_thread(services.of_snapshot, place.repository, commit, place.prefix)
            request = BuildRequest(place.repository, commit, place.prefix, self._service.spec)
            image = await self._builder.build(request)
        except CoopError as error:
            return e.BuildFailed(e.Problem.of(error))
        return e.BuildFinished(image.reference, image.was_cached, watch.ms)

    async def _commit_step(self, commit: str, image: str) -> e.Event:
        watch = _Stopwatch()
        try:
            base = await self._known_base()
            request = await asyncio.to_thread(self._request, commit, image)
            made = await asyncio.to_thread(deploying.commit, self.place.repository, base, request)
        except CoopError as error:
            return e.DeployFailed(_problem(error))
        if made is None:
            return e.NothingToDeploy(base or "")
        return e.DeployCommitted(made, base or "", watch.ms)

    async def _known_base(self) -> str | None:
        """Where the environment's branch is, asked of the remote the first time and after it moved."""
        if not self._knows_base:
            place = self.place
            self._base = await asyncio.to_thread(deploying.fetch, place.repository, place.remote, place.environment)
            self._knows_base = True
        return self._base

    def _request(self, commit: str, image: str) -> deploying.DeployRequest:
        place, taken = self.place, self._snapshot
        assert self._service is not None  # the build before read it from the same snapshot
        target = Target(place.environment, commit, place.domain)
        return deploying.DeployRequest(
            environment=place.environment,
            service=place.service,
            files=self._service.manifests(target, image),
            image=image,
            source_commit=commit,
            reference=taken.head if taken else None,
            source_url=place.remote.url,
            author=self._author,
        )

    async def _push_step(self, commit: str, base: str) -> e.Event:
        watch = _Stopwatch()
        place = self.place
        try:
            await asyncio.to_thread(
                deploying.push, place.repository, place.remote, place.environment, commit, base or None
            )
        except deploying.Moved:
            self._knows_base = False
            return e.PushOvertaken()
        except CoopError as error:
            return e.PushFailed(_problem(error))
        self._base = commit
        return e.Pushed(commit, watch.ms)


def _problem(error: CoopError) -> e.Problem:
    return e.Problem.of(error, can_pass=isinstance(error, Unreachable))


class _Stopwatch:
    """Milliseconds since it was made."""

    def __init__(self) -> None:
        self._started_s = time.perf_counter()

    @property
    def ms(self) -> float:
        return round((time.perf_counter() - self._started_s) * 1000, 1)
