"""The proxy's server: the way of a request from the socket to the platform and back.

check → authenticate → decide → build anew → filter. Every request leaves one line in the log `coop.proxy.audit`,
without its token, query or body.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from coop_core.cluster import requests
from coop_core.cluster.requests import BadPath
from coop_core.kube.client import KubeClient
from coop_core.proxy import discovery, incoming, queries, reviewing
from coop_core.proxy.answers import Refusal
from coop_core.proxy.identity import Authenticator, User
from coop_core.proxy.incoming import Incoming, RawRequest
from coop_core.proxy.policy import Asked, Denied, Policy
from coop_core.proxy.reading import Reader
from coop_core.proxy.upstream import Upstream

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from coop_core.clock import Clock
    from coop_core.cluster.kinds import Raw
    from coop_core.kube.configuration import Access

audit = logging.getLogger("coop.proxy.audit")
log = logging.getLogger("coop.proxy")

HEADER_DEADLINE_S = 10.0
"""For the headers of a request to be complete, and for an idle connection to be used again."""
BODY_DEADLINE_S = 10.0
AUDIENCE = "coop-proxy"

_HEALTH = ("/healthz", "/readyz", "/livez")
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class ProxyServer:
    """Serves read-only views of the API that `access` reaches.

    policy: asked anew for each request, so that a changed policy counts at once. tls None: plain http, for a
    proxy behind another TLS end; kubectl sends no token over that.
    """

    def __init__(
        self,
        access: Access,
        *,
        clock: Clock,
        policy: Callable[[], Policy] = Policy,
        tls: ssl.SSLContext | None = None,
        audience: str = AUDIENCE,
    ) -> None:
        self._client = KubeClient(access)
        self._upstream = Upstream(access)
        self._clock = clock
        self._policy = policy
        self._tls = tls
        self._authenticator = Authenticator(self._client, audience, clock)
        self._reader = Reader(self._upstream, self._authenticator, policy)
        self._http: web.Server | None = None
        self._listening: asyncio.Server | None = None
        self.port = 0
        """The port it listens on, once started."""

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listens; port 0 takes a free one. Raises OSError when the port is taken."""
        self._http = web.Server(
            self._serve,
            access_log=None,
            logger=log,
            handler_cancellation=True,
            auto_decompress=False,
            keepalive_timeout=HEADER_DEADLINE_S,
            max_headers=incoming.HEADERS_LIMIT,
            max_line_size=incoming.PATH_LIMIT + queries.QUERY_LIMIT,
        )
        self._listening = await asyncio.get_running_loop().create_server(
            self._http,
            host,
            port,
            ssl=self._tls,
            ssl_handshake_timeout=HEADER_DEADLINE_S if self._tls else None,
        )
        self.port = int(self._listening.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Ends open streams in good order, then everything else."""
        self._reader.end_streams()
        if self._listening is not None:
            self._listening.close()
        if self._http is not None:
            await self._http.shutdown(1.0)
        await self._upstream.close()
        await self._client.close()

    async def _serve(self, http: web.BaseRequest) -> web.StreamResponse:
        exchange = _Exchange(self._clock)
        try:
            response = await self._answer(http, exchange)
        except Refusal as refusal:
            response = _refused(refusal)
        except (ConnectionError, TimeoutError, asyncio.CancelledError):
            exchange.note(499)
            raise
        except Exception:  # the server's own door: a bug in one request is that client's 500, and goes to the log
            log.exception("a request failed")
            response = _refused(Refusal(500, "the proxy failed; its log says why", closes=True))
        exchange.note(response.status)
        return response

    async def _answer(self, http: web.BaseRequest, exchange: _Exchange) -> web.StreamResponse:
        if http.raw_path in _HEALTH and http.method == "GET":
            exchange.path = http.raw_path
            return web.Response(text="ok", headers=_HEADERS)
        checked = incoming.check(RawRequest(http.method, http.raw_path, http.raw_headers, http.version == (1, 1)))
        exchange.method, exchange.path = checked.method, checked.path
        user = await self._authenticator.user(checked.token)
        exchange.user = user.name
        if checked.path in reviewing.PATHS and checked.method == "POST":
            exchange.asked = Asked("create", "", reviewing.PATHS[checked.path])
            body = await _body(http, checked.length)
            return _json(reviewing.answer(checked.path, body, checked.content_type, user, self._policy()), 201)
        if checked.method == "GET" and (found := await self._described(checked)):
            return found
        return await self._resource(http, checked, user, exchange)

    async def _described(self, checked: Incoming) -> web.Response | None:
        """Version and discovery."""
        path = checked.path.rstrip("/")
        if path == "/version":
            return _json(await self._upstream.version())
        if discovery.wants_aggregated(checked.accept) and (everything := discovery.aggregated(path)):
            response = _json(everything)
            response.headers["Content-Type"] = discovery.AGGREGATED_TYPE
            return response
        if plain := discovery.document(path):
            return _json(plain)
        return None

    async def _resource(
        self, http: web.BaseRequest, checked: Incoming, user: User, exchange: _Exchange
    ) -> web.StreamResponse:
        try:
            target = requests.parse(checked.path)
            is_watch = queries.is_watch(checked.query)
            verb = requests.verb(checked.method, target, watch=is_watch)
        except BadPath:
            raise Refusal(404, "the server could not find the requested resource", closes=True) from None
        except queries.BadQuery as error:
            raise Refusal(400, str(error), closes=True) from error
        exchange.asked = Asked.of(verb or checked.method.lower(), target)
        if checked.method != "GET":
            verdict = self._policy().decide(user.slug, Asked.of(_write_verb(verb), target))
            message = verdict.message if isinstance(verdict, Denied) else "only GET is allowed here"
            # Closed: whatever body came with it is not worth reading.
            raise Refusal(403, message, closes=checked.length > 0)
        decision = self._policy().decide(user.slug, exchange.asked)
        if isinstance(decision, Denied):
            raise Refusal(403, decision.message)
        if target.version != decision.kind.version:
            raise Refusal(404, "the server could not find the requested resource")
        return await self._reader.answer(http, checked, user, target, verb)


class _Exchange:
    """One request's line in the audit log."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._started_s = clock.monotonic_s()
        self.user = "-"
        self.method = "-"
        self.path = "-"
        self.asked: Asked | None = None

    def note(self, status: int) -> None:
        asked = self.asked
        if asked is not None:
            resource = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
            what = (
                f"verb={asked.verb} resource={resource} namespace={asked.namespace or '-'} name={asked.name or '-'}"
            )
        else:
            what = f"method={self.method} path={self.path}"
        decision = "allowed" if status < 400 or status in (404, 410, 422, 499, 502, 503, 504) else "refused"
        duration_ms = (self._clock.monotonic_s() - self._started_s) * 1000
        audit.info("user=%s %s decision=%s status=%d ms=%.1f", self.user, what, decision, status, duration_ms)


async def _body(http: web.BaseRequest, length: int) -> bytes:
    """The body of a review, whose length was checked before."""
    body = b""
    with suppress(TimeoutError):
        async with asyncio.timeout(BODY_DEADLINE_S):
            async for piece in http.content.iter_any():
                body += piece
                if len(body) > incoming.BODY_LIMIT_BYTES:
                    break
    if len(body) != length:
        raise Refusal(400, "the body is not as long as it was said to be", closes=True)
    return body


def _write_verb(verb: str | None) -> str:
    """What a refused method would have done. HEAD, which reads, is not offered either."""
    return verb if verb and verb not in ("get", "list", "watch") else "do this to"


def _json(body: Raw, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(body), status=status, content_type="application/json", headers=_HEADERS
    )


def _refused(refusal: Refusal) -> web.Response:
    response = web.Response(
        body=refusal.body(),
        status=refusal.code,
        content_type="application/json",
        headers={**_HEADERS, **refusal.headers()},
    )
    if refusal.closes:
        response.force_close()
    return response
