"""One client's connection: heads come in, replies and streams go out, one after the other.

Owns framing, deadlines and backpressure; what is answered is the application's affair. Time is checked by `check`,
which the server calls for every connection a few times a second: a timer for each request would cost more than
most requests.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, cast

from coop_core.proxy import heads, incoming
from coop_core.proxy.answers import Refusal, Reply

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from coop_core.proxy.auditing import Exchange
    from coop_core.proxy.incoming import Headers, Incoming

log = logging.getLogger("coop.proxy")

HEADER_DEADLINE_S = 10.0
"""From the first byte of a request, or from the connection's beginning, to the end of its head and body."""
IDLE_LIMIT_S = 60.0
"""Between two requests."""
WRITE_LIMIT_S = 20.0
"""For a reader to take 192 KiB; a slower one is cut, and asks again."""
LINGER_S = 1.0
"""After a refusal the client may still be sending: closing at once would take the answer away from it."""
BUFFERED_BYTES = 256 * 1024
"""Written and not yet taken by the client, at most; a little more with the last piece."""


class Stream(Protocol):
    """An answer that goes on until one side ends it."""

    def resume(self) -> None:
        """The client can take more."""

    def check(self, now_s: float) -> None:
        """Called a few times a second."""

    def gone(self) -> None:
        """The connection is lost or has ended; called once."""


Answer = Reply | Stream | None


class Application(Protocol):
    """What the server does with requests."""

    def now_s(self) -> float: ...

    def epoch_s(self) -> float: ...

    def admits(self, connection: Connection) -> bool: ...

    def left(self, connection: Connection) -> None: ...

    def exchange(self) -> Exchange: ...

    def answer(
        self, asked: Incoming, exchange: Exchange, connection: Connection
    ) -> Answer | Coroutine[None, None, Answer]: ...


@dataclass(slots=True)
class _Body:
    length: int
    whole: asyncio.Future[bytes] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Connection(asyncio.Protocol):
    """`peer` is the client's address."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._transport: asyncio.Transport | None = None
        self._unread = b""
        self._seen: tuple[bytes, Headers] | None = None
        self._exchange: Exchange | None = None
        self._task: asyncio.Task[None] | None = None
        self._stream: Stream | None = None
        self._rest: Iterator[bytes] | None = None
        self._body: _Body | None = None
        self._status = 200
        self._keeps = True
        self._unread_length = 0
        self._is_mistrusted = False
        self._is_lingering = False
        self._waiting_since_s: float | None = application.now_s()
        self._idle_since_s = 0.0
        self._paused_since_s: float | None = None
        self.peer = ""
        self.sent_bytes = 0
        """Of the stream that is open."""

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=BUFFERED_BYTES)
        self.peer = str((transport.get_extra_info("peername") or ("-",))[0])
        if not self._application.admits(self):
            self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self._body is not None:
            self._body.whole.cancel()
        if self._task is not None:
            self._task.cancel()
        self._end_exchange(499)
        self._application.left(self)

    def eof_received(self) -> bool:
        return False

    def data_received(self, data: bytes) -> None:
        if self._is_lingering:
            return
        self._unread = self._unread + data if self._unread else data
        if self._body is not None:
            self._feed_body(self._body)
        elif self._exchange is None:
            self._go_on()
        elif len(self._unread) > heads.HEAD_LIMIT_BYTES:
            self.abort()

    def pause_writing(self) -> None:
        self._paused_since_s = self._application.now_s()

    def resume_writing(self) -> None:
        self._paused_since_s = None
        if self._stream is not None:
            self._stream.resume()
        elif self._rest is not None:
            self._pump(self._rest)
        elif self._exchange is None:
            self._go_on()

    # the server's side

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    @property
    def is_writable(self) -> bool:
        return self._paused_since_s is None and self.is_open

    def check(self, now_s: float) -> None:
        """Cuts the connection when the client takes too long over something."""
        if self._paused_since_s is not None and now_s - self._paused_since_s > WRITE_LIMIT_S:
            self.abort()
        elif self._is_lingering:
            if now_s - self._idle_since_s > LINGER_S:
                self.abort()
        elif self._waiting_since_s is not None:
            if now_s - self._waiting_since_s > HEADER_DEADLINE_S:
                self.abort()
        elif self._exchange is None and now_s - self._idle_since_s > IDLE_LIMIT_S:
            self.close()
        elif self._stream is not None:
            self._stream.check(now_s)

    def abort(self) -> None:
        """Breaks off, so that the client does not take what it has for all there is."""
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """When everything written is taken, or after a while."""
        if self._transport is not None:
            self._is_lingering = True
            self._idle_since_s = self._application.now_s()
            self._transport.close()

    async def body(self, length: int) -> bytes:
        """The body of the request that is being answered."""
        body = _Body(length)
        self._body = body
        self._waiting_since_s = self._application.now_s()
        self._feed_body(body)
        return await body.whole

    def begin_stream(self, content_type: str) -> None:
        """The head of an answer in chunks."""
        self.sent_bytes = 0
        head = Reply.head(200, content_type, keeps=self._keeps, at_s=self._application.epoch_s())
        self.write(b"%sTransfer-Encoding: chunked\r\n\r\n" % head)

    def write(self, data: bytes) -> None:
        """For streams: framed already."""
        if self._transport is not None:
            self.sent_bytes += len(data)
            self._transport.write(data)

    def end_stream(self) -> None:
        """In good order."""
        self.write(b"0\r\n\r\n")
        self._done(200)

    # requests, one after the other

    def _go_on(self) -> None:
        """With the next request, as far as it is there."""
        while self._unread and self._exchange is None and self.is_writable and not self._is_lingering:
            end = self._unread.find(heads.END)
            if end < 0 or end > heads.HEAD_LIMIT_BYTES:
                if heads.is_hopeless(self._unread):
                    self._exchange = self._application.exchange()
                    self._reply(Reply.refused(heads.bad("this is not the head of an HTTP/1.1 request")))
                elif self._waiting_since_s is None:
                    self._waiting_since_s = self._application.now_s()
                return
            head, self._unread = self._unread[:end], self._unread[end + len(heads.END) :]
            self._waiting_since_s = None
            self._begin(head)

    def _begin(self, head: bytes) -> None:
        exchange = self._exchange = self._application.exchange()
        try:
            asked = self._checked(head)
            self._keeps, self._unread_length = asked.headers.keeps, asked.headers.length
            exchange.method, exchange.path = asked.method, asked.path
            answer = self._application.answer(asked, exchange, self)
        except Refusal as refusal:
            self._reply(Reply.refused(refusal))
        except Exception:  # the server's own door: a bug in one request is that client's 500, and goes to the log
            self._fail()
        else:
            if asyncio.iscoroutine(answer):
                self._task = asyncio.get_running_loop().create_task(self._later(answer))
            else:
                self._take(answer)

    async def _later(self, answering: Coroutine[None, None, Answer]) -> None:
        try:
            answer = await answering
        except Refusal as refusal:
            answer = Reply.refused(refusal)
        except asyncio.CancelledError:
            raise
        except Exception:  # as above
            self._task = None
            self._fail()
            return
        self._task = None
        if self._transport is not None:
            self._take(answer)

    def _checked(self, head: bytes) -> Incoming:
        first, _, rest = head.partition(b"\r\n")
        line = heads.line(first)
        # A client's headers hardly ever change from one request to the next.
        if self._seen is None or self._seen[0] != rest:
            self._seen = (rest, incoming.check_headers(heads.headers(rest)))
        return incoming.check(line, self._seen[1])

    def _fail(self) -> None:
        log.exception("a request failed")
        self._reply(Reply.refused(Refusal(500, "the proxy failed; its log says why", closes=True)))

    def _take(self, answer: Answer) -> None:
        if isinstance(answer, Reply):
            self._reply(answer)
        elif answer is not None:
            self._stream = answer
            answer.resume()

    def _reply(self, reply: Reply) -> None:
        exchange = self._exchange
        if self._transport is None or exchange is None:
            return
        self._status = reply.status
        # A body that was not read would be taken for the next request.
        self._is_mistrusted = reply.closes or self._unread_length > 0
        self._keeps = self._keeps and not self._is_mistrusted
        if exchange.method == "HEAD":
            self._keeps = False
        start = reply.start(keeps=self._keeps, at_s=self._application.epoch_s())
        if exchange.method == "HEAD":
            self._transport.write(start)
        elif reply.rest is None:
            self._transport.write(start + reply.body)
        else:
            self._transport.write(start)
            self._rest = reply.rest
            self._pump(reply.rest)
            return
        self._done(reply.status)

    def _pump(self, rest: Iterator[bytes]) -> None:
        while self.is_writable and self._transport is not None:
            piece = next(rest, None)
            if piece is None:
                self._rest = None
                self._done(self._status)
                return
            self._transport.write(piece)

    def _done(self, status: int) -> None:
        """The exchange is over; on to the next one, or to the end."""
        self._end_exchange(status)
        self._body = None
        self._waiting_since_s = None
        self._idle_since_s = self._application.now_s()
        if not self._keeps:
            self._is_lingering = True
            if self._transport is not None and not self._is_mistrusted:
                self._transport.close()
        elif self._unread:
            # Not at once: `_go_on` may be what called, and a stream may end within the news of a change.
            asyncio.get_running_loop().call_soon(self._go_on)

    def _end_exchange(self, status: int) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.gone()
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.note(status)

    def _feed_body(self, body: _Body) -> None:
        if len(self._unread) >= body.length and not body.whole.done():
            self._body, self._waiting_since_s, self._unread_length = None, None, 0
            whole, self._unread = self._unread[: body.length], self._unread[body.length :]
            body.whole.set_result(whole)
