"""Whom the proxy believes, and how a crowd of made-up tokens is kept from those who are known."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from coop_core.proxy.answers import Refusal
from coop_core.proxy.identity import KEEP_S, KEPT, REVIEWS_AT_ONCE, Authenticator, Identified
from coop_core.proxy.policy import Policy
from tests.proxy.attempts.writing import get, request
from tests.proxy.scripted import PODS, REVIEW, Platform, event, pod, serving
from tests.proxy.serving import SetClock, exchange, pass_time, until

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw


class Vouching:
    """Vouches for Ada's token. Counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.good = {"adas"}

    async def identify(self, token: str) -> Identified | None:
        self.asked.append(token)
        return Identified("ada") if token in self.good else None

    async def close(self) -> None:
        pass


async def test_a_good_token_is_asked_about_once_in_ten_seconds_whatever_else_comes() -> None:
    clock, vouching = SetClock(), Vouching()
    authenticator = Authenticator(vouching, clock)
    assert (await authenticator.user("adas")).slug == "ada"
    for number in range(KEPT + 1):
        with pytest.raises(Refusal):
            await authenticator.user(f"made-up-{number}")
    clock.move(KEEP_S - 0.1)
    await authenticator.user("adas")
    assert vouching.asked.count("adas") == 1
    clock.move(0.1)
    await authenticator.user("adas")
    assert vouching.asked.count("adas") == 2
    assert KEEP_S <= 10


async def test_a_token_that_becomes_good_is_refused_for_a_moment_longer_at_most() -> None:
    clock, vouching = SetClock(), Vouching()
    authenticator = Authenticator(vouching, clock)
    for _ in range(3):
        with pytest.raises(Refusal):
            await authenticator.user("new")
    assert vouching.asked == ["new"]
    vouching.good.add("new")
    clock.move(1)
    assert (await authenticator.user("new")).slug == "ada"


async def test_made_up_tokens_wait_for_each_other_and_open_streams_for_none_of_them() -> None:
    platform, clock = Platform(), SetClock()
    platform.opens_watches.set()
    async with serving(platform, clock) as proxy, asyncio.timeout(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(get(f"{PODS}?watch=true"))
        await reader.readuntil(b"\r\n\r\n")
        crowd = [
            asyncio.create_task(exchange(proxy.port, None, request(auth=f"made-up-{number}")))
            for number in range(3 * REVIEWS_AT_ONCE)
        ]

        async def is_full() -> bool:
            return platform.strangers == REVIEWS_AT_ONCE

        await until(is_full)
        await pass_time(proxy, clock, 15)
        platform.events.put_nowait(event("ADDED", pod("later", "2")))
        assert b"later" in await reader.readuntil(b"}\n\r\n")
        assert platform.strangers == REVIEWS_AT_ONCE
        platform.knows_strangers.set()
        await asyncio.gather(*crowd)
        assert platform.strangers == 3 * REVIEWS_AT_ONCE
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def test_a_stream_ends_when_its_token_is_somebody_elses() -> None:
    platform, clock = Platform(), SetClock()
    platform.opens_watches.set()
    shared = Policy({"*": ("main",)})
    async with serving(platform, clock, policy=lambda: shared) as proxy, asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(get("/api/v1/namespaces/main/pods?watch=true"))
        await reader.readuntil(b"\r\n\r\n")
        await pass_time(proxy, clock, 5)
        platform.review_of_ada = {**REVIEW, "user": {"username": "bob"}}
        await pass_time(proxy, clock, 5)
        assert (await reader.readuntil(b"0\r\n\r\n")) == b"0\r\n\r\n"
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


@pytest.mark.parametrize(
    "review",
    [
        {},
        {**REVIEW, "authenticated": False},
        {**REVIEW, "authenticated": "true"},
        {**REVIEW, "authenticated": 1},
        {**REVIEW, "audiences": []},
        {**REVIEW, "audiences": ["https://kubernetes.default.svc"]},
        {**REVIEW, "audiences": "for coop-proxy alone"},
        {**REVIEW, "audiences": {"coop-proxy": True}},
        {**REVIEW, "audiences": None},
        {**REVIEW, "user": {}},
        {**REVIEW, "user": "ada"},
        {**REVIEW, "user": {"username": ["ada"]}},
        {"user": REVIEW["user"], "audiences": REVIEW["audiences"]},
        {"authenticated": True, "user": REVIEW["user"]},
    ],
)
async def test_a_review_that_does_not_say_everything_vouches_for_nobody(review: Raw) -> None:
    platform = Platform(review_of_ada=review)
    platform.opens_watches.set()
    async with serving(platform) as proxy:
        answer = await exchange(proxy.port, None, get(PODS))
        assert answer.split()[1] in (b"401", b"403"), answer
        assert platform.asked == []
