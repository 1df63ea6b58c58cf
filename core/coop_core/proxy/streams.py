"""Streams that are open: how many, whose, and whether they still may be.

Each is looked at every few seconds. One whose token or policy does not allow it any more is ended, also when the
platform does not say in time whether the token is good.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.proxy.answers import Refusal
from coop_core.proxy.policy import Allowed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from coop_core.proxy.identity import Authenticator, User
    from coop_core.proxy.policy import Asked, Policy

RECHECK_S = 3.0
REVIEW_LIMIT_S = 1.0
"""Together, and with the server's tick: within 5 s of a revocation."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What clients may take of the proxy. Behind an ingress all of them are one peer."""

    streams_per_user: int = 64
    streams_per_peer: int = 1024
    connections: int = 16_384
    connections_per_peer: int = 2048
    strangers: int = 4096
    """Connections without a good token so far; each costs up to 80 KiB."""
    bytes_per_stream: int = 1024 * 1024 * 1024


def _nothing() -> None:
    pass


@dataclass(slots=True, eq=False, repr=False)
class Pass:
    """The right to one stream, until it is given back. namespaces: those that the user saw when it began.

    end: set by the stream; ends it in good order.
    """

    user: User
    token: str
    peer: str
    asked: Asked
    namespaces: frozenset[str]
    streams: Streams
    end: Callable[[], None] = _nothing

    @property
    def limit_bytes(self) -> int:
        """How much may be sent over it."""
        return self.streams.limits.bytes_per_stream

    def leave(self) -> None:
        self.streams.leave(self)


class Streams:
    """Who has which streams open."""

    def __init__(self, authenticator: Authenticator, policy: Callable[[], Policy], limits: Limits) -> None:
        self._authenticator = authenticator
        self._policy = policy
        self.limits = limits
        self._open: set[Pass] = set()
        self._of_user: Counter[str] = Counter()
        self._of_peer: Counter[str] = Counter()

    def enter(self, user: User, token: str, peer: str, asked: Asked, namespaces: frozenset[str]) -> Pass:
        """Raises Refusal (429) when there are too many."""
        if self._of_user[user.name] >= self.limits.streams_per_user:
            raise _too_many(self.limits.streams_per_user, "user")
        if self._of_peer[peer] >= self.limits.streams_per_peer:
            raise _too_many(self.limits.streams_per_peer, "address")
        one = Pass(user, token, peer, asked, namespaces, self)
        self._open.add(one)
        self._of_user[user.name] += 1
        self._of_peer[peer] += 1
        return one

    def leave(self, one: Pass) -> None:
        """Also of one that has left before."""
        if one in self._open:
            self._open.discard(one)
            _take_one(self._of_user, one.user.name)
            _take_one(self._of_peer, one.peer)

    def end_all(self) -> None:
        _end(self._open)

    async def recheck(self) -> None:
        """Ends the streams that may not go on."""
        by_token: dict[str, list[Pass]] = {}
        for one in self._open:
            by_token.setdefault(one.token, []).append(one)
        await asyncio.gather(*(self._recheck(token, passes) for token, passes in by_token.items()))

    async def _recheck(self, token: str, passes: list[Pass]) -> None:
        try:
            async with asyncio.timeout(REVIEW_LIMIT_S):
                user = await self._authenticator.user(token, max_age_s=0)
        except (Refusal, TimeoutError):
            _end(passes)
            return
        policy = self._policy()
        sees = policy.namespaces(user.slug)
        _end(
            one
            for one in passes
            if user != one.user
            or not sees >= one.namespaces
            or not isinstance(policy.decide(user.slug, one.asked), Allowed)
        )


def _end(passes: Iterable[Pass]) -> None:
    for one in tuple(passes):
        one.end()


def _take_one(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]


def _too_many(limit: int, whose: str) -> Refusal:
    return Refusal(429, f"{limit} streams are open for this {whose}; close some", retry_after_s=5)
