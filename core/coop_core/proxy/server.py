"""The proxy's server: the way of a request from its checked head to its answer.

authenticate → decide → look up. Nothing of a request goes to the platform but what is built anew from parsed parts;
most requests go nowhere, and are answered at once.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING

from coop_core.cluster import requests
from coop_core.cluster.requests import BadPath
from coop_core.kube.client import KubeClient
from coop_core.proxy import discovery, lenses, listing, logs, queries, reviewing, streams
from coop_core.proxy.answers import Refusal, Reply
from coop_core.proxy.auditing import Exchange
from coop_core.proxy.connection import HEADER_DEADLINE_S, Connection
from coop_core.proxy.identity import Authenticator, TokenReviews
from coop_core.proxy.lenses import EVERYTHING, Lens, Selection
from coop_core.proxy.policy import Asked, Denied, Policy
from coop_core.proxy.streams import Limits, Pass, Streams
from coop_core.proxy.upstream import Upstream
from coop_core.proxy.watching import Wanted, Watch

if TYPE_CHECKING:
    import ssl
    from collections.abc import Coroutine

    from coop_core.clock import Clock
    from coop_core.cluster.kinds import Kind
    from coop_core.cluster.requests import Target, Verb
    from coop_core.kube.configuration import Access
    from coop_core.proxy.connection import Answer
    from coop_core.proxy.identity import User, Vouching
    from coop_core.proxy.incoming import Incoming
    from coop_core.proxy.keeping import Keeper

log = logging.getLogger("coop.proxy")

AUDIENCE = "coop-proxy"
TICK_S = 0.5
CLOSING_S = 1.0

_HEALTH = ("/healthz", "/readyz", "/livez")


_LookUp = Callable[["Keeper"], "Answer | Coroutine[None, None, Answer]"]


class ProxyServer:
    """Serves read-only views of the API that `access` reaches.

    policy: asked anew for each request, so that a changed policy counts at once. tls None: plain http, for a
    proxy behind another TLS end; kubectl sends no token over that. vouching None: the platform vouches for tokens
    meant for `audience`.
    """

    def __init__(
        self,
        access: Access,
        *,
        clock: Clock,
        policy: Callable[[], Policy] = Policy,
        tls: ssl.SSLContext | None = None,
        audience: str = AUDIENCE,
        vouching: Vouching | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._clock = clock
        self._policy = policy
        self._tls = tls
        self._limits = limits or Limits()
        self._upstream = Upstream(access, clock)
        self._authenticator = Authenticator(vouching or TokenReviews(KubeClient(access), audience), clock)
        self._streams = Streams(self._authenticator, policy, self._limits)
        self._pages = listing.Pages()
        self._connections: set[Connection] = set()
        self._of_peer: Counter[str] = Counter()
        self._listening: asyncio.Server | None = None
        self._ticking: asyncio.Task[None] | None = None
        self._rechecked_s = -math.inf
        self.port = 0
        """The port it listens on, once started."""

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listens; port 0 takes a free one. Raises OSError when the port is taken."""
        self._listening = await asyncio.get_running_loop().create_server(
            lambda: Connection(self),
            host,
            port,
            ssl=self._tls,
            ssl_handshake_timeout=HEADER_DEADLINE_S if self._tls else None,
        )
        self._ticking = asyncio.create_task(self._tick_on())
        self.port = int(self._listening.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Ends open streams in good order, then everything else."""
        if self._listening is not None:
            self._listening.close()
        if self._ticking is not None:
            self._ticking.cancel()
            await asyncio.wait([self._ticking])
        self._streams.end_all()
        for connection in tuple(self._connections):
            connection.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSING_S):
                while self._connections:
                    await asyncio.sleep(0.01)
        for connection in tuple(self._connections):
            connection.abort()
        await self._upstream.close()
        await self._authenticator.close()

    async def tick(self) -> None:
        """What time brings: deadlines, bookmarks, and a look at whether open streams still may be."""
        now_s = self._clock.monotonic_s()
        for connection in tuple(self._connections):
            connection.check(now_s)
        if now_s - self._rechecked_s >= streams.RECHECK_S:
            self._rechecked_s = now_s
            await self._streams.recheck()

    async def _tick_on(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            try:
                await self.tick()
            except Exception:  # a bug here must not switch off every deadline there is
                log.exception("a look at open connections failed")

    # what connections ask for

    def now_s(self) -> float:
        return self._clock.monotonic_s()

    def epoch_s(self) -> float:
        return self._clock.now_s()

    def exchange(self) -> Exchange:
        return Exchange(self._clock)

    def admits(self, connection: Connection) -> bool:
        if self._of_peer[connection.peer] >= self._limits.connections_per_peer:
            return False
        self._connections.add(connection)
        self._of_peer[connection.peer] += 1
        return True

    def left(self, connection: Connection) -> None:
        if connection in self._connections:
            self._connections.discard(connection)
            self._of_peer[connection.peer] -= 1
            if not self._of_peer[connection.peer]:
                del self._of_peer[connection.peer]

    def answer(
        self, asked: Incoming, exchange: Exchange, connection: Connection
    ) -> Answer | Coroutine[None, None, Answer]:
        """At once when nothing has to be waited for. Raises Refusal."""
        if asked.path in _HEALTH and asked.method == "GET":
            return Reply(body=b"ok", content_type="text/plain")
        user = self._authenticator.known(asked.headers.credential)
        if user is None:
            return self._answer_later(asked, exchange, connection)
        return self._answer_user(asked, user, exchange, connection)

    async def _answer_later(self, asked: Incoming, exchange: Exchange, connection: Connection) -> Answer:
        user = await self._authenticator.user(asked.headers.token)
        answer = self._answer_user(asked, user, exchange, connection)
        return await answer if asyncio.iscoroutine(answer) else answer

    def _answer_user(
        self, asked: Incoming, user: User, exchange: Exchange, connection: Connection
    ) -> Answer | Coroutine[None, None, Answer]:
        exchange.user = user.name
        if asked.method == "POST" and asked.path in reviewing.PATHS:
            exchange.asked = Asked("create", "", reviewing.PATHS[asked.path])
            return self._review(asked, user, connection)
        resource = _resource(asked.path)
        if resource is None:
            if asked.method == "GET":
                return self._describe(asked)
            raise Refusal(404, "the server could not find the requested resource")
        return self._read(asked, user, resource, exchange, connection)

    async def _review(self, asked: Incoming, user: User, connection: Connection) -> Reply:
        body = await connection.body(asked.headers.length)
        answer = reviewing.answer(asked.path, body, asked.headers.content_type, user, self._policy())
        return Reply.json(answer, 201)

    async def _describe(self, asked: Incoming) -> Reply:
        """Version and discovery."""
        path = asked.path.rstrip("/")
        if path == "/version":
            return Reply.json(await self._upstream.version())
        if discovery.wants_aggregated(asked.headers.accept) and (everything := discovery.aggregated(path)):
            return Reply.json(everything, content_type=discovery.AGGREGATED_TYPE)
        if plain := discovery.document(path):
            return Reply.json(plain)
        raise Refusal(404, "the server could not find the requested resource")

    def _read(
        self, asked: Incoming, user: User, target: Target, exchange: Exchange, connection: Connection
    ) -> Answer | Coroutine[None, None, Answer]:
        try:
            verb = requests.verb(asked.method, target, watch=bool(asked.query) and queries.is_watch(asked.query))
        except queries.BadQuery as error:
            raise Refusal(400, str(error)) from error
        exchange.asked = Asked.of(verb or asked.method.lower(), target)
        policy = self._policy()
        if asked.method != "GET":
            verdict = policy.decide(user.slug, Asked.of(_write_verb(verb), target))
            message = verdict.message if isinstance(verdict, Denied) else "only GET is allowed here"
            raise Refusal(403, message)
        decision = policy.decide(user.slug, exchange.asked)
        if isinstance(decision, Denied):
            raise Refusal(403, decision.message)
        if target.version != decision.kind.version:
            raise Refusal(404, "the server could not find the requested resource")
        request = _Request(
            asked, user, target, decision.kind, exchange.asked, policy.namespaces(user.slug), connection
        )
        if target.subresource == "log":
            return self._log(request)
        try:
            look_up = self._prepared(request, verb)
        except queries.BadQuery as error:
            raise Refusal(400, str(error)) from error
        keeper = self._upstream.keeper(decision.kind)
        return look_up(keeper) if keeper.is_current else self._look_up_later(look_up, keeper)

    async def _look_up_later(self, look_up: _LookUp, keeper: Keeper) -> Answer:
        await keeper.current()
        answer = look_up(keeper)
        return await answer if asyncio.iscoroutine(answer) else answer

    def _prepared(self, request: _Request, verb: Verb | None) -> _LookUp:
        """Everything about the question checked, before anybody is asked. Raises Refusal, BadQuery."""
        clock = self._clock
        if verb == "watch":
            query = queries.for_watch(request.asked.query, request.kind)
            lens, wanted = request.lens(query), Wanted.of(query)
            return lambda keeper: self._watch(request, keeper, lens, wanted)
        if verb == "list":
            query = queries.for_list(request.asked.query, request.kind)
            lens, page = request.lens(query), listing.Page.of(query, self._pages, request.binding(query))
            return lambda keeper: listing.many(keeper.cache, lens, page, clock.now_s())
        query = queries.for_get(request.asked.query) if request.asked.query else {}
        lens, page = request.lens(query), listing.Page.of(query, self._pages, "")
        return lambda keeper: listing.one(keeper.cache, lens, page, clock.now_s())

    def _watch(self, request: _Request, keeper: Keeper, lens: Lens, wanted: Wanted) -> Watch:
        one = request.stream_pass()
        self._streams.enter(one)
        watch = Watch(
            keeper, lens, wanted, request.connection, self._clock,
            limit_bytes=self._limits.bytes_per_stream, left=lambda: self._streams.leave(one),
        )  # fmt: skip
        one.end = watch.end
        return watch

    async def _log(self, request: _Request) -> logs.Log:
        try:
            query = queries.for_log(request.asked.query)
        except queries.BadQuery as error:
            raise Refusal(400, str(error)) from error
        one = request.stream_pass()
        self._streams.enter(one)
        log_ = logs.Log(
            request.connection,
            limit_bytes=self._limits.bytes_per_stream,
            left=lambda: self._streams.leave(one),
        )
        one.end = log_.end
        await log_.begin(self._upstream.transport, logs.call(request.target, query))
        request.connection.begin_stream("text/plain")
        return log_


class _Request:
    """One allowed read. namespaces: those that the user sees."""

    __slots__ = ("asked", "connection", "kind", "namespaces", "target", "user", "what")

    def __init__(
        self,
        asked: Incoming,
        user: User,
        target: Target,
        kind: Kind,
        what: Asked,
        namespaces: frozenset[str],
        connection: Connection,
    ) -> None:
        self.asked = asked
        self.user = user
        self.target = target
        self.kind = kind
        self.what = what
        self.namespaces = namespaces
        self.connection = connection

    def lens(self, query: queries.Query) -> Lens:
        has_selector = "labelSelector" in query or "fieldSelector" in query
        return Lens(
            self.kind,
            self.namespaces,
            self.target.namespace,
            self.target.name,
            lenses.form(self.asked.headers.accept),
            self.asked.query.get("includeObject") or "Metadata",
            Selection.of(query, self.kind) if has_selector else EVERYTHING,
        )

    def binding(self, query: queries.Query) -> str:
        """What a continue token is good for: this user, this collection, these selectors."""
        parts = (self.user.name, self.asked.path, query.get("labelSelector", ""), query.get("fieldSelector", ""))
        return "\0".join(parts)

    def stream_pass(self) -> Pass:
        return Pass(self.user, self.asked.headers.token, self.connection.peer, self.what, self.namespaces)


@lru_cache(1024)
def _resource(path: str) -> Target | None:
    """None for a path that names no resource."""
    try:
        return requests.parse(path)
    except BadPath:
        return None


def _write_verb(verb: str | None) -> str:
    """What a refused method would have done. HEAD, which reads, is not offered either."""
    return verb if verb and verb not in ("get", "list", "watch") else "do this to"
