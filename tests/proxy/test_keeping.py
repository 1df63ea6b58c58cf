"""The cache of a kind, kept through whatever the platform says."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from coop_core.cluster import kinds
from coop_core.kube.failures import Unavailable
from coop_core.proxy import keeping
from coop_core.proxy.answers import Refusal
from coop_core.proxy.cache import Revisions
from coop_core.proxy.keeping import Keeper
from tests.proxy.attempts.writing import get
from tests.proxy.scripted import PODS, Platform, deep, event, pod, pods, serving
from tests.proxy.serving import exchange, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from coop_core.proxy.server import ProxyServer


@pytest.fixture
def platform() -> Platform:
    well = Platform()
    well.opens_watches.set()
    return well


@pytest.fixture
async def proxy(platform: Platform) -> AsyncIterator[ProxyServer]:
    async with serving(platform) as server:
        yield server


async def ask(proxy: ProxyServer, path: str = PODS) -> tuple[int, Any]:
    """Status and decoded body."""
    answer = await exchange(proxy.port, None, get(path))
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


async def listed(proxy: ProxyServer) -> list[Any]:
    """The pods, once they can be had."""

    async def answers() -> bool:
        return (await ask(proxy))[0] == 200

    await until(answers)
    return list((await ask(proxy))[1]["items"])


def too_deep() -> bytes:
    return b'{"kind":"PodList","metadata":{"resourceVersion":"1"},"items":[%s]}' % deep()


def endless() -> bytes:
    return pods(then="more")


@pytest.mark.parametrize("page", [too_deep, endless, lambda: pods(revision=""), deep])
async def test_a_list_that_is_none_is_refused_at_once_and_read_again_when_it_is_one(
    page: Any, proxy: ProxyServer, platform: Platform
) -> None:
    platform.page = page
    async with asyncio.timeout(5):
        assert (await ask(proxy))[0] == 502
        assert platform.lists <= 2
        platform.page = lambda: pods(pod())
        assert len(await listed(proxy)) == 1


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b'{"type":"ADDED","object":%s}\n' % deep(), id="too deep"),
        pytest.param(b'{"type":"ADDED"}\n', id="no object"),
        pytest.param(b"no JSON\n", id="no JSON"),
        pytest.param(event("RENAMED", pod(revision="5")), id="unknown type"),
        pytest.param(event("ADDED", {**pod(revision="5"), "kind": "Secret"}), id="another kind"),
        pytest.param(event("ADDED", {"kind": "Pod", "metadata": {"name": "web"}}), id="no revision"),
        pytest.param(event("MODIFIED", pod(revision="9")), id="a revision of before"),
        pytest.param(event("BOOKMARK", pod(revision="9")), id="a bookmark of before"),
        pytest.param(event("ERROR", {"kind": "Status", "code": "all"}), id="an odd error"),
    ],
)
async def test_after_a_strange_event_everything_is_listed_again(
    line: bytes, proxy: ProxyServer, platform: Platform
) -> None:
    platform.page = lambda: pods(pod(revision="10", state="old"), revision="10")
    async with asyncio.timeout(10):
        (before,) = await listed(proxy)
        assert before["metadata"]["labels"] == {"state": "old"}
        platform.page = lambda: pods(pod(revision="11", state="new"), revision="11")
        platform.events.put_nowait(line)

        async def is_new() -> bool:
            return [one["metadata"]["labels"] for one in await listed(proxy)] == [{"state": "new"}]

        await until(is_new)
    assert platform.lists == 2


async def test_a_watch_that_the_platform_never_begins_is_given_up(
    proxy: ProxyServer, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "OPEN_LIMIT_S", 0.05)
    platform.opens_watches.clear()
    async with asyncio.timeout(10):
        assert (await ask(proxy))[0] == 503
        platform.opens_watches.set()
        await listed(proxy)


async def test_an_object_that_is_listed_twice_counts_once(proxy: ProxyServer, platform: Platform) -> None:
    platform.page = lambda: pods(pod(revision="1"), pod(revision="2", is_="newer"), revision="2")
    (one,) = await listed(proxy)
    assert one["metadata"]["labels"] == {"is_": "newer"}
    cache = proxy._upstream.keeper(kinds.POD).cache
    assert cache.size_bytes == sum(len(entry.tail) for entry in cache.entries())


async def test_a_long_list_is_asked_for_in_pages(proxy: ProxyServer, platform: Platform) -> None:
    pages = [pods(pod("a"), then="two"), pods(pod("b"), then="three"), pods(pod("c"))]
    platform.page = lambda: pages.pop(0)
    assert [one["metadata"]["name"] for one in await listed(proxy)] == ["a", "b", "c"]
    asked = [query for query in platform.asked if "watch" not in query]
    assert asked == ["limit=500", "limit=500&continue=two", "limit=500&continue=three"]


async def test_nobody_is_told_of_changes_once_they_have_left(proxy: ProxyServer, platform: Platform) -> None:
    viewers = proxy._upstream.keeper(kinds.POD).viewers
    for query in ("watch=1&timeoutSeconds=1", "watch=1"):
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(get(f"{PODS}?{query}"))
        async with asyncio.timeout(10):
            await reader.readuntil(b"\r\n\r\n")
            assert len(viewers) == 1
            if "timeout" in query:
                await reader.readuntil(b"0\r\n\r\n")
            else:
                writer.transport.abort()

            async def has_left() -> bool:
                return not viewers

            await until(has_left)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def test_of_the_platforms_version_the_known_fields_are_told_in_a_line_each(
    proxy: ProxyServer, platform: Platform
) -> None:
    platform.version = {"major": "1", "minor": "34\x1b[2J\nX", "gitVersion": ["v1"], "token": "hidden"}
    status, told = await ask(proxy, "/version")
    assert status == 200
    assert (told["major"], told["minor"]) == ("1", "34 X")
    assert isinstance(told["gitVersion"], str)
    assert "token" not in told


class Failing:
    """A transport with a bug in it, until it is mended."""

    def __init__(self) -> None:
        self.is_mended = False

    async def read(self, call: object) -> bytes:
        if not self.is_mended:
            raise LookupError("a bug")
        raise Unavailable("cannot read", "mended", code=504)


async def test_a_bug_does_not_end_what_keeps_a_cache(caplog: pytest.LogCaptureFixture) -> None:
    transport = Failing()
    keeper = Keeper(kinds.POD, transport, Revisions(1))  # type: ignore[arg-type] # the one method that it needs
    async with asyncio.timeout(5):
        with pytest.raises(Refusal) as refused:
            await keeper.current()
        assert refused.value.code == 502
        assert "keeping pods failed" in caplog.text
        transport.is_mended = True
        with pytest.raises(Refusal) as refused:
            await keeper.current()
        assert refused.value.code == 504
    await keeper.close()
