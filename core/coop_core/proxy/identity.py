"""Whose token a request carries: asked of whoever vouches for tokens, and remembered for a moment.

Tokens are kept as digests alone.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec

from coop_core.kube.failures import ApiError
from coop_core.proxy import policy
from coop_core.proxy.answers import Refusal, upstream

if TYPE_CHECKING:
    from coop_core.clock import Clock
    from coop_core.kube.client import KubeClient

REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
KEEP_S = 10.0
KEEP_REFUSED_S = 1.0
KEPT = 2000
"""Tokens that were found good, and as many that were not."""
REVIEWS_AT_ONCE = 16
"""Of tokens that nobody vouched for so far: a flood of made-up ones must not become a flood on the platform."""
LOOKS_AT_ONCE = 64
"""At tokens that were good a moment ago. They never wait behind made-up ones: open streams depend on them."""


@dataclass(frozen=True, slots=True)
class User:
    """A developer. name: as the platform knows them; slug: as policies and environments do."""

    name: str
    slug: str


@dataclass(frozen=True, slots=True)
class Identified:
    """An authentic token's bearer. until_s: when it ends, in seconds since the epoch."""

    name: str
    until_s: float = math.inf


class Vouching(Protocol):
    """Somebody who knows tokens."""

    async def identify(self, token: str) -> Identified | None:
        """None: not authentic, or not meant for this proxy. Raises Refusal when that cannot be told now."""

    async def close(self) -> None: ...


class _Bearer(msgspec.Struct):
    username: str = ""


class _Status(msgspec.Struct):
    """Of a TokenReview; one that is not exactly so vouches for nobody."""

    authenticated: bool = False
    user: _Bearer = msgspec.field(default_factory=_Bearer)
    audiences: list[str] = []


class TokenReviews:
    """The platform vouches: a token counts when it says that it is authentic and meant for this proxy."""

    def __init__(self, client: KubeClient, audience: str) -> None:
        self._client = client
        self._audience = audience

    async def identify(self, token: str) -> Identified | None:
        review = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token, "audiences": [self._audience]},
        }
        try:
            answer = await self._client.post(REVIEWS, review)
        except ApiError as error:
            raise upstream(error) from None
        try:
            status = msgspec.convert(answer.get("status"), _Status)
        except msgspec.ValidationError:
            return None
        is_good = status.authenticated and self._audience in status.audiences
        return Identified(status.user.username) if is_good else None

    async def close(self) -> None:
        await self._client.close()


@dataclass(frozen=True, slots=True)
class _Verdict:
    """user None: refused, and `why`, unless the token is simply not good. Holds at most until `until_s`."""

    user: User | None
    why: str
    at_s: float
    until_s: float = math.inf


class _Verdicts(OrderedDict[bytes, _Verdict]):
    """The latest `KEPT`, by the token's digest."""

    def keep(self, key: bytes, verdict: _Verdict) -> None:
        self[key] = verdict
        self.move_to_end(key)
        while len(self) > KEPT:
            self.popitem(last=False)


class Authenticator:
    """Tokens to users."""

    def __init__(self, vouching: Vouching, clock: Clock) -> None:
        self._vouching = vouching
        self._clock = clock
        # Apart, so that made-up tokens push out none but their like.
        self._good = _Verdicts()
        self._refused = _Verdicts()
        self._asking: dict[bytes, asyncio.Task[_Verdict]] = {}
        self._reviews = asyncio.Semaphore(REVIEWS_AT_ONCE)
        self._looks = asyncio.Semaphore(LOOKS_AT_ONCE)

    async def close(self) -> None:
        for task in self._asking.values():
            task.cancel()
        await self._vouching.close()

    def known(self, credential: bytes) -> User | None:
        """The user of a token that was found good a moment ago."""
        verdict = self._good.get(credential)
        return verdict.user if verdict is not None and self._holds(verdict, KEEP_S) else None

    async def user(self, token: str, *, max_age_s: float = KEEP_S) -> User:
        """Raises Refusal: 401 for a token that is not good, 403 for one that is no developer's."""
        if not token:
            raise _unauthorized()
        key = hashlib.sha256(token.encode()).digest()
        verdict = self._good.get(key) or self._refused.get(key)
        if verdict is None or not self._holds(verdict, max_age_s if verdict.user else KEEP_REFUSED_S):
            verdict = await self._review(key, token)
        if verdict.user is None:
            raise _unauthorized() if not verdict.why else Refusal(403, verdict.why)
        return verdict.user

    def _holds(self, verdict: _Verdict, max_age_s: float) -> bool:
        if self._clock.monotonic_s() - verdict.at_s >= max_age_s:
            return False
        return verdict.until_s == math.inf or self._clock.now_s() < verdict.until_s

    async def _review(self, key: bytes, token: str) -> _Verdict:
        """One review at a time for each token, however many requests wait for it."""
        task = self._asking.get(key)
        if task is None:
            task = asyncio.create_task(self._ask(token, self._looks if key in self._good else self._reviews))
            self._asking[key] = task
            task.add_done_callback(lambda done: self._asked(key, done))
        return await asyncio.shield(task)

    def _asked(self, key: bytes, done: asyncio.Task[_Verdict]) -> None:
        self._asking.pop(key, None)
        # Everybody who waited may have gone away meanwhile; a failure was theirs to see.
        if done.cancelled() or done.exception() is not None:
            return
        verdict = done.result()
        if verdict.user is not None:
            self._refused.pop(key, None)
            self._good.keep(key, verdict)
        else:
            self._good.pop(key, None)
            self._refused.keep(key, verdict)

    async def _ask(self, token: str, slots: asyncio.Semaphore) -> _Verdict:
        async with slots:
            asked_at_s = self._clock.monotonic_s()
            found = await self._vouching.identify(token)
        if found is None:
            return _Verdict(None, "", asked_at_s)
        slug = policy.slug(found.name)
        if slug is None:
            return _Verdict(None, "this identity is not a developer's; run `coop kubeconfig`", asked_at_s)
        return _Verdict(User(found.name, slug), "", asked_at_s, found.until_s)


def _unauthorized() -> Refusal:
    return Refusal(401, "Unauthorized: the token is missing, expired or not meant for coop; run `coop kubeconfig`")
