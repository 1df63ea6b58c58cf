"""Logs that are followed: whatever ends them, and who is told what."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from coop_core.proxy.connection import BUFFERED_BYTES
from coop_core.proxy.streams import Limits
from tests.proxy.attempts.writing import PODS, get
from tests.proxy.recorder import CANARY
from tests.proxy.scripted import Platform, serving
from tests.proxy.serving import SetClock, exchange, pass_time, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from coop_core.proxy.server import ProxyServer

FOLLOWED = f"{PODS}/web/log?follow=true"
END = b"0\r\n\r\n"


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@asynccontextmanager
async def followed(
    proxy: ProxyServer, platform: Platform
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A log of which one line came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port, limit=2048)
    platform.log.put_nowait(b"a line\n")
    writer.write(get(FOLLOWED))
    async with asyncio.timeout(20):
        assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
        await reader.readuntil(b"a line\n\r\n")
        yield reader, writer
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


async def is_over(platform: Platform) -> None:
    async def check() -> bool:
        return platform.streams == 0

    await until(check)


async def test_a_revoked_token_ends_its_open_log_within_five_seconds(platform: Platform, clock: SetClock) -> None:
    async with serving(platform, clock) as proxy, followed(proxy, platform) as (reader, _):
        await pass_time(proxy, clock, 20)
        platform.log.put_nowait(b"still\n")
        await reader.readuntil(b"still\n\r\n")
        platform.review_of_ada = {"authenticated": False}
        await pass_time(proxy, clock, 5)
        assert await reader.readuntil(END) == END
        await is_over(platform)


async def test_a_log_is_cut_off_when_nobody_reads_it(
    platform: Platform, clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "coop.proxy.audit")
    async with serving(platform, clock) as proxy, followed(proxy, platform):
        (connection,) = proxy._listener.inside
        for _ in range(64):
            platform.log.put_nowait(b"x" * 1024 * 1024)

        async def is_blocked() -> bool:
            return not connection.is_writable

        await until(is_blocked)
        for _ in range(20):
            await exchange(proxy.port, None, get("/healthz"))
        assert connection._transport is not None
        assert connection._transport.get_write_buffer_size() < 8 * BUFFERED_BYTES

        async def is_cut() -> bool:
            await pass_time(proxy, clock, 1)
            return "resource=pods/log namespace=dev-ada name=web decision=allowed status=499" in caplog.text

        await until(is_cut)
        await is_over(platform)
        assert clock.monotonic_s() < 900


async def test_a_log_ends_at_as_many_bytes_as_a_stream_may_have(platform: Platform) -> None:
    limits = Limits(bytes_per_stream=1000)
    async with serving(platform, limits=limits) as proxy, followed(proxy, platform) as (reader, _):
        platform.log.put_nowait(b"x" * 1000)
        assert (await reader.readuntil(END)).endswith(END)
        await is_over(platform)


async def test_logs_count_among_a_users_streams(platform: Platform) -> None:
    async with serving(platform, limits=Limits(streams_per_user=1)) as proxy, followed(proxy, platform):
        assert b"429 Too Many Requests" in await exchange(proxy.port, None, get(FOLLOWED))


async def test_a_client_that_leaves_ends_its_log_at_the_platform(platform: Platform) -> None:
    async with serving(platform, limits=Limits(streams_per_user=1)) as proxy:
        async with followed(proxy, platform) as (_, writer):
            writer.transport.abort()
            await is_over(platform)
        async with followed(proxy, platform):
            pass


async def test_a_log_that_breaks_off_is_not_taken_for_a_whole_one(platform: Platform) -> None:
    platform.breaks_off = True
    async with serving(platform) as proxy, followed(proxy, platform) as (reader, _):
        platform.log.put_nowait(None)
        with suppress(ConnectionError):
            assert not (await reader.read()).endswith(END)


async def test_a_log_that_ends_is_followed_by_the_next_answer(platform: Platform) -> None:
    async with serving(platform) as proxy, followed(proxy, platform) as (reader, writer):
        platform.log.put_nowait(None)
        await reader.readuntil(END)
        writer.write(get("/healthz"))
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("code", "message", "told", "hidden"),
    [
        (400, 'container "web" in pod "web" is waiting to start', "is waiting to start", ""),
        (404, 'pods "web" not found', "not found", ""),
        (400, f"cannot pull from https://bot:{CANARY}@registry", "cannot pull from https://", CANARY),
        (403, f"proxy may not: {CANARY}", "tell its operator", CANARY),
        (500, f"dial tcp 10.0.0.1: {CANARY}", "gave no usable answer", CANARY),
    ],
)
async def test_what_a_refused_log_is_told(
    code: int, message: str, told: str, hidden: str, platform: Platform
) -> None:
    platform.refusal = {"kind": "Status", "code": code, "message": message, "reason": "X"}
    async with serving(platform, limits=Limits(streams_per_user=1)) as proxy:
        for _ in range(2):
            answer = await exchange(proxy.port, None, get(FOLLOWED))
            body = json.loads(answer.partition(b"\r\n\r\n")[2])
            assert told in body["message"]
            assert not hidden or hidden not in body["message"]
