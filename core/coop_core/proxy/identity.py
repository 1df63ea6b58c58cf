"""Whose token a request carries: asked of the platform, and remembered for a moment.

A token counts only when the platform says that it is authentic and meant for this proxy. Tokens are kept as
digests alone.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.proxy import policy
from coop_core.proxy.answers import Refusal, upstream

if TYPE_CHECKING:
    from coop_core.clock import Clock
    from coop_core.kube.client import KubeClient

from coop_core.kube.failures import ApiError

REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
KEEP_S = 10.0
KEEP_REFUSED_S = 1.0
KEPT = 2000
REVIEWS_AT_ONCE = 16
"""A flood of made-up tokens must not become a flood on the platform."""


@dataclass(frozen=True, slots=True)
class User:
    """A developer. name: as the platform knows them; slug: as policies and environments do."""

    name: str
    slug: str


@dataclass(frozen=True, slots=True)
class _Verdict:
    user: User | None
    why: str
    at_s: float


class Authenticator:
    """Tokens to users."""

    def __init__(self, client: KubeClient, audience: str, clock: Clock) -> None:
        self._client = client
        self._audience = audience
        self._clock = clock
        self._verdicts: OrderedDict[bytes, _Verdict] = OrderedDict()
        self._asking: dict[bytes, asyncio.Task[_Verdict]] = {}
        self._slots = asyncio.Semaphore(REVIEWS_AT_ONCE)

    async def user(self, token: str, *, max_age_s: float = KEEP_S) -> User:
        """Raises Refusal: 401 for a token that is not good, 403 for one that is no developer's."""
        if not token:
            raise _unauthorized()
        key = hashlib.sha256(token.encode()).digest()
        verdict = self._verdicts.get(key)
        if verdict is None or self._age_s(verdict) >= (max_age_s if verdict.user else KEEP_REFUSED_S):
            verdict = await self._review(key, token)
        if verdict.user is None:
            raise _unauthorized() if not verdict.why else Refusal(403, verdict.why)
        return verdict.user

    def _age_s(self, verdict: _Verdict) -> float:
        return self._clock.monotonic_s() - verdict.at_s

    async def _review(self, key: bytes, token: str) -> _Verdict:
        """One review at a time for each token, however many requests wait for it."""
        task = self._asking.get(key)
        if task is None:
            task = asyncio.create_task(self._ask(token))
            self._asking[key] = task
            task.add_done_callback(lambda done: self._asked(key, done))
        verdict = await asyncio.shield(task)
        self._verdicts[key] = verdict
        self._verdicts.move_to_end(key)
        while len(self._verdicts) > KEPT:
            self._verdicts.popitem(last=False)
        return verdict

    def _asked(self, key: bytes, done: asyncio.Task[_Verdict]) -> None:
        self._asking.pop(key, None)
        if not done.cancelled():
            # Everybody who waited may have gone away meanwhile; the failure was theirs to see.
            done.exception()

    async def _ask(self, token: str) -> _Verdict:
        review = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token, "audiences": [self._audience]},
        }
        asked_at_s = self._clock.monotonic_s()
        try:
            async with self._slots:
                answer = await self._client.post(REVIEWS, review)
        except ApiError as error:
            raise upstream(error) from None
        status = answer.get("status") or {}
        name = (status.get("user") or {}).get("username")
        is_meant = self._audience in (status.get("audiences") or [])
        if status.get("authenticated") is not True or not is_meant or not isinstance(name, str):
            return _Verdict(None, "", asked_at_s)
        slug = policy.slug(name)
        if slug is None:
            return _Verdict(None, "this identity is not a developer's; run `coop kubeconfig`", asked_at_s)
        return _Verdict(User(name, slug), "", asked_at_s)


def _unauthorized() -> Refusal:
    return Refusal(401, "Unauthorized: the token is missing, expired or not meant for coop; run `coop kubeconfig`")
