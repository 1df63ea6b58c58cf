"""Who is let in when many come, and what each of them may cost."""

from __future__ import annotations

import asyncio
import gc
import resource
import socket
import weakref
from asyncio import sslproto
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from coop_core.kube.configuration import Access
from coop_core.kube.identities import FixedToken
from coop_core.proxy import admission
from coop_core.proxy.patience import HEADER_DEADLINE_S
from coop_core.proxy.server import ProxyServer
from coop_core.proxy.streams import Limits
from tests.proxy.attempts.writing import PODS, get
from tests.proxy.recorder import OWN
from tests.proxy.scripted import Platform, serving
from tests.proxy.serving import PROXY, SetClock, exchange, furnish, until

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

    from coop_core.proxy.connection import Connection
    from tests.kube.serving import Api

LIMIT = 3
STATUS = "HTTP/1.1 200 OK\r\n"


@asynccontextmanager
async def connected(
    server: ProxyServer, tls: ssl.SSLContext | None = None, source: str = "127.0.0.1"
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=tls, local_addr=(source, 0))
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def inside(server: ProxyServer) -> list[Connection]:
    return list(server._listener.inside)


async def are_inside(server: ProxyServer, count: int) -> None:
    async def are() -> bool:
        return len(inside(server)) == count

    await until(are)


@pytest.fixture
def platform() -> Platform:
    well = Platform()
    well.opens_watches.set()
    return well


@pytest.mark.parametrize(
    "limits",
    [Limits(connections_per_peer=LIMIT), Limits(connections=LIMIT)],
    ids=["of one address", "in all"],
)
async def test_when_it_is_full_the_stranger_of_longest_standing_makes_room(
    limits: Limits, platform: Platform
) -> None:
    async with serving(platform, limits=limits) as server, asyncio.timeout(10), AsyncExitStack() as stack:
        known, to_known = await stack.enter_async_context(connected(server))
        to_known.write(get(f"{PODS}?watch=true"))
        await known.readuntil(b"\r\n\r\n")
        first, _ = await stack.enter_async_context(connected(server))
        await are_inside(server, 2)
        second, to_second = await stack.enter_async_context(connected(server))
        await are_inside(server, LIMIT)
        third, to_third = await stack.enter_async_context(connected(server))
        with suppress(ConnectionError):
            assert await first.read() == b""
        for reader, writer in ((second, to_second), (third, to_third)):
            writer.write(get(f"{PODS}/nothing"))
            assert b"404 Not Found" in await reader.readuntil(b"\r\n\r\n")
        assert len(inside(server)) == LIMIT
        with suppress(ConnectionError):
            fourth, _ = await stack.enter_async_context(connected(server))
            assert await fourth.read() == b""
        assert len(inside(server)) == LIMIT
        assert not known.at_eof()


async def test_strangers_are_fewer_than_all(platform: Platform) -> None:
    async with (
        serving(platform, limits=Limits(strangers=1)) as server,
        asyncio.timeout(10),
        AsyncExitStack() as stack,
    ):
        for number in range(3):
            known, to_known = await stack.enter_async_context(connected(server))
            to_known.write(get(f"{PODS}/nothing"))
            await known.readuntil(b"\r\n\r\n")
            assert len(inside(server)) == number + 1
        first, _ = await stack.enter_async_context(connected(server))
        await are_inside(server, 4)
        second, to_second = await stack.enter_async_context(connected(server))
        with suppress(ConnectionError):
            assert await first.read() == b""
        to_second.write(get("/healthz"))
        assert (await second.readline()).decode() == STATUS
        assert len(inside(server)) == 4


async def test_an_address_that_is_full_takes_no_room_from_others(platform: Platform) -> None:
    limits = Limits(connections_per_peer=1, connections=2)
    async with serving(platform, limits=limits) as server, asyncio.timeout(10), AsyncExitStack() as stack:
        other, to_other = await stack.enter_async_context(connected(server, source="127.0.0.2"))
        await are_inside(server, 1)
        for _ in range(3):
            await stack.enter_async_context(connected(server))
        await are_inside(server, 2)
        to_other.write(get("/healthz"))
        assert (await other.readline()).decode() == STATUS


async def test_connections_count_before_they_have_said_anything(api: Api) -> None:
    limits = Limits(connections_per_peer=LIMIT)
    furnish(api)
    tls = api.certificate.server_context()
    server = ProxyServer(api.access(PROXY), clock=SetClock(), tls=tls, limits=limits)
    await server.start()
    async with asyncio.timeout(10), AsyncExitStack() as stack:
        silent = [(await stack.enter_async_context(connected(server)))[0] for _ in range(LIMIT)]
        await are_inside(server, LIMIT)
        late, to_late = await stack.enter_async_context(connected(server, api.certificate.client_context()))
        to_late.write(get("/healthz"))
        assert (await late.readline()).decode() == STATUS
        with suppress(ConnectionError):
            assert await silent[0].read() == b""
        assert len(inside(server)) == LIMIT
        await server.close()
        assert inside(server) == []


async def test_a_stranger_who_had_to_leave_leaves_no_memory_behind(api: Api) -> None:
    tls = api.certificate.server_context()
    server = ProxyServer(api.access(PROXY), clock=SetClock(), tls=tls, limits=Limits(strangers=1))
    await server.start()
    gc.disable()
    try:
        async with asyncio.timeout(10), AsyncExitStack() as stack:
            await stack.enter_async_context(connected(server))
            await are_inside(server, 1)
            left = weakref.ref(inside(server)[0])
            await stack.enter_async_context(connected(server))

            async def is_freed() -> bool:
                return left() is None

            await until(is_freed)
    finally:
        gc.enable()
    await server.close()


async def test_tls_that_does_not_get_on_is_given_up(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    assert HEADER_DEADLINE_S <= 10
    monkeypatch.setattr(admission, "HEADER_DEADLINE_S", 0.05)
    server = ProxyServer(api.access(PROXY), clock=SetClock(), tls=api.certificate.server_context())
    await server.start()
    async with asyncio.timeout(10), connected(server) as (silent, _), connected(server) as (plain, to_plain):
        to_plain.write(get("/healthz"))
        for reader in (silent, plain):
            with suppress(ConnectionError):
                await reader.read()
        await are_inside(server, 0)
    await server.close()


async def test_a_connection_costs_little_memory_and_no_answer_waits_for_another(api: Api) -> None:
    server = ProxyServer(api.access(PROXY), clock=SetClock(), tls=api.certificate.server_context())
    await server.start()
    async with connected(server, api.certificate.client_context()) as (reader, writer):
        writer.write(get("/healthz"))
        await reader.readline()
        (connection,) = inside(server)
        assert connection._transport is not None
        made = connection._transport.get_extra_info("socket")
        assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sslproto.SSLProtocol.max_size <= 32 * 1024
    await server.close()


async def test_a_port_that_is_taken_is_told_and_nothing_stays_open(platform: Platform) -> None:
    async with serving(platform) as first:
        second = ProxyServer(Access(f"http://127.0.0.1:{platform.port}", FixedToken(OWN)), clock=SetClock())
        with pytest.raises(OSError, match="in use"):
            await second.start(port=first.port)
        await second.start()
        assert (await exchange(second.port, None, get("/healthz"))).startswith(STATUS.encode())
        await second.close()


async def test_descriptors_are_kept_for_reaching_the_platform(
    monkeypatch: pytest.MonkeyPatch, platform: Platform
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (4, 4))
    async with serving(platform) as server, asyncio.timeout(10), AsyncExitStack() as stack:
        readers = [(await stack.enter_async_context(connected(server)))[0] for _ in range(4)]
        with suppress(ConnectionError):
            assert await readers[0].read() == b""
        await are_inside(server, 3)
