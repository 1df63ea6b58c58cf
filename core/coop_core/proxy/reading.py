"""The reads that are allowed: one object, a list, a watch, a log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.proxy import forms, listing, logs, pages, queries
from coop_core.proxy.lenses import EVERYTHING, Lens, Selection
from coop_core.proxy.pages import Page
from coop_core.proxy.turns import Turns
from coop_core.proxy.watching import Wanted, Watch

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from coop_core.clock import Clock
    from coop_core.cluster.kinds import Kind
    from coop_core.cluster.requests import Target
    from coop_core.proxy.answers import Answer
    from coop_core.proxy.connection import Connection
    from coop_core.proxy.forms import Form
    from coop_core.proxy.identity import User
    from coop_core.proxy.incoming import Incoming
    from coop_core.proxy.keeping import Keeper
    from coop_core.proxy.policy import Asked
    from coop_core.proxy.queries import Query
    from coop_core.proxy.streams import Pass, Streams
    from coop_core.proxy.upstream import Upstream

_LookUp = Callable[["Keeper"], "Answer"]


@dataclass(slots=True, repr=False)
class Read:
    """One allowed read. namespaces: those that the user sees."""

    incoming: Incoming
    user: User
    target: Target
    kind: Kind
    asked: Asked
    namespaces: frozenset[str]
    connection: Connection


class Reader:
    """Checks everything about a question before anybody is asked, then answers it from a cache.

    Only logs are asked for anew.
    """

    def __init__(self, upstream: Upstream, streams: Streams, clock: Clock) -> None:
        self.upstream = upstream
        self._streams = streams
        self._clock = clock
        self._tokens = pages.Tokens()
        self._turns = Turns()

    def answer(self, read: Read) -> Answer | Coroutine[None, None, Answer]:
        """At once when nothing has to be waited for. Raises Refusal."""
        if read.target.subresource == "log":
            return self._log(read)
        look_up = self._looking(read)
        keeper = self.upstream.keeper(read.kind)
        return look_up(keeper) if keeper.is_current else self._answer_later(look_up, keeper)

    async def _answer_later(self, look_up: _LookUp, keeper: Keeper) -> Answer:
        await keeper.current()
        return look_up(keeper)

    def _looking(self, read: Read) -> _LookUp:
        """What to do once the cache is current."""
        match read.asked.verb:
            case "watch":
                query = queries.for_watch(read.incoming.query)
                lens, form, wanted = _lens(read, query), self._form(read, query), Wanted.of(query)
                return lambda keeper: Watch(
                    read.connection, keeper, self._clock, self._turns,
                    right=self._pass(read), lens=lens, form=form, wanted=wanted,
                )  # fmt: skip
            case "list":
                query = queries.for_list(read.incoming.query)
                lens, form = _lens(read, query), self._form(read, query)
                page = Page.of(query, self._tokens, _binding(read, query))
                return lambda keeper: listing.many(
                    keeper.cache, lens, form, page, connection=read.connection, turns=self._turns
                )
            case _:
                query = queries.for_get(read.incoming.query) if read.incoming.query else {}
                lens, form = _lens(read, query), self._form(read, query)
                not_before = int(query.get("resourceVersion", "0"))
                return lambda keeper: listing.one(keeper.cache, lens, form, not_before)

    async def _log(self, read: Read) -> Answer:
        query = queries.for_log(read.incoming.query)
        log = logs.Log(read.connection, self._pass(read))
        await log.begin(self.upstream.transport, logs.call(read.target, query))
        return log

    def _form(self, read: Read, query: Query) -> Form:
        include = query.get("includeObject", "Metadata")
        return forms.of(read.incoming.headers.accept, read.kind, include, self._clock.now_s)

    def _pass(self, read: Read) -> Pass:
        token, peer = read.incoming.headers.token, read.connection.peer
        return self._streams.enter(read.user, token, peer, read.asked, read.namespaces)


def _lens(read: Read, query: Query) -> Lens:
    has_selector = "labelSelector" in query or "fieldSelector" in query
    selection = Selection.of(query, read.kind) if has_selector else EVERYTHING
    return Lens(read.kind, read.namespaces, read.target.namespace, read.target.name, selection)


def _binding(read: Read, query: Query) -> str:
    """What a continue token is good for: this user, this collection, these selectors."""
    selectors = (query.get("labelSelector", ""), query.get("fieldSelector", ""))
    return "\0".join((read.user.name, read.incoming.path, *selectors))
