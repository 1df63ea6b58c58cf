"""From a checked request to its answer: authenticate → decide → look up.

Nothing of a request goes to the platform but what is built anew from parsed parts; most requests go nowhere, and
are answered at once.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import TYPE_CHECKING

from coop_core.cluster import requests
from coop_core.cluster.requests import BadPath
from coop_core.proxy import discovery, queries, reviewing
from coop_core.proxy.answers import Refusal, Reply
from coop_core.proxy.policy import Asked, Denied
from coop_core.proxy.reading import Read

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from coop_core.cluster.requests import Target
    from coop_core.proxy.answers import Answer
    from coop_core.proxy.auditing import Exchange
    from coop_core.proxy.connection import Connection
    from coop_core.proxy.identity import Authenticator, User
    from coop_core.proxy.incoming import Incoming
    from coop_core.proxy.policy import Policy
    from coop_core.proxy.reading import Reader

_HEALTH = ("/healthz", "/readyz", "/livez")


class RequestHandler:
    """policy: asked anew for each request, so that a changed one counts at once."""

    def __init__(self, authenticator: Authenticator, policy: Callable[[], Policy], reader: Reader) -> None:
        self._authenticator = authenticator
        self._policy = policy
        self._reader = reader

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
        connection.vouched()
        if asked.method == "POST" and asked.path in reviewing.PATHS:
            exchange.asked = Asked("create", "", reviewing.PATHS[asked.path])
            return self._review(asked, user, connection)
        target = _target(asked.path)
        if target is not None:
            return self._read(asked, user, target, exchange, connection)
        if asked.method == "GET":
            return self._describe(asked)
        raise _not_found()

    async def _review(self, asked: Incoming, user: User, connection: Connection) -> Reply:
        body = await connection.body(asked.headers.length)
        answer = reviewing.answer(asked.path, body, asked.headers.content_type, user, self._policy())
        return Reply.json(answer, 201)

    async def _describe(self, asked: Incoming) -> Reply:
        """Version and discovery."""
        path = asked.path.rstrip("/")
        if path == "/version":
            return Reply.json(await self._reader.upstream.version())
        if discovery.wants_aggregated(asked.headers.accept) and (everything := discovery.aggregated(path)):
            return Reply.json(everything, content_type=discovery.AGGREGATED_TYPE)
        if plain := discovery.document(path):
            return Reply.json(plain)
        raise _not_found()

    def _read(
        self, asked: Incoming, user: User, target: Target, exchange: Exchange, connection: Connection
    ) -> Answer | Coroutine[None, None, Answer]:
        verb = requests.verb(asked.method, target, watch=bool(asked.query) and queries.is_watch(asked.query))
        what = exchange.asked = Asked.of(verb or asked.method.lower(), target)
        policy = self._policy()
        if asked.method != "GET":
            raise Refusal(403, _why_not_written(policy, user, verb, target))
        decision = policy.decide(user.slug, what)
        if isinstance(decision, Denied):
            raise Refusal(403, decision.message)
        if target.version != decision.kind.version:
            raise _not_found()
        read = Read(asked, user, target, decision.kind, what, policy.namespaces(user.slug), connection)
        return self._reader.answer(read)


@lru_cache(1024)
def _target(path: str) -> Target | None:
    """None for a path that names no resource."""
    try:
        return requests.parse(path)
    except BadPath:
        return None


def _why_not_written(policy: Policy, user: User, verb: str | None, target: Target) -> str:
    # HEAD, which reads, is not offered either.
    would = verb if verb and verb not in ("get", "list", "watch") else "do this to"
    verdict = policy.decide(user.slug, Asked.of(would, target))
    return verdict.message if isinstance(verdict, Denied) else "only GET is allowed here"


def _not_found() -> Refusal:
    return Refusal(404, "the server could not find the requested resource")
