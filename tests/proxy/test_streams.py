"""Streams: how long they may go on, and how many there may be. Time is moved, not waited for."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

import pytest

from coop_core.cluster import kinds
from coop_core.proxy import patience, streams
from coop_core.proxy.server import TICK_S, ProxyServer
from coop_core.proxy.streams import Limits
from tests.proxy.serving import PROXY, SetClock, pass_time, pod, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from coop_core.cluster.kinds import Raw
    from tests.kube.serving import Api
    from tests.proxy.serving import Viewer

PODS = "/api/v1/namespaces/dev-ada/pods"


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


async def drain(events: AsyncIterator[Raw]) -> list[Raw]:
    return [event async for event in events]


def test_a_revocation_is_promised_to_be_seen_in_five_seconds() -> None:
    assert streams.RECHECK_S + streams.REVIEW_LIMIT_S + TICK_S <= 5


async def test_a_revoked_token_ends_its_open_watch_within_five_seconds(
    ada: Viewer, api: Api, proxy: ProxyServer, clock: SetClock
) -> None:
    async with asyncio.timeout(10), aclosing(ada.events(f"{PODS}?watch=true")) as events:
        await anext(events)
        await pass_time(proxy, clock, 20)
        api.objects.create(kinds.POD, pod("dev-ada", "still"))
        assert (await anext(events))["object"]["metadata"]["name"] == "still"
        api.tokens.revoke("ada")
        await pass_time(proxy, clock, 5)
        assert await drain(events) == []
    assert (await ada.ask(PODS))[0] == 401


async def test_a_revoked_token_is_refused_in_new_requests_after_ten_seconds_at_most(
    ada: Viewer, api: Api, proxy: ProxyServer, clock: SetClock
) -> None:
    assert (await ada.ask(PODS))[0] == 200
    api.tokens.revoke("ada")
    await pass_time(proxy, clock, 10)
    assert (await ada.ask(PODS))[0] == 401


async def test_a_stream_whose_token_cannot_be_checked_in_time_ends(
    ada: Viewer, proxy: ProxyServer, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "REVIEW_LIMIT_S", 0.0)
    async with asyncio.timeout(10), aclosing(ada.events(f"{PODS}?watch=true")) as events:
        await anext(events)
        await pass_time(proxy, clock, 5)
        assert await drain(events) == []


async def test_a_watch_ends_at_its_own_deadline_with_a_bookmark(
    ada: Viewer, proxy: ProxyServer, clock: SetClock
) -> None:
    path = f"{PODS}?watch=true&timeoutSeconds=90&allowWatchBookmarks=true"
    async with asyncio.timeout(10), aclosing(ada.events(path)) as events:
        await anext(events)
        await pass_time(proxy, clock, 91)
        rest = [event["type"] for event in await drain(events)]
        assert rest == ["BOOKMARK", "BOOKMARK"]


async def test_headers_that_never_end_are_cut_off_after_ten_seconds(
    ada: Viewer, proxy: ProxyServer, clock: SetClock
) -> None:
    reader, writer = await _ask_raw(proxy, ada, "GET /version HTTP/1.1\r\nX-A: ")
    for _ in range(9):
        writer.write(b"a")
        await writer.drain()
        await pass_time(proxy, clock, 1)
        assert not reader.at_eof()
    await _moving_time_until(proxy, clock, reader.at_eof)
    assert clock.monotonic_s() <= patience.HEADER_DEADLINE_S + 10
    assert await reader.read() == b""
    await _close(writer)


async def test_a_connection_that_says_nothing_is_cut_off(ada: Viewer, proxy: ProxyServer, clock: SetClock) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port, ssl=ada.tls)
    await _moving_time_until(proxy, clock, reader.at_eof)
    await _close(writer)


async def test_a_body_that_never_comes_is_not_waited_for(
    ada: Viewer, proxy: ProxyServer, clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "coop.proxy.audit")
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    reader, writer = await _ask_raw(proxy, ada, f"POST {path} HTTP/1.1\r\nContent-Length: 9\r\n\r\n{{")
    await _moving_time_until(proxy, clock, reader.at_eof)
    assert await reader.read() == b""
    await _close(writer)
    assert "resource=selfsubjectreviews namespace=- name=- decision=allowed status=499" in caplog.text


async def test_an_idle_connection_is_closed(ada: Viewer, proxy: ProxyServer, clock: SetClock) -> None:
    reader, writer = await _ask_raw(proxy, ada, "GET /healthz HTTP/1.1\r\n\r\n")
    assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200 OK")
    await _moving_time_until(proxy, clock, reader.at_eof)
    await _close(writer)


async def test_a_reader_that_does_not_read_is_cut_off(
    ada: Viewer, api: Api, proxy: ProxyServer, clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "coop.proxy.audit")
    for number in range(60):
        body = pod("dev-ada", f"big-{number}")
        body["metadata"]["annotations"] = {f"note-{part}": "x" * 60_000 for part in range(5)}
        api.objects.create(kinds.POD, body)
    assert (await ada.ask(PODS))[0] == 200
    for query, verb in (("?watch=1", "watch"), ("", "list")):
        _, writer = await _ask_raw(proxy, ada, f"GET {PODS}{query} HTTP/1.1\r\n\r\n")
        line = f"verb={verb} resource=pods namespace=dev-ada name=- decision=allowed status=499"
        await _moving_time_until(proxy, clock, lambda line=line: line in caplog.text)  # type: ignore[misc]
        await _close(writer)


async def test_streams_are_counted_per_user_per_address_and_in_bytes(
    api: Api, ada: Viewer, clock: SetClock
) -> None:
    path = f"{PODS}?watch=true"
    for limits, whose in (
        (Limits(streams_per_user=1), "user"),
        (Limits(streams_per_peer=1), "address"),
    ):
        server = await _started(api, clock, limits)
        ada.url = f"https://127.0.0.1:{server.port}"
        async with asyncio.timeout(10), aclosing(ada.events(path)) as events:
            await anext(events)
            status, body = await ada.ask(path)
            assert (status, body["reason"]) == (429, "TooManyRequests")
            assert f"for this {whose}" in body["message"]
        await server.close()
    server = await _started(api, clock, Limits(bytes_per_stream=1))
    ada.url = f"https://127.0.0.1:{server.port}"
    async with asyncio.timeout(10), aclosing(ada.events(path)) as events:
        assert [event["object"]["metadata"]["name"] for event in await drain(events)] == ["web"]
    await server.close()


async def _started(api: Api, clock: SetClock, limits: Limits) -> ProxyServer:
    server = ProxyServer(api.access(PROXY), clock=clock, tls=api.certificate.server_context(), limits=limits)
    await server.start()
    return server


async def _moving_time_until(proxy: ProxyServer, clock: SetClock, is_so: Callable[[], bool]) -> None:
    """At most a quarter of an hour of it."""

    async def check() -> bool:
        assert clock.monotonic_s() < 900
        await pass_time(proxy, clock, 1)
        return is_so()

    await until(check)


async def _ask_raw(proxy: ProxyServer, ada: Viewer, text: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection over which a request with Ada's token was begun."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port, ssl=ada.tls, limit=1000)
    first, _, rest = text.partition("\r\n")
    writer.write(f"{first}\r\nHost: x\r\nAuthorization: Bearer {ada.token}\r\n{rest}".encode())
    await writer.drain()
    return reader, writer


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
