"""What the loop makes of the platform's objects, as they change."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from coop_core.cluster import kinds
from coop_core.kube.following import Changed
from coop_devloop import events as e
from coop_devloop.rollout import Rollout
from tests.cluster import objects

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    import pytest

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

    async def logs(self, *_: Any) -> AsyncGenerator[bytes, None]:
        """Nobody has written anything."""
        return
        yield b""

    async def heard(self) -> None:
        """Returns once all that was told so far was taken in, and judged: a few turns of the event loop later."""
        while not self.seen or not all(queue.empty() for queue in self.seen.values()):
            await asyncio.sleep(0)
        for _ in range(50):
            await asyncio.sleep(0)

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


async def seen_of_an_image_that_was_gone(platform: Platform) -> tuple[asyncio.Queue[e.Event], asyncio.Task[None]]:
    """A rollout aimed at a deploy of which everything is there but the image; what is told of it."""
    told: asyncio.Queue[e.Event] = asyncio.Queue()
    rollout = Rollout(cast("KubeClient", platform), "dev-ada", "web", Branch(), repository="")
    running = asyncio.create_task(rollout.run(told.put_nowait))
    lacking: dict[str, Any] = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "gone"}}}
    rolling = objects.deployment(updatedReplicas=1, replicas=1, availableReplicas=0, readyReplicas=0)
    for kind, body in (
        (kinds.APPLICATION, {**objects.application(), "metadata": {"name": "dev-ada-web", "uid": "a"}}),
        (kinds.REPLICA_SET, objects.replica_set(2)),
        (kinds.POD, objects.pod(ready=False, **lacking)),
        (kinds.DEPLOYMENT, rolling),
    ):
        platform.tell(kind, body)
    rollout.aim(objects.COMMIT, objects.SOURCE)
    return told, running


async def test_an_image_that_was_gone_and_comes_in_a_moment_is_no_failure() -> None:
    platform = Platform()
    told, running = await seen_of_an_image_that_was_gone(platform)
    async with asyncio.timeout(LIMIT_S):
        await platform.heard()
        platform.tell(kinds.POD, objects.pod())
        platform.tell(kinds.DEPLOYMENT, objects.deployment())
        while not isinstance(news := await told.get(), e.WentLive):
            assert not isinstance(news, e.RolloutFailed), "nothing is wrong any more"
    running.cancel()
    await asyncio.wait([running])


async def test_an_image_that_stays_away_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coop_devloop.rollout.OLD_S", 0.05)
    told, running = await seen_of_an_image_that_was_gone(Platform())
    async with asyncio.timeout(LIMIT_S):
        while not isinstance(news := await told.get(), e.RolloutFailed):
            pass
    assert "the image cannot be fetched: gone" in news.reason
    running.cancel()
    await asyncio.wait([running])
