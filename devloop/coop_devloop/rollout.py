"""What the platform makes of the newest push, read through the proxy.

Follows the objects of one service in one environment, judges them again at every change, and says so only when
the verdict changed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from coop_core.build.images import in_source
from coop_core.cluster import kinds, labels, live
from coop_core.kube.failures import ApiError
from coop_core.kube.following import Changed, Gone, Listed, Lost
from coop_core.kube.reading import LogQuery, Selection
from coop_core.text import lines
from coop_devloop.events import PlatformBack, PlatformLost, RolloutFailed, RolloutWaits, WentLive

if TYPE_CHECKING:
    from collections.abc import Callable

    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.kube.client import KubeClient
    from coop_core.kube.following import Seen
    from coop_devloop.events import Event

OLD_S = 2.0
"""How long after a deploy something wrong may be a leftover: an image that was gone, and was just made again."""
LAST_LINES = 12
"""How much of a failed program's log goes into the event."""


@dataclass(slots=True)
class _Objects:
    """The newest known state of one kind, by uid."""

    by_uid: dict[str, Raw] = field(default_factory=dict)

    def take(self, seen: Seen) -> None:
        match seen:
            case Listed(items):
                self.by_uid = {item["metadata"]["uid"]: item for item in items}
            case Changed(item):
                self.by_uid[item["metadata"]["uid"]] = item
            case Gone(item):
                self.by_uid.pop(item["metadata"]["uid"], None)

    def only(self) -> Raw | None:
        return next(iter(self.by_uid.values()), None)


def _revision(application: Raw | None) -> str:
    """Where an application was last compared; "" when it was not."""
    status = (application or {}).get("status") or {}
    return str((status.get("sync") or {}).get("revision") or "")


class History(Protocol):
    """Knows the environment's branch."""

    async def comes_after(self, commit: str, revision: str) -> bool:
        """Whether `revision`, as the platform says it, holds `commit`."""


class Rollout:
    """The rollout of one service in one environment. repository: URL of the remote that holds its branch."""

    def __init__(
        self, client: KubeClient, environment: str, service: str, history: History, *, repository: str
    ) -> None:
        self._client = client
        self._history = history
        self._environment = environment
        self._repository = repository
        of_service = Selection(labels=f"{labels.NAME}={service}")
        self._followed: dict[Kind, tuple[str, Selection]] = {
            kinds.APPLICATION: (
                kinds.ARGOCD_NAMESPACE,
                Selection(fields=f"metadata.name={environment}-{service}"),
            ),
            kinds.DEPLOYMENT: (environment, Selection(fields=f"metadata.name={service}")),
            kinds.REPLICA_SET: (environment, of_service),
            kinds.POD: (environment, of_service),
        }
        self._objects = {kind: _Objects() for kind in self._followed}
        self._deploy: live.Deploy | None = None
        self._told: live.Verdict | None = None
        self._aimed_s = 0.0
        self._judged: set[str] = set()
        """Revisions of which is known whether they come after the deploy commit."""
        self._lost: set[Kind] = set()
        self._changed = asyncio.Event()
        self._moved = asyncio.Event()

    def aim(self, commit: str, source_commit: str = "") -> None:
        """From now on, verdicts are about `commit`, whose pods carry `source_commit` ("" for any)."""
        self._deploy = live.Deploy(commit, source_commit, repository=self._repository)
        self._told = None
        self._aimed_s = asyncio.get_running_loop().time()
        self._judged = set()
        self._changed.set()
        self._moved.set()

    async def run(self, emit: Callable[[Event], None]) -> None:
        """Emits every new verdict, and the platform's comings and goings, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for kind in self._followed:
                tasks.create_task(self._follow(kind, emit))
            tasks.create_task(self._judge(emit))
            tasks.create_task(self._learn())

    async def _follow(self, kind: Kind, emit: Callable[[Event], None]) -> None:
        namespace, selection = self._followed[kind]
        async for seen in self._client.follow(kind, namespace, where=selection):
            if isinstance(seen, Lost):
                if not self._lost:
                    emit(PlatformLost(seen.why))
                self._lost.add(kind)
                continue
            if isinstance(seen, Listed) and kind in self._lost:
                self._lost.discard(kind)
                if not self._lost:
                    emit(PlatformBack())
            self._objects[kind].take(seen)
            self._changed.set()
            self._moved.set()

    async def _judge(self, emit: Callable[[Event], None]) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            verdict, deploy = self.verdict(), self._deploy
            if verdict is None or deploy is None or verdict == self._told:
                continue
            if isinstance(verdict, live.Failed) and verdict.may_be_old and (left_s := self._old_left_s()) > 0:
                asyncio.get_running_loop().call_later(left_s, self._changed.set)
                continue
            self._told = verdict
            event = await self._event(verdict, deploy)
            if self._is_aimed_at(deploy):
                emit(event)

    def _old_left_s(self) -> float:
        return self._aimed_s + OLD_S - asyncio.get_running_loop().time()

    async def _learn(self) -> None:
        """Others deploy to this environment too: then the application skips our commit, and is at one on top of it.

        Apart from judging, which must not wait for a remote.
        """
        while True:
            await self._moved.wait()
            self._moved.clear()
            application, deploy = self._objects[kinds.APPLICATION].only(), self._deploy
            revision = _revision(application)
            if deploy is None or not revision or deploy.accepts(revision) or revision in self._judged:
                continue
            is_after = await self._history.comes_after(deploy.commit, revision)
            if self._is_aimed_at(deploy):
                self._judged.add(revision)
                if is_after:
                    self._deploy = replace(deploy, later=deploy.later | {revision})
                    self._changed.set()

    def _is_aimed_at(self, deploy: live.Deploy) -> bool:
        now = self._deploy
        return now is not None and (now.commit, now.source_commit) == (deploy.commit, deploy.source_commit)

    def verdict(self) -> live.Verdict | None:
        """What is known now; None while there is no commit to judge."""
        if self._deploy is None:
            return None
        return live.assess(
            self._objects[kinds.APPLICATION].only(),
            self._objects[kinds.DEPLOYMENT].only(),
            self._objects[kinds.REPLICA_SET].by_uid.values(),
            self._objects[kinds.POD].by_uid.values(),
            self._deploy,
        )

    async def _event(self, verdict: live.Verdict, deploy: live.Deploy) -> Event:
        match verdict:
            case live.Live():
                return WentLive(deploy.commit, self._newest_pod())
            case live.Waiting(reason, on):
                return RolloutWaits(deploy.commit, reason, on)
            case live.Failed(reason, detail):
                said = await self._last_lines(verdict)
                # What follows the exit code are the same lines, in one.
                shown = detail.partition(": ")[0] if said else detail
                return RolloutFailed(deploy.commit, f"{reason}: {shown}" if shown else reason, said)

    def _newest_pod(self) -> str:
        deployment = self._objects[kinds.DEPLOYMENT].only()
        if deployment is None:
            return ""
        newest = live.newest_replica_set(deployment, self._objects[kinds.REPLICA_SET].by_uid.values())
        pods = live.pods_of(newest, self._objects[kinds.POD].by_uid.values()) if newest else []
        return str(pods[0]["metadata"]["name"]) if pods else ""

    async def _last_lines(self, failed: live.Failed) -> tuple[str, ...]:
        """How the failed program's log ends; nothing when there is no such log."""
        if not failed.pod:
            return ()
        query = LogQuery(container=failed.container, previous=failed.previous, tail_lines=LAST_LINES)
        try:
            pieces = [piece async for piece in self._client.logs(self._environment, failed.pod, query)]
        except ApiError:
            return ()
        said = lines(b"".join(pieces).decode("utf-8", "replace"), 400)
        return tuple(in_source(line) for line in said if line)
