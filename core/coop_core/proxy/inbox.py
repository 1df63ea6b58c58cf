"""What a client sent and nobody has looked at yet, and the requests that are found in it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from coop_core.proxy import heads, incoming

if TYPE_CHECKING:
    from coop_core.proxy.incoming import Headers, Incoming


class Inbox:
    """Of one connection."""

    __slots__ = ("_body", "_body_bytes", "_seen", "_unread")

    def __init__(self) -> None:
        self._unread = b""
        self._seen: tuple[bytes, Headers] | None = None
        self._body: asyncio.Future[bytes] | None = None
        self._body_bytes = 0

    def __len__(self) -> int:
        return len(self._unread)

    @property
    def is_too_full(self) -> bool:
        """Whether more came, while nobody looked, than anybody has to send ahead."""
        return self._body is None and len(self._unread) > heads.HEAD_LIMIT_BYTES

    def add(self, data: bytes) -> None:
        self._unread = self._unread + data if self._unread else data
        self._find_body()

    async def body(self, length: int) -> bytes:
        """What comes next, once there is so much of it."""
        body: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._body, self._body_bytes = body, length
        self._find_body()
        return await body

    def request(self) -> Incoming | None:
        """The next request, without its body; None while its head is not whole.

        Raises Refusal when it is none that can be answered; then nobody knows where the next one would begin.
        """
        end = self._unread.find(heads.END)
        if 0 <= end <= heads.HEAD_LIMIT_BYTES:
            return self._checked(self._take(end + len(heads.END))[:end])
        if end >= 0 or heads.is_hopeless(self._unread):
            raise heads.bad("this is not the head of an HTTP/1.1 request")
        return None

    def _checked(self, head: bytes) -> Incoming:
        first, _, rest = head.partition(b"\r\n")
        line = heads.line(first)
        # A client's headers hardly ever change from one request to the next.
        if self._seen is None or self._seen[0] != rest:
            self._seen = (rest, incoming.check_headers(heads.headers(rest)))
        return incoming.check(line, self._seen[1])

    def _find_body(self) -> None:
        body = self._body
        if body is not None and len(self._unread) >= self._body_bytes:
            self._body = None
            if not body.done():
                body.set_result(self._take(self._body_bytes))

    def _take(self, length: int) -> bytes:
        taken, self._unread = self._unread[:length], self._unread[length:]
        return taken
