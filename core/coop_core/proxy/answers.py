"""What an answer is: a refusal, worded as Kubernetes words it, a whole reply, or a stream. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import formatdate
from functools import cache, lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol, Self

import msgspec

from coop_core.cluster.redaction import scrub
from coop_core.text import one_line

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw
    from coop_core.kube import failures

_RELAYED = frozenset({400, 404, 406, 409, 410, 422, 429, 504})
"""Refusals that concern what the client asked. Any other tells of the proxy's own affairs with the platform."""

_REASONS = {
    400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 405: "MethodNotAllowed",
    406: "NotAcceptable", 409: "Conflict", 410: "Expired", 413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType", 422: "Invalid", 429: "TooManyRequests", 500: "InternalError",
    502: "BadGateway", 503: "ServiceUnavailable", 504: "Timeout",
}  # fmt: skip


class Refusal(Exception):
    """The answer is a failure. `closes`: the connection is not to be used again."""

    def __init__(
        self, code: int, message: str, *, reason: str = "", retry_after_s: int = 0, closes: bool = False
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason
        self.retry_after_s = retry_after_s
        self.closes = closes

    def status(self) -> Raw:
        """The body."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason or _REASONS.get(self.code, "Unknown"),
            # kubectl looks into details without asking whether there are any.
            "details": {"retryAfterSeconds": self.retry_after_s} if self.retry_after_s else {},
            "code": self.code,
        }

    def body(self) -> bytes:
        return msgspec.json.encode(self.status())

    def headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        if self.code == 401:
            headers["WWW-Authenticate"] = 'Bearer realm="coop-proxy"'
        if self.retry_after_s:
            headers["Retry-After"] = str(self.retry_after_s)
        return headers


@dataclass(slots=True)
class Reply:
    """A whole answer. closes: the connection is not to be used again."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    extra: bytes = b""
    closes: bool = False

    @classmethod
    def json(cls, body: Raw, status: int = 200, content_type: str = "application/json") -> Self:
        return cls(status, msgspec.json.encode(body), content_type)

    @classmethod
    def refused(cls, refusal: Refusal) -> Self:
        extra = "".join(f"{name}: {value}\r\n" for name, value in refusal.headers().items()).encode()
        return cls(refusal.code, refusal.body(), extra=extra, closes=refusal.closes)

    @staticmethod
    def head(status: int, content_type: str, *, keeps: bool, at_s: float) -> bytes:
        """Everything of an answer's head that does not depend on its body. at_s: now, since the epoch."""
        return _head(status, content_type, keeps) + _date(int(at_s))

    def start(self, *, keeps: bool, at_s: float) -> bytes:
        """The head."""
        head = self.head(self.status, self.content_type, keeps=keeps, at_s=at_s)
        return b"%s%sContent-Length: %d\r\n\r\n" % (head, self.extra, len(self.body))


class Stream(Protocol):
    """An answer that goes on until one side ends it."""

    @property
    def content_type(self) -> str: ...

    def resume(self) -> None:
        """The client can take more; also called when there may be nothing to take."""

    def check(self, now_s: float) -> None:
        """Called a few times a second."""

    def gone(self) -> None:
        """The connection is lost or has ended; called once."""


Answer = Reply | Stream


def framed(data: bytes) -> bytes:
    """As one chunk of an answer."""
    return b"%x\r\n%s\r\n" % (len(data), data)


@cache
def _head(status: int, content_type: str, keeps: bool) -> bytes:
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        f"Content-Type: {content_type}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
    ]
    return "\r\n".join([*lines, *([] if keeps else ["Connection: close"]), ""]).encode()


@lru_cache(2)
def _date(at_s: int) -> bytes:
    """Clients learn by it how far their clock is off."""
    return f"Date: {formatdate(at_s, usegmt=True)}\r\n".encode()


def upstream(error: failures.ApiError) -> Refusal:
    """What a client is told when the platform refused or did not answer."""
    if error.code in _RELAYED:
        return Refusal(
            error.code, one_line(scrub(error.why)), reason=error.reason, retry_after_s=int(error.retry_after_s)
        )
    if error.code in (401, 403):
        return Refusal(503, "the proxy itself may not read this from the platform; tell its operator")
    if error.code == 0:
        return Refusal(503, "the platform's API cannot be reached now", retry_after_s=1)
    return Refusal(502, "the platform's API gave no usable answer")
