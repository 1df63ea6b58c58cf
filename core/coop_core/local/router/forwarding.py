"""One request to one ready pod, and its answer back; to another pod when the first cannot be reached.

Invariant: a request is repeated only when no pod can have acted upon it, or acting twice is the same as once.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web
from yarl import URL

from coop_core.local.router.headers import WEBSOCKET, forwarded, passed_on

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coop_core.local.router.traffic import Traffic

_REPLAYED = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
_NOT_INVENTED = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
_CONNECT_LIMIT_S = 5.0


class Unreachable(Exception):
    """No pod took the request; the text says what happened last."""


class Forwarder:
    """Owns the connections to pods. `close` ends them."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._turn = 0
        # A connection per request. A kept one may be closed by the pod just as a POST goes out on it, and nobody
        # could tell whether it was acted upon. On loopback a new one costs 0.1 ms; a kept one costs 40 ms with
        # programs that write head and body apart (Python's http.server): Nagle's algorithm and a delayed ACK.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, force_close=True),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_LIMIT_S),
        )

    async def close(self) -> None:
        await self._session.close()

    async def forward(self, request: web.BaseRequest, ports: Sequence[int]) -> web.StreamResponse:
        """Raises Unreachable when none of the ports answers."""
        left = self._in_turn(ports)
        is_replayable = request.method in _REPLAYED and not request.body_exists
        reason = "no pod is ready"
        for port in left:
            if not self._traffic.is_open(port):
                continue  # closed since
            self._traffic.begin(port)
            try:
                answer = await self._ask(request, port)
                return await _relay(request, answer)
            except aiohttp.ClientConnectorError as error:
                reason = f"cannot connect to the pod: {error.strerror or error}"
            except aiohttp.ClientError as error:
                reason = f"the pod closed the connection before it answered: {error}"
                if not is_replayable:
                    break
            finally:
                self._traffic.end(port)
        raise Unreachable(reason)

    async def websocket(self, request: web.BaseRequest, ports: Sequence[int]) -> web.StreamResponse:
        """Passes messages both ways until one side closes. Not counted as a request: it has no end of its own."""
        protocols = tuple(
            one.strip() for one in request.headers.get("Sec-WebSocket-Protocol", "").split(",") if one.strip()
        )
        headers = _headers(request, WEBSOCKET)
        reason = "no pod is ready"
        for port in self._in_turn(ports):
            try:
                behind = await self._session.ws_connect(
                    _url(request, port), headers=headers, protocols=protocols, autoping=False, max_msg_size=0
                )
            except aiohttp.WSServerHandshakeError as refused:
                return web.Response(
                    status=refused.status, text=f"the program refused the WebSocket: {refused.message}\n"
                )
            except aiohttp.ClientError as error:
                reason = str(error)
                continue
            async with behind:
                chosen = (behind.protocol,) if behind.protocol else ()
                before = web.WebSocketResponse(protocols=chosen, autoping=False, max_msg_size=0)
                await before.prepare(request)
                await _pass_messages(before, behind)
                return before
        raise Unreachable(reason)

    def _in_turn(self, ports: Sequence[int]) -> list[int]:
        """All ports, beginning with the one whose turn it is."""
        if not ports:
            return []
        self._turn += 1
        start = self._turn % len(ports)
        return [*ports[start:], *ports[:start]]

    async def _ask(self, request: web.BaseRequest, port: int) -> aiohttp.ClientResponse:
        return await self._session.request(
            request.method,
            _url(request, port),
            headers=_headers(request),
            data=request.content if request.body_exists else None,
            allow_redirects=False,
            skip_auto_headers=_NOT_INVENTED,
        )


def _url(request: web.BaseRequest, port: int) -> URL:
    target = request.raw_path if request.raw_path.startswith("/") else request.rel_url.raw_path_qs
    return URL(f"http://127.0.0.1:{port}{target}", encoded=True)


def _headers(request: web.BaseRequest, also_without: frozenset[str] = frozenset()) -> dict[str, str]:
    headers = passed_on(request.headers, also_without)
    name = request.transport.get_extra_info("sockname") if request.transport else None
    forwarded(
        headers,
        client=request.remote or "127.0.0.1",
        host=request.headers.get("Host", ""),
        port=name[1] if name else 0,
    )
    return headers  # type: ignore[return-value]  # a multidict, as aiohttp takes it: a header may come twice


async def _relay(request: web.BaseRequest, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    """Sends the answer on as it comes. What has begun cannot be taken back: a failure cuts the connection."""
    try:
        response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=passed_on(answer.headers))
        await response.prepare(request)
        try:
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
        except aiohttp.ClientError:
            # The client must see that the answer is incomplete, and a clean end would hide it.
            if request.transport is not None:
                request.transport.abort()
            return response
        await response.write_eof()
        return response
    finally:
        answer.release()


async def _pass_messages(before: web.WebSocketResponse, behind: aiohttp.ClientWebSocketResponse) -> None:
    ways = [asyncio.create_task(_copy(before, behind)), asyncio.create_task(_copy(behind, before))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        with contextlib.suppress(ConnectionError):
            await before.close()


async def _copy(
    source: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
    target: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
) -> None:
    async for message in source:
        if message.type is aiohttp.WSMsgType.TEXT:
            await target.send_str(message.data)
        elif message.type is aiohttp.WSMsgType.BINARY:
            await target.send_bytes(message.data)
        elif message.type is aiohttp.WSMsgType.PING:
            await target.ping(message.data)
        elif message.type is aiohttp.WSMsgType.PONG:
            await target.pong(message.data)
    await target.close(code=source.close_code or 1000)
