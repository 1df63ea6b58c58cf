"""Doing the steps: snapshot, build, commit, push. Each ends in one event, whether it went well or not.

Everything a step reads comes from the snapshot in Git, never from the moving working tree.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.build.request import BuildFailed, BuildRequest
from coop_core.errors import CoopError, ExitCode, of_system
from coop_core.git import deploying, repository, snapshot
from coop_core.git.deploy_request import LIFETIME_S, DeployRequest
from coop_core.git.failures import Unreachable
from coop_core.manifests.rendering import Target
from coop_core.text import one_line
from coop_devloop import events as e
from coop_devloop import service as services
from coop_devloop.decide import Build, Commit, Push, TakeSnapshot
from coop_devloop.ignoring import Rules
from coop_devloop.service import Service
from coop_devloop.state import Phase
from coop_devloop.timing import BuildTimer, Stopwatch

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from coop_core.build.request import Builder
    from coop_core.git.repository import Remote, Repository
    from coop_devloop.decide import Step

_FAILED: Mapping[Phase, Callable[[e.Problem], e.Event]] = {
    Phase.SNAPSHOT: e.SnapshotFailed,
    Phase.BUILD: e.BuildFailed,
    Phase.COMMIT: e.DeployFailed,
    Phase.PUSH: e.PushFailed,
}

_RECENT_S = 5.0
"""A file that was written before that was not written by the save that woke the loop."""
_LOOKED_AT = 100


@dataclass(slots=True)
class Branch:
    """Where an environment's branch is on the remote, as far as is known; services of one repository share it.

    head: None when there is no such branch.
    """

    head: str | None = None
    is_known: bool = False

    def moved_to(self, head: str | None) -> None:
        self.head, self.is_known = head, True


@dataclass(frozen=True, slots=True)
class Place:
    """Which service, and where it goes.

    prefix: the service's folder inside the repository, "" for its root. lifetime_s: how long a personal environment
    stays after its last deploy; None for ever.
    """

    repository: Repository
    prefix: str
    service: str
    environment: str
    remote: Remote
    domain: str
    lifetime_s: float | None = LIFETIME_S


class Workshop:
    """Does the steps of one service, one at a time."""

    def __init__(self, place: Place, builder: Builder, branch: Branch | None = None) -> None:
        self.place = place
        self._builder = builder
        self._branch = branch or Branch()
        self._author = repository.identity(place.repository)
        self._snapshot: snapshot.Snapshot | None = None
        self._service: Service | CoopError | None = None
        self._told: asyncio.Queue[e.BuildProgress] = asyncio.Queue()

    async def progress(self) -> AsyncGenerator[e.BuildProgress, None]:
        """What builds are doing, as it happens."""
        while True:
            yield await self._told.get()

    async def work(self, step: Step) -> e.Event:
        """Does one step. A failure that the user can act upon comes back as the step's failed event."""
        try:
            return await self._work(step)
        except OSError as error:
            problem = e.Problem.of(of_system(f"cannot finish the {step.phase.value}", error))
            return _FAILED[step.phase](problem)

    async def _work(self, step: Step) -> e.Event:
        match step:
            case TakeSnapshot():
                return await self._snapshot_step()
            case Build(commit):
                return await self._build_step(commit)
            case Commit(commit, image):
                return await self._commit_step(commit, image)
            case Push(commit, base):
                return await self._push_step(commit, base)

    async def comes_after(self, commit: str, revision: str) -> bool:
        """Whether a revision of the environment's branch holds our deploy commit; False when nobody can say."""
        place = self.place
        try:
            return await asyncio.to_thread(
                deploying.comes_after, place.repository, place.remote, place.environment, commit, revision
            )
        except CoopError:
            return False

    async def _snapshot_step(self) -> e.Event:
        watch = Stopwatch()
        place, before = self.place, self._snapshot
        if not (folder := place.repository.root / place.prefix).is_dir():
            gone = f"there is no {one_line(str(folder))} any more"
            return e.SnapshotFailed(
                e.Problem(f"cannot see {place.service}", gone, "bring it back, or end coop dev")
            )
        try:
            series = f"{place.environment}/{place.service}"
            taken = await asyncio.to_thread(snapshot.take, place.repository, series)
        except CoopError as error:
            return e.SnapshotFailed(e.Problem.of(error))
        if before is None or taken.tree != before.tree:
            self._service = await asyncio.to_thread(self._read, taken.commit)
        self._snapshot = taken
        inside = self._inside(taken.changed or ())
        rules = self._service.rules if isinstance(self._service, Service) else Rules()
        counting = [path for path in inside if not rules.ignoring(path)]
        # Somebody else may have continued the series; then what it says is not about our own snapshot before.
        follows = before is not None and taken.changed is not None and taken.previous == before.commit
        return e.SnapshotTaken(
            taken.commit,
            tuple(one_line(path) for path in counting),
            watch.ms,
            is_same=follows and not counting,
            saved_s=self._newest_s(counting),
        )

    def _inside(self, paths: tuple[str, ...]) -> list[str]:
        """The paths in the service's folder, as seen from there."""
        start = f"{self.place.prefix}/" if self.place.prefix else ""
        return [path.removeprefix(start) for path in paths if path.startswith(start)]

    def _newest_s(self, paths: list[str]) -> float:
        """When the newest of these files was written; 0 when none is there any more."""
        folder = self.place.repository.root / self.place.prefix
        newest_s = 0.0
        for path in paths[:_LOOKED_AT]:
            with contextlib.suppress(OSError):
                newest_s = max(newest_s, (folder / path).lstat().st_mtime)
        return newest_s if time.time() - _RECENT_S < newest_s else 0.0

    def _read(self, commit: str) -> Service | CoopError:
        place = self.place
        try:
            found = services.of_snapshot(place.repository, commit, place.prefix)
        except CoopError as error:
            return error
        if found.spec.name != place.service:
            return CoopError(
                f"cannot deploy {place.service}", f"its coop.yaml calls it {found.spec.name} now",
                "stop coop dev and start it again to deploy it under its new name", ExitCode.CONFIG,
            )  # fmt: skip
        return found

    async def _build_step(self, commit: str) -> e.Event:
        timer = BuildTimer(commit, self._told.put_nowait)
        place = self.place
        try:
            service = self._service_read()
            request = BuildRequest(place.repository, commit, place.prefix, service.spec, timer.hear)
            image = await self._builder.build(request)
        except BuildFailed as error:
            return e.BuildFailed(e.Problem.of(error), error.lines)
        except CoopError as error:
            return e.BuildFailed(e.Problem.of(error))
        return timer.finished(image)

    def _service_read(self) -> Service:
        """The service of the newest snapshot; raises what is wrong with it."""
        assert self._service is not None  # a snapshot comes first
        if isinstance(self._service, CoopError):
            raise self._service
        return self._service

    async def _commit_step(self, commit: str, image: str) -> e.Event:
        watch = Stopwatch()
        repo = self.place.repository
        try:
            request = await asyncio.to_thread(self._request, commit, image)
            render_ms = watch.ms
            base = self._branch.head if self._branch.is_known else await self._fetched()
            made = await asyncio.to_thread(deploying.commit, repo, base, request)
            if made is None and (seen := await self._fetched()) != base:
                # The branch said the same when we last saw it. Somebody else deployed since.
                base = seen
                made = await asyncio.to_thread(deploying.commit, repo, base, request)
        except CoopError as error:
            return e.DeployFailed(_problem(error))
        if made is None:
            return e.NothingToDeploy(base or "")
        return e.DeployCommitted(made, base or "", round(watch.ms - render_ms, 1), render_ms)

    async def _fetched(self) -> str | None:
        """Where the environment's branch is, asked of the remote."""
        place = self.place
        head = await asyncio.to_thread(deploying.fetch, place.repository, place.remote, place.environment)
        self._branch.moved_to(head)
        return head

    def _request(self, commit: str, image: str) -> DeployRequest:
        place, taken = self.place, self._snapshot
        target = Target(place.environment, commit, place.domain)
        return DeployRequest(
            environment=place.environment,
            service=place.service,
            files=self._service_read().manifests(target, image),
            image=image,
            source_commit=commit,
            reference=taken.head if taken else None,
            source_url=place.remote.url,
            author=self._author,
            lifetime_s=place.lifetime_s,
        )

    async def _push_step(self, commit: str, base: str) -> e.Event:
        watch = Stopwatch()
        place = self.place
        try:
            await asyncio.to_thread(
                deploying.push, place.repository, place.remote, place.environment, commit, base or None
            )
        except deploying.Moved:
            # Another service of this repository may have been the quicker one: then we know where the branch is.
            if self._branch.head == (base or None):
                self._branch.is_known = False
            return e.PushOvertaken()
        except CoopError as error:
            return e.PushFailed(_problem(error))
        self._branch.moved_to(commit)
        return e.Pushed(commit, watch.ms)


def _problem(error: CoopError) -> e.Problem:
    return e.Problem.of(error, can_pass=isinstance(error, Unreachable))
