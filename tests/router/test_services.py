"""Services at a loopback port each: bytes both ways to one ready pod."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import aiohttp
import pytest

from coop_core.cluster import kinds, rollout
from tests.router.backends import Backends, free_port
from tests.runtime.running_kit import NAMESPACE, Bench, listening, web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from coop_core.cluster.kinds import Raw

Side = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Callers:
    """Clients of the Service `web`."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._writers: list[asyncio.StreamWriter] = []

    @property
    def port(self) -> int:
        service = self._bench.get(kinds.SERVICE, "web")
        assert service is not None
        return self._bench.router.services.ports(service)[80]

    async def connect(self) -> Side:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._writers.append(writer)
        return reader, writer

    async def ask(self, request: bytes = b"") -> bytes:
        """All that is answered to all that is asked."""
        reader, writer = await self.connect()
        writer.write(request)
        writer.write_eof()
        return await reader.read()

    async def listen(self) -> bytes:
        """All that is said to somebody who asks nothing."""
        reader, _ = await self.connect()
        return await reader.read()

    async def in_flight(self, pod: int, count: int) -> None:
        """Returns once so many connections count as traffic of a pod."""
        async with asyncio.timeout(10):
            while self._bench.router.traffic.in_flight(pod) != count:
                await asyncio.sleep(0.005)

    def close(self) -> None:
        for writer in self._writers:
            writer.transport.abort()


@pytest.fixture
async def callers(bench: Bench) -> AsyncIterator[Callers]:
    found = Callers(bench)
    yield found
    found.close()


async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers only when everything has come."""
    writer.write((await reader.read()).upper())
    writer.close()


async def answer_lines(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    async for line in reader:
        if line != b"silence\n":
            writer.write(line)
    writer.close()


async def test_a_client_that_has_said_all_still_hears_the_answer(callers: Callers, backends: Backends) -> None:
    backends.route(await backends.listen(shout))
    assert await callers.ask(b"hello") == b"HELLO"


async def test_a_pod_that_has_said_all_still_hears_the_client(callers: Callers, backends: Backends) -> None:
    heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"go on")
        writer.write_eof()
        heard.set_result(await reader.read())
        writer.close()

    backends.route(await backends.listen(talk))
    reader, writer = await callers.connect()
    assert await reader.read() == b"go on"
    writer.write(b"x" * 1_000_000)
    writer.write_eof()
    assert len(await heard) == 1_000_000


async def test_when_nothing_is_ready_a_connection_is_closed_at_once(callers: Callers, backends: Backends) -> None:
    backends.route()
    with pytest.raises(ConnectionResetError):
        await callers.listen()
    backends.route(free_port())
    with pytest.raises(ConnectionResetError):
        await callers.listen()


async def test_a_pod_that_breaks_off_is_no_clean_end(callers: Callers, backends: Backends) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.abort()

    backends.route(await backends.listen(talk))
    reader, writer = await callers.connect()
    writer.write(b"half of an an\n")
    with pytest.raises(ConnectionResetError):
        await reader.read()


async def test_many_connections_at_once_are_spread_over_all_that_are_ready(
    bench: Bench, callers: Callers, backends: Backends
) -> None:
    pods = [await backends.listen(_named(shout, name)) for name in (b"a", b"b")]
    backends.route(*pods, free_port())
    text = b"x" * 300_000
    answers = await asyncio.gather(*(callers.ask(text) for _ in range(100)))
    assert {answer[1:] for answer in answers} == {text.upper()}
    assert min(Counter(answer[:1] for answer in answers).values()) >= 30
    for pod in pods:
        await callers.in_flight(pod, 0)


async def test_a_connection_counts_while_an_answer_is_due_and_not_while_it_is_kept(
    bench: Bench, callers: Callers, backends: Backends
) -> None:
    pods = [await backends.listen(_named(answer_lines, name)) for name in (b"a", b"b")]
    backends.route(*pods)
    sides = {
        await reader.readexactly(1): (reader, writer) for reader, writer in [await callers.connect() for _ in pods]
    }
    sides[b"a"][1].write(b"silence\n")
    sides[b"b"][1].write(b"hello\n")
    assert await sides[b"b"][0].readline() == b"hello\n"
    assert [bench.router.traffic.in_flight(pod) for pod in pods] == [1, 1]
    await callers.in_flight(pods[1], 0)
    assert bench.router.traffic.in_flight(pods[0]) == 1, "it has waited for longer, and is owed an answer"
    sides[b"b"][1].write(b"silence\n")
    await callers.in_flight(pods[1], 1)
    for pod, (reader, writer) in zip(pods, (sides[b"a"], sides[b"b"]), strict=True):
        writer.write_eof()
        assert await reader.read() == b""
        await callers.in_flight(pod, 0)


async def test_a_slow_client_gets_all_though_both_have_said_all(callers: Callers, backends: Backends) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.write(b"x" * 2_000_000)
        writer.close()

    backends.route(await backends.listen(talk))
    loop = asyncio.get_running_loop()
    with socket.socket() as slow:
        slow.setblocking(False)
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await loop.sock_connect(slow, ("127.0.0.1", callers.port))
        slow.shutdown(socket.SHUT_WR)
        count = 0
        while piece := await loop.sock_recv(slow, 1024):
            count += len(piece)
            await asyncio.sleep(0)  # everybody else goes on in the meantime
    assert count == 2_000_000


async def test_a_draining_pod_keeps_its_connections_and_gets_no_new_one(
    bench: Bench, callers: Callers, backends: Backends
) -> None:
    pods = [await backends.listen(_named(answer_lines, name)) for name in (b"a", b"b")]
    backends.route(*pods)
    kept = [await callers.connect(), await callers.connect()]
    assert {await reader.readexactly(1) for reader, _ in kept} == {b"a", b"b"}
    bench.router.traffic.close(pods[0])
    assert {await callers.ask() for _ in range(4)} == {b"b"}
    for reader, writer in kept:
        writer.write(b"still there\n")
        assert await reader.readline() == b"still there\n"


async def test_there_are_no_more_connections_than_descriptors_allow(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (300, limits[1]))
    try:
        bench = Bench(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)  # clients and pods are in this process, too
    await bench.start()
    backends, callers = Backends(bench), Callers(bench)
    backends.route(await backends.listen(_named(answer_lines, b"a")))
    sides = [await callers.connect() for _ in range(100)]
    assert {await reader.readexactly(1) for reader, _ in sides} == {b"a"}
    with pytest.raises(ConnectionResetError):
        await callers.listen()
    sides[0][1].write(b"still there\n")
    assert await sides[0][0].readline() == b"still there\n"
    callers.close()
    await backends.close()
    await bench.close()


async def test_a_service_that_goes_is_no_longer_listened_for(
    bench: Bench, callers: Callers, backends: Backends
) -> None:
    backends.route(await backends.listen(answer_lines))
    reader, writer = await callers.connect()
    writer.write(b"hello\n")
    assert await reader.readline() == b"hello\n"
    port = callers.port
    bench.objects.delete(kinds.SERVICE, NAMESPACE, "web")
    async with asyncio.timeout(10):
        while await _is_listening(port):
            await asyncio.sleep(0.005)
    writer.write(b"still there\n")
    assert await reader.readline() == b"still there\n"


async def test_a_service_keeps_its_port_over_restarts_and_replacements(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    await bench.start()
    metadata = {"name": "web", "namespace": NAMESPACE}
    body = {"metadata": metadata, "spec": {"ports": [{"name": "http", "port": 80}, {"name": "more", "port": 81}]}}
    before = bench.router.services.ports(bench.apply(kinds.SERVICE, body))
    bench.apply(kinds.SERVICE, body)
    await bench.until(lambda: _noted(bench, 81) == str(before[81]))
    await bench.close()
    bench.open()
    await bench.start()
    assert bench.router.services.ports(bench.objects.get(kinds.SERVICE, NAMESPACE, "web")) == before
    assert len(set(before.values())) == 2
    now = bench.objects.get(kinds.SERVICE, NAMESPACE, "web")
    bench.apply(kinds.SERVICE, {**now, "spec": {**now["spec"], "ports": [{"name": "http", "port": 80}]}})
    await bench.until(lambda: _noted(bench, 81) is None)
    bench.apply(kinds.SERVICE, body)
    await bench.close()
    with socket.create_server(("127.0.0.1", before[80])):
        bench.open()
        await bench.start()
        after = bench.router.services.ports(bench.objects.get(kinds.SERVICE, NAMESPACE, "web"))
        await bench.close()
    assert after[80] != before[80]


@pytest.mark.parametrize("noted", ["80", "-1", "٣", "9" * 5000, "x"])
async def test_a_port_that_is_none_of_ours_is_not_taken(bench: Bench, noted: str) -> None:
    metadata = {"name": "web", "namespace": NAMESPACE, "annotations": {"coop.internal/local-port.80": noted}}
    service = bench.apply(kinds.SERVICE, {"metadata": metadata, "spec": {"ports": [{"port": 80}]}})
    assert bench.router.services.ports(service)[80] >= 20_000


async def test_rolling_updates_lose_no_request_between_services(bench: Bench) -> None:
    def version(answer: str) -> None:
        container = listening(bench.container(env=[{"name": "ANSWER", "value": answer}]))
        deployment, service, _ = web(container, replicas=2)
        bench.apply(kinds.SERVICE, service)
        bench.apply(kinds.DEPLOYMENT, deployment)

    def is_done() -> bool:
        found = bench.get(kinds.DEPLOYMENT, "web")
        return found is not None and rollout.status(found) == rollout.Done()

    version("v0")
    await bench.until(is_done)
    url = f"http://127.0.0.1:{Callers(bench).port}"
    answers: Counter[str] = Counter()
    stop = asyncio.Event()

    async def load(path: str) -> None:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
            while not stop.is_set():
                async with session.get(url + path) as answer:
                    assert answer.status == 200
                    answers[await answer.text()] += 1

    clients = [asyncio.create_task(load(path)) for path in ("/", "/", "/slow", "/slow")]
    for number in (1, 2, 3):
        version(f"v{number}")
        await bench.until(is_done)
        async with asyncio.timeout(10):
            while not answers[f"v{number}\n"]:
                await asyncio.sleep(0.005)
    stop.set()
    await asyncio.gather(*clients)
    assert set(answers) == {"v0\n", "v1\n", "v2\n", "v3\n"}


def _named(talk: Talk, name: bytes) -> Talk:
    async def named(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(name)
        await talk(reader, writer)

    return named


def _noted(bench: Bench, number: int) -> str | None:
    body: Raw = bench.get(kinds.SERVICE, "web") or {}
    return (body["metadata"].get("annotations") or {}).get(f"coop.internal/local-port.{number}")


async def _is_listening(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.transport.abort()
    return True
