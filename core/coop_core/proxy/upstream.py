"""The platform's side of the proxy: questions built from parsed parts, asked under the proxy's own identity.

The one place that a cache shared by all viewers would replace: the server knows `read` and `stream`, no more.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from coop_core.kube.failures import ApiError
from coop_core.kube.transport import Answer, Call, Transport
from coop_core.proxy.answers import Refusal, upstream
from coop_core.text import one_line

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.kube.configuration import Access
    from coop_core.proxy.queries import Query

_MARK = 32
_VERSION_FIELDS = (
    "major", "minor", "gitVersion", "gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the platform. All parts were parsed and checked before."""

    kind: Kind
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    query: Query = field(default_factory=dict)
    accept: str = "application/json"

    def call(self) -> Call:
        path = self.kind.path(
            quote(self.namespace, safe=""), quote(self.name, safe=""), quote(self.subresource, safe="")
        )
        return Call("GET", path, self.query, accept=self.accept)


class Upstream:
    """The platform's API."""

    def __init__(self, access: Access) -> None:
        self._transport = Transport(access)
        self._version: Raw | None = None

    async def close(self) -> None:
        await self._transport.close()

    async def read(self, question: Question) -> Raw:
        """One whole answer. Raises Refusal."""
        try:
            return await self._transport.read_json(question.call())
        except ApiError as error:
            raise upstream(error) from None

    @asynccontextmanager
    async def stream(self, question: Question) -> AsyncGenerator[Answer, None]:
        """An answer that comes piece by piece. Raises Refusal, also on the way."""
        try:
            async with self._transport.stream(question.call()) as answer:
                yield answer
        except ApiError as error:
            raise upstream(error) from None

    async def version(self) -> Raw:
        """The platform's version, asked for once; clients compare it with their own."""
        if self._version is None:
            try:
                answer = await self._transport.read_json(Call("GET", "/version"))
            except ApiError as error:
                raise upstream(error) from None
            self._version = {name: one_line(str(answer.get(name, "")), 80) for name in _VERSION_FIELDS}
        return self._version


class Pages:
    """Binds the platform's continue tokens to the user and collection they were given for.

    A token encodes a key of the platform's store; one made for another collection must not reach it.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def seal(self, token: str, user: str, path: str) -> str:
        return self._mark(token, user, path) + token

    def open(self, sealed: str, user: str, path: str) -> str:
        """Raises Refusal (410: list again) for a token that was not sealed so."""
        mark, token = sealed[:_MARK], sealed[_MARK:]
        if not hmac.compare_digest(mark, self._mark(token, user, path)):
            raise Refusal(410, "the continue token is not, or no longer, valid; start the list again")
        return token

    def _mark(self, token: str, user: str, path: str) -> str:
        message = "\0".join((user, path, token)).encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()[:_MARK]
