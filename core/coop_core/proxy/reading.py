"""Allowed reads: asked upstream, filtered, and sent on; whole answers at once, watches and logs as they come.

A stream ends when its user's token or policy no longer allows it, when its reader is too slow, and when the
server closes.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from coop_core.proxy import lenses, queries
from coop_core.proxy.answers import Refusal
from coop_core.proxy.lenses import Lens
from coop_core.proxy.policy import Allowed, Asked
from coop_core.proxy.upstream import Pages, Question, Upstream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.cluster.requests import Target, Verb
    from coop_core.kube.transport import Answer
    from coop_core.proxy.identity import Authenticator, User
    from coop_core.proxy.incoming import Incoming
    from coop_core.proxy.policy import Policy

STREAMS_PER_USER = 64
RECHECK_S = 5.0
WRITE_LIMIT_S = 20.0
"""For the reader to take what was written; a slower one is cut, and lists again."""

_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Reader:
    """Answers requests that the policy allows."""

    def __init__(self, upstream: Upstream, authenticator: Authenticator, policy: Callable[[], Policy]) -> None:
        self._upstream = upstream
        self._authenticator = authenticator
        self._policy = policy
        self._pages = Pages()
        self._streams: Counter[str] = Counter()
        self._closing = asyncio.Event()

    def end_streams(self) -> None:
        self._closing.set()

    async def answer(
        self, http: web.BaseRequest, checked: Incoming, user: User, target: Target, verb: Verb | None
    ) -> web.StreamResponse:
        try:
            asked = Asked.of(verb or "", target)
            decision = self._policy().decide(user.slug, asked)
            if not isinstance(decision, Allowed):
                raise Refusal(403, decision.message)
            namespaces = self._policy().namespaces(user.slug)
            request = _Request(http, checked, user, asked, decision.kind, namespaces)
            if target.subresource == "log":
                return await self._log(request)
            if verb == "watch":
                return await self._watch(request)
            return await self._whole(request)
        except queries.BadQuery as error:
            raise Refusal(400, str(error)) from error

    async def _whole(self, request: _Request) -> web.StreamResponse:
        lens = self._lens(request)
        asked, kind, path = request.asked, request.kind, request.checked.path
        if asked.name:
            query = queries.for_get(request.checked.query)
        else:
            query = queries.for_list(request.checked.query, kind)
        if "continue" in query:
            query["continue"] = self._pages.open(query["continue"], request.user.name, path)
        query = _with_rows(query, lens)
        try:
            document = lens.answer(
                await self._upstream.read(Question(kind, asked.namespace, asked.name, "", query, lens.accept))
            )
        except Refusal as refusal:
            # What is not there and what is hidden must read the same.
            raise (lens.not_found() if refusal.code == 404 and asked.name and lens.filters else refusal) from None
        metadata = document.get("metadata") or {}
        if not asked.name and metadata.get("continue"):
            metadata["continue"] = self._pages.seal(metadata["continue"], request.user.name, path)
        return web.Response(body=msgspec.json.encode(document), content_type="application/json", headers=_HEADERS)

    async def _watch(self, request: _Request) -> web.StreamResponse:
        lens = self._lens(request)
        query = _with_rows(queries.for_watch(request.checked.query, request.kind), lens)
        if request.asked.name:
            terms = [query.get("fieldSelector", ""), f"metadata.name={request.asked.name}"]
            query["fieldSelector"] = ",".join(term for term in terms if term)
        question = Question(request.kind, request.asked.namespace, "", "", query, lens.accept)
        return await self._stream(request, question, lambda answer: _events(answer, lens), "application/json")

    async def _log(self, request: _Request) -> web.StreamResponse:
        query = queries.for_log(request.checked.query)
        question = Question(request.kind, request.asked.namespace, request.asked.name, "log", query)
        return await self._stream(request, question, lambda answer: answer.pieces(), "text/plain")

    def _lens(self, request: _Request) -> Lens:
        return Lens(
            request.kind,
            request.namespaces,
            request.asked.namespace,
            lenses.form(request.checked.accept),
            rows_with_objects=request.checked.query.get("includeObject") != "None",
            name=request.asked.name,
        )

    async def _stream(
        self,
        request: _Request,
        question: Question,
        read: Callable[[Answer], AsyncIterator[bytes]],
        content_type: str,
    ) -> web.StreamResponse:
        async with self._slot(request.user), self._upstream.stream(question) as answer:
            response = web.StreamResponse(headers={**_HEADERS, "Content-Type": content_type})
            response.enable_chunked_encoding()
            await response.prepare(request.http)
            pumping = asyncio.create_task(_pump(read(answer), response))
            watching = asyncio.create_task(self._until_ended(request))
            try:
                await asyncio.wait((pumping, watching), return_when=asyncio.FIRST_COMPLETED)
                if pumping.done():
                    _abort_unless_whole(pumping, request.http)
            finally:
                for task in (pumping, watching):
                    task.cancel()
                await asyncio.gather(pumping, watching, return_exceptions=True)
        if request.http.transport is not None:
            async with asyncio.timeout(WRITE_LIMIT_S):
                await response.write_eof()
        return response

    async def _until_ended(self, request: _Request) -> None:
        """Returns when the stream must end: the token or the policy no longer allows it, or the server closes."""
        while not self._closing.is_set():
            try:
                async with asyncio.timeout(RECHECK_S):
                    await self._closing.wait()
            except TimeoutError:
                try:
                    user = await self._authenticator.user(request.checked.token, max_age_s=RECHECK_S)
                except Refusal:
                    return
                policy = self._policy()
                sees_less = not policy.namespaces(user.slug) >= request.namespaces
                if not isinstance(policy.decide(user.slug, request.asked), Allowed) or sees_less:
                    return

    @asynccontextmanager
    async def _slot(self, user: User) -> AsyncGenerator[None, None]:
        if self._streams[user.name] >= STREAMS_PER_USER:
            raise Refusal(429, f"{STREAMS_PER_USER} streams are open for this user; close some", retry_after_s=5)
        self._streams[user.name] += 1
        try:
            yield
        finally:
            self._streams[user.name] -= 1
            if not self._streams[user.name]:
                del self._streams[user.name]


@dataclass(frozen=True, slots=True)
class _Request:
    """One allowed request. namespaces: those that the user sees."""

    http: web.BaseRequest
    checked: Incoming
    user: User
    asked: Asked
    kind: Kind
    namespaces: frozenset[str]


async def _events(answer: Answer, lens: Lens) -> AsyncGenerator[bytes, None]:
    """A watch's lines, each event judged by itself."""
    async for line in answer.lines():
        try:
            event = msgspec.json.decode(line, type=dict[str, object])
        except msgspec.DecodeError:
            raise Refusal(502, "the platform's API sent something that is not JSON") from None
        shown: Raw | None = lens.event(event)
        if shown is not None:
            yield msgspec.json.encode(shown) + b"\n"


async def _pump(pieces: AsyncIterator[bytes], response: web.StreamResponse) -> None:
    async for piece in pieces:
        async with asyncio.timeout(WRITE_LIMIT_S):
            await response.write(piece)


def _abort_unless_whole(pumping: asyncio.Task[None], http: web.BaseRequest) -> None:
    """After a failure the reader must not take what it has for all there is: the connection breaks off."""
    if pumping.exception() is not None and http.transport is not None:
        http.transport.abort()


def _with_rows(query: queries.Query, lens: Lens) -> queries.Query:
    """What a Table's rows carry is our choice, never the client's."""
    query.pop("includeObject", None)
    return {**query, "includeObject": lens.include} if lens.form == "table" else query
