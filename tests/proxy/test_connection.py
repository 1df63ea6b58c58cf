"""One connection at a time: order, turns, and what becomes of an answer that fails."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from coop_core.cluster import kinds
from coop_core.proxy import listing
from coop_core.proxy.admission import Listener
from coop_core.proxy.answers import Reply, framed
from coop_core.proxy.forms import Form
from coop_core.proxy.heads import HEAD_LIMIT_BYTES
from coop_core.proxy.lenses import Lens
from coop_core.proxy.pages import Page, Tokens
from coop_core.proxy.streams import Limits
from coop_core.proxy.turns import Turns
from tests.proxy.attempts.writing import get
from tests.proxy.serving import SetClock, exchange
from tests.proxy.test_cache import filled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from coop_core.proxy.answers import Answer
    from coop_core.proxy.auditing import Exchange
    from coop_core.proxy.connection import Connection
    from coop_core.proxy.entries import Entry
    from coop_core.proxy.incoming import Incoming

END = b"0\r\n\r\n"
MEGABYTE = b"x" * 1024 * 1024


class Chunks:
    """A stream of pieces, each sent when the client can take it."""

    content_type = "text/plain"

    def __init__(self, connection: Connection, pieces: Iterator[bytes]) -> None:
        self._connection = connection
        self._pieces = pieces

    def resume(self) -> None:
        while self._connection.is_writable:
            piece = next(self._pieces, None)
            if piece is None:
                self._connection.end_stream()
                return
            self._connection.write(framed(piece))

    def check(self, now_s: float) -> None:
        pass

    def gone(self) -> None:
        pass


class Waiting(Chunks):
    """One that has nothing to say at first."""

    is_new = True

    def resume(self) -> None:
        if not self.is_new:
            super().resume()
        self.is_new = False


def breaking() -> Iterator[bytes]:
    yield b"first"
    raise LookupError("a bug")


@dataclass
class Handler:
    """Answers with what the path says."""

    asked: list[str] = field(default_factory=list)

    def answer(self, asked: Incoming, exchange: Exchange, connection: Connection) -> Answer:
        self.asked.append(asked.path)
        if asked.path == "/breaks":
            return Chunks(connection, breaking())
        if asked.path == "/waits":
            return Waiting(connection, breaking())
        if asked.path == "/fails":
            raise LookupError("a bug")
        if asked.path == "/long":
            return Chunks(connection, iter([MEGABYTE] * 20))
        return Reply(body=asked.path.encode())


@dataclass
class Served:
    handler: Handler
    listener: Listener
    clock: SetClock
    port: int

    def pass_time(self, seconds: float) -> None:
        self.clock.move(seconds)
        for connection in self.listener.inside:
            connection.check(self.clock.monotonic_s())


@asynccontextmanager
async def served() -> AsyncIterator[Served]:
    handler, clock = Handler(), SetClock()
    listener = Listener(handler, clock, Limits(), None)
    port = await listener.start("127.0.0.1", 0)
    yield Served(handler, listener, clock, port)
    await listener.close()


async def test_the_last_answer_is_whole_however_slowly_it_is_read() -> None:
    async with served() as proxy, asyncio.timeout(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port, limit=1024)
        writer.write(get("/long", "Connection: close"))
        received = len(await reader.readuntil(b"\r\n\r\n"))
        while True:
            proxy.pass_time(1.5)
            piece = await reader.read(512 * 1024)
            if not piece:
                break
            received += len(piece)
        assert received > 20 * len(MEGABYTE)
        writer.close()


async def test_requests_that_come_together_are_answered_in_order_each_in_a_turn_of_its_own() -> None:
    async with served() as proxy, asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"".join(get(f"/{number}") for number in range(50)))
        seen = []
        while len(proxy.handler.asked) < 50:
            seen.append(len(proxy.handler.asked))
            await asyncio.sleep(0)
        assert max(after - before for before, after in pairwise(seen)) <= 1
        assert proxy.handler.asked == [f"/{number}" for number in range(50)]
        answers = b""
        while answers.count(b"HTTP/1.1 200 OK") < 50:
            answers += await reader.read(65536)
        writer.close()


@pytest.mark.parametrize("path", ["/breaks", "/fails"])
async def test_a_bug_in_one_answer_is_that_clients_affair(path: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "coop.proxy")
    async with served() as proxy:
        answer = await exchange(proxy.port, None, get(path))
        assert not answer.endswith(b"0\r\n\r\n")
        assert b"bug" not in answer
        assert (b"HTTP/1.1 500" in answer) is (path == "/fails")
        assert "LookupError: a bug" in caplog.text
        assert b"/well" in await exchange(proxy.port, None, get("/well"))


async def test_news_that_one_answer_cannot_bear_reach_the_others(caplog: pytest.LogCaptureFixture) -> None:
    async with served() as proxy, asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(get("/waits"))
        await reader.readuntil(b"\r\n\r\n")
        (connection,) = proxy.listener.inside
        connection.go_on()
        assert "LookupError: a bug" in caplog.text
        with suppress(ConnectionError):
            assert not (await reader.read()).endswith(END)
        connection.go_on()
        writer.close()


async def test_who_sends_on_and_on_while_an_answer_goes_on_is_cut_off() -> None:
    async with served() as proxy, asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(get("/waits"))
        await reader.readuntil(b"\r\n\r\n")
        writer.write(get("/x", "X-A: " + "a" * HEAD_LIMIT_BYTES))
        with suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()


async def test_a_client_that_goes_away_in_the_middle_leaves_nothing_behind() -> None:
    async with served() as proxy, asyncio.timeout(10):
        for sent in (get("/long"), get("/x")[:-2], b"", get("/long") + get("/x")):
            _, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            writer.write(sent)
            await writer.drain()
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()
        while len(proxy.listener.inside):
            await asyncio.sleep(0.01)


class CountingForm(Form):
    written = 0

    def element(self, entry: Entry, revision: int = 0) -> bytes:
        self.written += 1
        return super().element(entry, revision)


class Unread:
    """A connection whose client takes nothing."""

    is_writable = False

    def go_on(self) -> None: ...


async def test_a_long_list_is_made_only_as_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PIECE_BYTES", 5000)
    cache = filled(*(f"pod-{number:04}" for number in range(2000)))
    form, page = CountingForm(kinds.POD), Page.of({}, Tokens(), "")
    lens = Lens(kinds.POD, frozenset(["main"]), "main")
    answer = listing.many(cache, lens, form, page, connection=Unread(), turns=Turns())  # type: ignore[arg-type] # the part of one that it needs
    assert isinstance(answer, listing.Listing)
    answer.resume()
    assert form.written < 50


async def test_those_who_wait_for_a_turn_have_it_one_after_the_other_with_others_in_between() -> None:
    turns, done = Turns(), []

    def work(name: str, times: int) -> None:
        done.append(name)
        if times > 1:
            turns.wait(lambda: work(name, times - 1))

    turns.wait(lambda: work("a", 3))
    turns.wait(lambda: work("b", 2))
    asyncio.get_running_loop().call_soon(done.append, "somebody else")
    while len(done) < 6:
        await asyncio.sleep(0)
    assert done == ["a", "somebody else", "b", "a", "b", "a"]
    turns.wait(lambda: work("c", 1))
    await asyncio.sleep(0)
    assert done[-1] == "c"
