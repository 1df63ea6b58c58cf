from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from coop_core.cluster import kinds
from coop_core.kube import failures
from coop_core.kube.following import Backoff, Changed, Gone, Listed, Lost

if TYPE_CHECKING:
    from coop_core.kube.client import KubeClient
    from tests.kube.serving import Api


async def test_a_follower_lists_then_hears_every_change(client: KubeClient) -> None:
    async with asyncio.timeout(5), aclosing(client.follow(kinds.NAMESPACE)) as seen:
        assert isinstance(await anext(seen), Listed)
        await client.create(kinds.NAMESPACE, {"metadata": {"name": "new"}})
        created = await anext(seen)
        assert isinstance(created, Changed)
        assert created.object["metadata"]["name"] == "new"
    body = {"metadata": {"name": "one", "namespace": "new"}, "data": {}}
    await client.create(kinds.CONFIG_MAP, body)
    async with asyncio.timeout(5), aclosing(client.follow(kinds.CONFIG_MAP, "new")) as seen:
        listed = await anext(seen)
        assert isinstance(listed, Listed)
        assert [item["metadata"]["name"] for item in listed.items] == ["one"]
        await client.delete(kinds.CONFIG_MAP, "new", "one")
        gone = await anext(seen)
        assert isinstance(gone, Gone)
        assert gone.object["metadata"]["name"] == "one"


async def test_a_server_that_goes_and_comes_back_is_lost_once_and_listed_again(
    api: Api, client: KubeClient
) -> None:
    async with asyncio.timeout(5), aclosing(client.follow(kinds.NAMESPACE)) as seen:
        assert isinstance(await anext(seen), Listed)
        await api.server.close()
        lost = await anext(seen)
        assert isinstance(lost, Lost)
        assert "cannot be reached" in lost.why
        api.objects.create(kinds.NAMESPACE, {"metadata": {"name": "meanwhile"}})
        await api.restart()
        listed = await anext(seen)
        assert isinstance(listed, Listed)
        assert "meanwhile" in [item["metadata"]["name"] for item in listed.items]


async def test_a_watch_from_a_forgotten_revision_is_expired(api: Api, client: KubeClient) -> None:
    api.objects.store.oldest_revision = api.objects.store.revision + 1
    events = client.watch(kinds.NAMESPACE, revision="1")
    async with aclosing(events):
        with pytest.raises(failures.Expired):
            await anext(events)


async def test_a_follower_whose_revision_expires_lists_again_without_an_alarm(api: Api, client: KubeClient) -> None:
    api.objects.create(kinds.NAMESPACE, {"metadata": {"name": "one"}})
    async with asyncio.timeout(5), aclosing(client.follow(kinds.NAMESPACE)) as seen:
        assert isinstance(await anext(seen), Listed)
        await api.server.close()
        # The server that comes back has forgotten what happened before.
        api.objects.store.oldest_revision = api.objects.store.revision + 1
        await api.restart()
        api.objects.create(kinds.NAMESPACE, {"metadata": {"name": "two"}})
        while isinstance(heard := await anext(seen), Lost):
            pass
        assert isinstance(heard, Listed)


def test_pauses_grow_up_to_a_limit_and_start_anew() -> None:
    backoff = Backoff(first_s=1, longest_s=4)
    pauses = [backoff.next_s() for _ in range(5)]
    assert all(
        low <= pause <= high for pause, low, high in zip(pauses, (0.5, 1, 2, 2, 2), (1, 2, 4, 4, 4), strict=True)
    )
    backoff.reset()
    assert backoff.next_s() <= 1
