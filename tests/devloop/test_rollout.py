"""What the loop makes of the platform's objects, as they change."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from coop_core.cluster import kinds
from coop_core.kube.following import Changed
from coop_devloop import events as e
from coop_devloop.rollout import Rollout

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from coop_core.cluster.kinds import Kind
    from coop_core.kube.client import KubeClient
    from coop_core.kube.following import Seen

LIMIT_S = 5.0


class Platform:
    """Stands for the client: tells of objects when the test does."""

    def __init__(self) -> None:
        self.seen: dict[Kind, asyncio.Queue[Seen]] = {}

    async def follow(self, kind: Kind, namespace: str, **_: Any) -> AsyncGenerator[Seen, None]:
        queue = self.seen.setdefault(kind, asyncio.Queue())
        while True:
            yield await queue.get()

    def tell(self, kind: Kind, body: dict[str, Any]) -> None:
        self.seen.setdefault(kind, asyncio.Queue()).put_nowait(Changed(body))


class Branch:
    """A linear history, oldest first. `may_say` holds the answer back, as a slow remote does."""

    def __init__(self, *commits: str) -> None:
        self.commits = commits
        self.may_say = asyncio.Event()

    async def comes_after(self, commit: str, revision: str) -> bool:
        await self.may_say.wait()
        return self.commits.index(revision) > self.commits.index(commit)


def application(revision: str) -> dict[str, Any]:
    operation = {"phase": "Succeeded", "syncResult": {"revision": revision}}
    status = {
        "sync": {"status": "Synced", "revision": revision},
        "operationState": operation,
        "health": {"status": "Healthy"},
        "resources": [{"kind": "ConfigMap", "name": "only"}],
    }
    return {"metadata": {"name": "dev-ada-hello", "uid": "a"}, "status": status}


async def test_a_deploy_that_the_platform_skipped_for_a_newer_one_is_live_and_an_older_one_proves_nothing() -> None:
    platform, branch = Platform(), Branch("older", "ours", "newer")
    told: asyncio.Queue[e.Event] = asyncio.Queue()
    rollout = Rollout(cast("KubeClient", platform), "dev-ada", "hello", branch, repository="")
    running = asyncio.create_task(rollout.run(told.put_nowait))
    rollout.aim("ours")
    branch.may_say.set()
    async with asyncio.timeout(LIMIT_S):
        assert isinstance(await told.get(), e.RolloutWaits)
        platform.tell(kinds.APPLICATION, application("older"))
        waits = await told.get()
        assert isinstance(waits, e.RolloutWaits)
        assert "application is at older" in waits.reason
        platform.tell(kinds.APPLICATION, application("newer"))
        while not isinstance(news := await told.get(), e.WentLive):
            pass
    assert news.commit == "ours"
    running.cancel()
    await asyncio.wait([running])


async def test_a_remote_that_is_slow_to_say_so_holds_up_no_other_news() -> None:
    platform, branch = Platform(), Branch("older", "ours")
    told: asyncio.Queue[e.Event] = asyncio.Queue()
    rollout = Rollout(cast("KubeClient", platform), "dev-ada", "hello", branch, repository="")
    running = asyncio.create_task(rollout.run(told.put_nowait))
    rollout.aim("ours")
    async with asyncio.timeout(LIMIT_S):
        platform.tell(kinds.APPLICATION, application("older"))
        while True:
            news = await told.get()
            if isinstance(news, e.RolloutWaits) and "older" in news.reason:
                break
        platform.tell(kinds.APPLICATION, application("ours"))
        while not isinstance(await told.get(), e.WentLive):
            pass
    running.cancel()
    await asyncio.wait([running])
