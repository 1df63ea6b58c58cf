"""The agent at work: one task per repository reads Git, one reconciler acts, one refresher asks and verifies.

Deciding is in `planning`, `expiring` and `refreshing`. A repository that hangs or fails delays no other: what
blocks runs in a thread of its own, and `References` bounds how much git runs at once.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, assert_never

from coop_core.agent import actions, configuration, planning, refreshing
from coop_core.agent.repositories import RepositoryFollower
from coop_core.agent.seen import GitView
from coop_core.agent.watching import RefsWatch
from coop_core.cluster import kinds, labels
from coop_core.errors import CoopError
from coop_core.git.branches import BRANCHES
from coop_core.git.references import References
from coop_core.kube import failures, following
from coop_core.text import one_line

if TYPE_CHECKING:
    from pathlib import Path

    from coop_core.agent.actions import Action
    from coop_core.agent.seen import Branch
    from coop_core.clock import Clock
    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.git.mirror import Mirror
    from coop_core.kube.client import KubeClient

log = logging.getLogger("coop.agent")

CONFIG_LOOK_S = 0.2
"""A look costs one stat; whoever adds a repository waits for it."""
RECONCILE_S = 10.0
"""A look at everything although nothing was heard: heals what failed."""
_FAILED_S = 1.0


class Agent:
    """Keeps Applications and namespaces in step with the environment branches of the configured repositories.

    config_file: see `configuration`; re-read when it changes. mirror: where commits are read.
    """

    def __init__(self, client: KubeClient, mirror: Mirror, config_file: Path, clock: Clock) -> None:
        self._client = client
        self._mirror = mirror
        self._config_file = config_file
        self._clock = clock
        self._references = References(mirror, BRANCHES)
        self._watch = RefsWatch()
        self._followers: dict[str, RepositoryFollower] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._applications: dict[str, Raw] | None = None
        self._namespaces: dict[str, Raw] | None = None
        self._asked: dict[str, refreshing.Asked] = {}
        self._told: set[str] = set()
        self._reconcile = asyncio.Event()
        self._refresh = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watch.run())
                group.create_task(self._follow_configuration(group))
                group.create_task(self._follow(kinds.APPLICATION, kinds.ARGOCD_NAMESPACE))
                group.create_task(self._follow(kinds.NAMESPACE, None))
                group.create_task(self._reconciling())
                group.create_task(self._refreshing())
        finally:
            await self._references.close()

    @property
    def requests(self) -> int:
        """HTTP requests to remotes since the start."""
        return self._references.requests

    async def _follow_configuration(self, group: asyncio.TaskGroup) -> None:
        known: configuration.Configuration | None = None
        version: tuple[int, ...] | None = None
        while True:
            before, version = version, configuration.version(self._config_file)
            if version != before:
                try:
                    current = configuration.read(self._config_file)
                except CoopError as error:
                    self._tell(f"{error}; {error.remedy}")
                else:
                    if current != known:
                        self._configure(current, group)
                        known = current
            await asyncio.sleep(CONFIG_LOOK_S)

    def _configure(self, current: configuration.Configuration, group: asyncio.TaskGroup) -> None:
        for url in list(self._followers):
            if url not in current.urls:
                self._tasks.pop(url).cancel()
                del self._followers[url]
                self._references.forget(url)
        kept = self._followers
        self._followers = {url: kept.get(url) or self._follower(url) for url in current.urls}
        for url, follower in self._followers.items():
            if url not in self._tasks:
                self._tasks[url] = group.create_task(follower.run(self._watch))
        self._reconcile.set()

    def _follower(self, url: str) -> RepositoryFollower:
        return RepositoryFollower(url, self._mirror, self._references, self._clock, self, self._neighbours)

    def _neighbours(self, one: RepositoryFollower) -> int:
        host, is_active = one.host, one.is_active
        return sum(other.host == host and other.is_active == is_active for other in self._followers.values())

    # What a repository's follower tells.

    def heads_seen(self) -> None:
        self._refresh.set()

    def branches_read(self) -> None:
        self._reconcile.set()
        self._refresh.set()

    def problem(self, text: str) -> None:
        self._tell(text)

    # What the platform has.

    async def _follow(self, kind: Kind, namespace: str | None) -> None:
        async for seen in self._client.follow(kind, namespace):
            held = self._applications if kind == kinds.APPLICATION else self._namespaces
            match seen:
                case following.Listed(items):
                    held = {body["metadata"]["name"]: body for body in items}
                    if kind == kinds.APPLICATION:
                        self._applications = held
                    else:
                        self._namespaces = held
                case following.Changed(body) if held is not None:
                    held[body["metadata"]["name"]] = body
                case following.Gone(body) if held is not None:
                    held.pop(body["metadata"]["name"], None)
                    self._asked.pop(body["metadata"]["name"], None)
                case following.Lost(why):
                    log.warning("%s cannot be watched now: %s", kind.plural, why)
                    continue
            if kind == kinds.APPLICATION:
                self._refresh.set()
            self._reconcile.set()

    # Doing what is planned.

    async def _reconciling(self) -> None:
        while True:
            await _heard(self._reconcile, RECONCILE_S)
            if self._applications is None or self._namespaces is None or not self._followers:
                continue
            now_s = self._clock.now_s()
            plan = planning.plan(self._git(), self._applications.values(), self._namespaces.values(), now_s)
            for problem in plan.problems:
                self._tell(problem)
            for action in plan.actions:
                if not await self._do(action):
                    await asyncio.sleep(_FAILED_S)
                    self._reconcile.set()
                    break

    def _git(self) -> GitView:
        followers = self._followers.values()
        branches: list[Branch] = []
        for follower in followers:
            branches += follower.branches or ()
        return GitView(
            tuple(branches),
            unread=frozenset(follower.url for follower in followers if not follower.is_current),
            configured=frozenset(self._followers),
        )

    async def _do(self, action: Action) -> bool:
        """Whether it is done; what the platform refuses is told and tried again."""
        try:
            await self._act(action)
        except (failures.AlreadyExists, failures.NotFound):
            # Somebody was quicker, or our view is a moment old: the watch tells in a moment.
            return True
        except failures.ApiError as error:
            self._tell(str(error))
            return False
        return True

    async def _act(self, action: Action) -> None:
        client = self._client
        match action:
            case actions.CreateNamespace(body):
                await client.create(kinds.NAMESPACE, body)
                log.info("environment %s created", body["metadata"]["name"])
            case actions.MarkNamespace(name, patch):
                await client.patch(kinds.NAMESPACE, None, name, patch)
                expired = (patch["metadata"]["annotations"] or {}).get(labels.EXPIRED)
                log.info("environment %s %s", name, f"expired at {expired}" if expired else "is back")
            case actions.DeleteNamespace(name):
                await client.delete(kinds.NAMESPACE, None, name)
                log.info("environment %s removed: its branch is gone", name)
            case actions.CreateApplication(body):
                created = await client.create(kinds.APPLICATION, body)
                self._note(created)
                log.info("application %s created", created["metadata"]["name"])
            case actions.ChangeApplication(name, patch):
                changed = await client.patch(kinds.APPLICATION, kinds.ARGOCD_NAMESPACE, name, patch)
                self._note(changed)
                log.info("application %s changed", name)
            case actions.DeleteApplication(name):
                await client.delete(kinds.APPLICATION, kinds.ARGOCD_NAMESPACE, name)
                log.info("application %s deleted: its folder or branch is gone, or expired", name)
            case _:
                assert_never(action)

    def _note(self, application: Raw) -> None:
        """A written Application is compared at once by itself, so it counts as asked for.

        Also kept as known, lest the next plan be made without it.
        """
        name = application["metadata"]["name"]
        if self._applications is not None:
            self._applications[name] = application
        commit = self._heads().get(name)
        if commit:
            self._asked[name] = refreshing.noted(application, commit, None, self._clock.monotonic_s())

    # Asking for refreshes.

    async def _refreshing(self) -> None:
        pause_s: float | None = None
        while True:
            await _heard(self._refresh, pause_s)
            pause_s = await self._ask()

    async def _ask(self) -> float | None:
        """Asks where it is due, all at once; the seconds until the next is due, None when none will be."""
        now_s = self._clock.monotonic_s()
        due: list[tuple[str, str]] = []
        pauses_s: list[float] = []
        for name, commit in self._heads().items():
            application = (self._applications or {}).get(name)
            if application is None:
                continue
            in_s = refreshing.due_in_s(application, commit, self._asked.get(name), now_s)
            if in_s is None:
                continue
            if in_s <= 0:
                due.append((name, commit))
            else:
                pauses_s.append(in_s)
        await asyncio.gather(*(self._ask_for(name, commit) for name, commit in due))
        if due:
            pauses_s.append(refreshing.FIRST_WAIT_S)
        return min(pauses_s, default=None)

    async def _ask_for(self, name: str, commit: str) -> None:
        application = (self._applications or {})[name]
        self._asked[name] = refreshing.noted(application, commit, self._asked.get(name), self._clock.monotonic_s())
        patch = refreshing.patch(self._clock.now_s())
        try:
            await self._client.patch(kinds.APPLICATION, kinds.ARGOCD_NAMESPACE, name, patch)
        except failures.ApiError as error:
            log.warning("cannot ask for a refresh of %s, will try again: %s", name, error.why)

    def _heads(self) -> dict[str, str]:
        """The commit that each of our Applications should be compared with, by Application name."""
        heads = {
            (planning.public_url(follower.url), f"{BRANCHES}{environment}"): commit
            for follower in self._followers.values()
            for environment, commit in follower.heads.items()
        }
        wanted: dict[str, str] = {}
        for name, body in (self._applications or {}).items():
            source = (body.get("spec") or {}).get("source") or {}
            commit = heads.get((str(source.get("repoURL", "")), str(source.get("targetRevision", ""))))
            if commit and planning.is_ours(body):
                wanted[name] = commit
        return wanted

    def _tell(self, text: str) -> None:
        """Once for each problem: the reconciler meets the same ones again and again."""
        if text not in self._told:
            if len(self._told) > 1000:
                self._told.clear()
            self._told.add(text)
            log.warning("%s", one_line(text, 500))


async def _heard(event: asyncio.Event, timeout_s: float | None) -> None:
    """Returns when the event was set, and clears it, or when the time is over."""
    try:
        # Not wait_for: before Python 3.12 it swallows a cancellation that meets the event.
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return
    event.clear()
