"""One client's connection: heads come in, replies and streams go out, one after the other.

Owns framing, order and backpressure; what is answered is the handler's affair. Time is checked by `check`, which
the server calls for every connection a few times a second: a timer for each request would cost more than most.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol, cast

from coop_core.proxy.answers import Refusal, Reply
from coop_core.proxy.auditing import Exchange
from coop_core.proxy.inbox import Inbox
from coop_core.proxy.patience import Patience, Verdict

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from coop_core.clock import Clock
    from coop_core.proxy.admission import Admission
    from coop_core.proxy.answers import Answer, Stream
    from coop_core.proxy.incoming import Incoming

log = logging.getLogger("coop.proxy")

BUFFERED_BYTES = 256 * 1024
"""Written and not yet taken by the client, at most; a little more with the last piece."""


class Handler(Protocol):
    """Who answers."""

    def answer(
        self, asked: Incoming, exchange: Exchange, connection: Connection
    ) -> Answer | Coroutine[None, None, Answer]: ...


class Connection(asyncio.Protocol):
    """peer: the client's address. arriving: what ends when the connection is made."""

    def __init__(self, handler: Handler, clock: Clock, peer: str, admission: Admission) -> None:
        self._handler = handler
        self._clock = clock
        self._admission = admission
        self._transport: asyncio.Transport | None = None
        self._inbox = Inbox()
        self._exchange: Exchange | None = None
        self._task: asyncio.Task[None] | None = None
        self._stream: Stream | None = None
        self._keeps = True
        self._is_mistrusted = False
        self._patience = Patience(clock.monotonic_s())
        self._is_vouched = False
        self.peer = peer
        self.arriving: asyncio.Task[None] | None = None
        self.sent_bytes = 0
        """Of the stream that is open."""

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=BUFFERED_BYTES)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self._task is not None:
            self._task.cancel()
        self._end_exchange(499)
        self._admission.leave(self)

    def data_received(self, data: bytes) -> None:
        if self._patience.is_over:
            return
        self._inbox.add(data)
        if self._exchange is None:
            self._next()
        elif self._inbox.is_too_full:
            self.abort()

    def pause_writing(self) -> None:
        self._patience.blocks(self._clock.monotonic_s())

    def resume_writing(self) -> None:
        self._patience.takes()
        if self._exchange is None:
            self._next()
        else:
            self.go_on()

    # the server's side

    def check(self, now_s: float) -> None:
        """Closes or cuts the connection when the client takes too long over something."""
        match self._patience.verdict(now_s):
            case Verdict.CUT:
                self.abort()
            case Verdict.CLOSE:
                self.close()
            case Verdict.WAIT if self._stream is not None:
                self._stream.check(now_s)

    def abort(self) -> None:
        """Breaks off, so that the client does not take what it has for all there is."""
        if self._transport is not None:
            self._transport.abort()
        elif self.arriving is not None:
            self.arriving.cancel()

    def close(self) -> None:
        """When everything written is taken."""
        self._patience.leaves(self._clock.monotonic_s(), lingers=False)
        if self._transport is not None:
            self._transport.close()

    # the answers' side

    def vouched(self) -> None:
        """The user of the request is known."""
        if not self._is_vouched:
            self._is_vouched = True
            self._admission.vouched(self)

    @property
    def is_writable(self) -> bool:
        return not self._patience.is_blocked and self._transport is not None and not self._transport.is_closing()

    async def body(self, length: int) -> bytes:
        """The body of the request that is being answered."""
        self._patience.sends(self._clock.monotonic_s())
        whole = await self._inbox.body(length)
        self._patience.has_sent()
        self._is_mistrusted = False
        return whole

    def go_on(self) -> None:
        """With the stream that is open, if there is one: it may have more to say."""
        if self._stream is not None:
            try:
                self._stream.resume()
            except Exception:  # a bug in one answer is that client's affair, and nobody's who is told the same news
                log.exception("an answer failed")
                self.abort()

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

    def _next(self) -> None:
        """Begins with the next request, if it is there."""
        if self._exchange is not None or not self.is_writable or self._patience.is_over:
            return
        try:
            asked = self._inbox.request()
        except Refusal as refusal:
            self._exchange, self._is_mistrusted = Exchange(self._clock, self.peer), True
            self._reply(Reply.refused(refusal))
            return
        if asked is not None:
            self._begin(asked)
        elif self._inbox:
            self._patience.sends(self._clock.monotonic_s())

    def _begin(self, asked: Incoming) -> None:
        self._patience.has_sent()
        exchange = self._exchange = Exchange(self._clock, self.peer)
        exchange.method, exchange.path = asked.method, asked.path
        # A body that is not read would be taken for the next request.
        self._keeps, self._is_mistrusted = asked.headers.keeps, asked.headers.length > 0
        try:
            answer = self._handler.answer(asked, exchange, self)
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
        except Exception:  # as above
            self._fail()
            return
        finally:
            self._task = None
        self._take(answer)

    def _fail(self) -> None:
        log.exception("a request failed")
        self._reply(Reply.refused(Refusal(500, "the proxy failed; its log says why", closes=True)))

    def _take(self, answer: Answer) -> None:
        if isinstance(answer, Reply):
            self._reply(answer)
            return
        self._stream = answer
        self.sent_bytes = 0
        head = Reply.head(200, answer.content_type, keeps=self._keeps, at_s=self._clock.now_s())
        self.write(b"%sTransfer-Encoding: chunked\r\n\r\n" % head)
        self.go_on()

    def _reply(self, reply: Reply) -> None:
        exchange = self._exchange
        if self._transport is None or exchange is None:
            return
        self._is_mistrusted = self._is_mistrusted or reply.closes
        is_head = exchange.method == "HEAD"
        self._keeps = self._keeps and not self._is_mistrusted and not is_head
        start = reply.start(keeps=self._keeps, at_s=self._clock.now_s())
        self._transport.write(start if is_head else start + reply.body)
        self._done(reply.status)

    def _done(self, status: int) -> None:
        """The exchange is over; on to the next one, or to the end."""
        self._end_exchange(status)
        now_s = self._clock.monotonic_s()
        if self._is_mistrusted:
            self._patience.leaves(now_s, lingers=True)
        elif not self._keeps:
            self.close()
        else:
            self._patience.rests(now_s)
            if self._inbox:
                # Not at once: others have their turn, and a stream may end within the news of a change.
                asyncio.get_running_loop().call_soon(self._next)

    def _end_exchange(self, status: int) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.gone()
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.note(status)
