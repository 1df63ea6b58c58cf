"""HTTP as a Kubernetes API speaks it: requests out, bytes, lines or JSON in, and every failure an `ApiError`.

Owns the connections, the identity's header and the limits. No token is ever part of an error.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import aiohttp
import msgspec
from yarl import URL

from coop_core.kube import failures
from coop_core.text import one_line

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from coop_core.kube.configuration import Access

ANSWER_LIMIT_BYTES = 256 * 1024 * 1024
EVENT_LIMIT_BYTES = 16 * 1024 * 1024
REFUSAL_LIMIT_BYTES = 64 * 1024
REQUEST_TIMEOUT_S = 30.0
CONNECT_TIMEOUT_S = 5.0

_VERBS = {"GET": "read", "POST": "create", "PUT": "update", "PATCH": "change", "DELETE": "delete"}


@dataclass(slots=True)
class Call:
    """One request as it goes out. `path` is quoted already."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    content_type: str = "application/json"
    accept: str = "application/json"

    @property
    def what(self) -> str:
        """The beginning of an error about this request."""
        return f"cannot {_VERBS[self.method]} {one_line(self.path, 120)}"


class Transport:
    """One pool of connections to one API server, under one identity."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def read_json(self, call: Call) -> dict[str, Any]:
        body = await self.read(call)
        try:
            decoded = msgspec.json.decode(body, type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise failures.Unavailable(call.what, "the server's answer is not JSON") from error
        return decoded

    async def read(self, call: Call) -> bytes:
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                async with Answer(await self.open(call), call) as answer:
                    return await answer.whole()
        except TimeoutError as error:
            raise failures.Unavailable(call.what, f"no answer within {REQUEST_TIMEOUT_S:.0f} s") from error

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncGenerator[Answer, None]:
        """An answer to read piece by piece; raises what it means unless it is 2xx."""
        async with Answer(await self.open(call), call) as answer:
            yield answer

    async def open(self, call: Call) -> aiohttp.ClientResponse:
        """Sends, once more with a fresh token after a 401, and raises what the answer means unless it is 2xx."""
        identity = self.access.identity
        answer = await self._try(call, await identity.authorization())
        if answer.status == 401 and await identity.renew():
            answer.close()
            answer = await self._try(call, await identity.authorization())
        if 200 <= answer.status < 300:
            return answer
        async with Answer(answer, call) as refused:
            raise failures.from_answer(call.what, answer.status, await refused.start())

    async def _try(self, call: Call, authorization: str | None) -> aiohttp.ClientResponse:
        # identity: a decompressor on untrusted answers is a bomb's best friend, and watches must not be batched.
        headers = {"Accept": call.accept, "Accept-Encoding": "identity"}
        if authorization:
            headers["Authorization"] = authorization
        if call.body is not None:
            headers["Content-Type"] = call.content_type
        try:
            return await self._opened().request(
                call.method,
                URL(self.access.server + call.path, encoded=True).with_query(call.query),
                data=call.body,
                headers=headers,
                allow_redirects=False,
                server_hostname=self.access.server_name,
                proxy=self.access.http_proxy,
            )
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise failures.Unavailable(call.what, _reason(error, self.access.server)) from error

    def _opened(self) -> aiohttp.ClientSession:
        # Opened at the first request: a session belongs to the loop that it is made in.
        if self._session is None or self._session.closed:
            connector = aiohttp.TCPConnector(ssl=self.access.tls or True, limit=0, socket_factory=_kept_alive)
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S),
            )
        return self._session


class Answer:
    """A response being read; always closed, and its transport errors translated."""

    def __init__(self, response: aiohttp.ClientResponse, call: Call) -> None:
        self._response = response
        self._call = call

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        # A stream that was left early cannot be reused; close drops its connection at once.
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        try:
            async for piece in self._response.content.iter_any():
                yield piece
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise failures.Unavailable(self._call.what, "the connection broke") from error

    async def lines(self) -> AsyncGenerator[bytes, None]:
        """Whole lines; an unfinished last one is dropped."""
        rest = b""
        async for piece in self.pieces():
            *complete, rest = (rest + piece).split(b"\n")
            if len(rest) > EVENT_LIMIT_BYTES:
                raise failures.Unavailable(self._call.what, "an event is larger than 16 MiB")
            for line in complete:
                if line:
                    yield line

    async def whole(self) -> bytes:
        pieces: list[bytes] = []
        size = 0
        async for piece in self.pieces():
            pieces.append(piece)
            size += len(piece)
            if size > ANSWER_LIMIT_BYTES:
                raise failures.Unavailable(self._call.what, "the answer is larger than 256 MiB")
        return b"".join(pieces)

    async def start(self) -> bytes:
        """As much as a refusal needs."""
        body = b""
        async for piece in self.pieces():
            body += piece
            if len(body) >= REFUSAL_LIMIT_BYTES:
                break
        return body


def _reason(error: BaseException, server: str) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"the certificate of {server} is not signed by the CA in the kubeconfig"
    if isinstance(error, TimeoutError):
        return f"{server} does not answer"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"{server} cannot be reached ({one_line(error.strerror or type(error.os_error).__name__, 80)})"
    return f"the connection to {server} broke"


def _kept_alive(address: aiohttp.AddrInfoType) -> socket.socket:
    """A socket that notices within half a minute that the other side is gone, e.g. after a laptop slept."""
    family, kind, protocol, _, _ = address
    opened = socket.socket(family, kind, protocol)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, option):
            opened.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    return opened
