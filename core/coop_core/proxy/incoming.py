"""The request as it came in, checked before anybody believes it. Pure.

Whatever two programs could read in two ways is refused: bodies and framing on GET, connection-bound headers,
repeated or look-alike header names, paths in absolute form. What passes is a method, a path, a query, a token and
an Accept header; nothing else of the request is ever looked at again.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from coop_core.proxy import queries
from coop_core.proxy.answers import Refusal
from coop_core.proxy.heads import bad

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coop_core.proxy.heads import Header, RequestLine

PATH_LIMIT = 2000
ACCEPT_LIMIT = 2000
BODY_LIMIT_BYTES = 64 * 1024
"""Of a review, the only body that is read."""

_PATH = re.compile(r"/|(/[A-Za-z0-9_.:-]+)+/?")
_TOKEN = re.compile(r"[Bb]earer ([A-Za-z0-9._~+/=-]{1,8000})")
_ONCE = (
    b"host",
    b"authorization",
    b"content-length",
    b"content-type",
    b"connection",
    b"transfer-encoding",
    b"accept",
)
_HARMLESS_CONNECTION = {"", "close", "keep-alive"}
_FOREIGN_IDENTITY = (b"impersonate-", b"x-remote-")
_NO_STREAMS = "coop offers no shell, tunnel or proxy into the platform; read logs, events and the service's URL"


@dataclass(frozen=True, slots=True, repr=False)
class Headers:
    """The checked headers of a request. token "" when none was sent. Has no repr, as it holds the token.

    credential: what stands for the token wherever one is remembered. length: of the body. keeps: whether the client
    may go on to use the connection.
    """

    token: str
    credential: bytes
    accept: str
    content_type: str
    length: int
    keeps: bool


@dataclass(frozen=True, slots=True, repr=False)
class Incoming:
    """A checked request."""

    method: str
    path: str
    query: queries.Query
    headers: Headers


def check_headers(pairs: tuple[Header, ...]) -> Headers:
    """Raises Refusal, which always closes the connection: its framing cannot be trusted any further."""
    headers = _by_name(pairs)
    _check_connection(headers)
    if len(headers.get(b"accept", "")) > ACCEPT_LIMIT:
        raise bad("the Accept header is too long")
    token = _token(headers)
    return Headers(
        token=token,
        credential=hashlib.sha256(token.encode()).digest(),
        accept=headers.get(b"accept", "*/*"),
        content_type=headers.get(b"content-type", "").partition(";")[0].strip().lower(),
        length=_length(headers),
        keeps="close" not in headers.get(b"connection", "").lower(),
    )


def check(line: RequestLine, headers: Headers) -> Incoming:
    """Raises Refusal."""
    path, _, query = line.target.partition("?")
    if line.method == "CONNECT":
        raise Refusal(403, _NO_STREAMS, closes=True)
    if len(path) > PATH_LIMIT or not is_plain(path):
        raise bad("the path is malformed")
    if headers.length and line.method in ("GET", "HEAD", "OPTIONS", "TRACE"):
        raise bad("a read request has no body")
    if line.method == "POST" and headers.length > BODY_LIMIT_BYTES:
        raise Refusal(413, "the body is too large for anything that may be posted here", closes=True)
    return Incoming(line.method, path, queries.parse(query) if query else {}, headers)


def _by_name(pairs: Iterable[Header]) -> dict[bytes, str]:
    """By lower-case name. Only names in `_ONCE` are ever used; of others, repeats do no harm."""
    headers: dict[bytes, str] = {}
    for name, value in pairs:
        key = name.lower()
        if key.startswith(_FOREIGN_IDENTITY):
            raise Refusal(403, "coop knows users by their own token only; it knows no impersonation", closes=True)
        if key in headers and key in _ONCE:
            raise bad("a header is given twice")
        try:
            headers[key] = value.decode("ascii")
        except UnicodeDecodeError:
            if key in _ONCE:
                raise bad("a header is not ASCII") from None
            headers[key] = ""
    return headers


def _check_connection(headers: dict[bytes, str]) -> None:
    if b"host" not in headers:
        raise bad("the Host header is missing")
    connection = {part.strip().lower() for part in headers.get(b"connection", "").split(",")}
    if b"upgrade" in headers or "upgrade" in connection:
        raise Refusal(403, _NO_STREAMS, closes=True)
    if not connection <= _HARMLESS_CONNECTION:
        raise bad("the Connection header names other headers")
    if b"origin" in headers or b"sec-fetch-site" in headers:
        raise Refusal(403, "web pages may not use this proxy", closes=True)
    if b"transfer-encoding" in headers or b"expect" in headers or b"trailer" in headers:
        raise bad("requests here come with a Content-Length or without a body")
    if headers.get(b"content-encoding", "identity") != "identity":
        raise bad("request bodies must come without Content-Encoding")


@lru_cache(2048)
def is_plain(path: str) -> bool:
    """No empty or dot segment, no escapes; one trailing slash is some clients' habit on discovery paths."""
    segments = path.removesuffix("/").split("/")[1:]
    return _PATH.fullmatch(path) is not None and all(segment.strip(".") for segment in segments)


def _token(headers: dict[bytes, str]) -> str:
    given = headers.get(b"authorization")
    if given is None:
        return ""
    matched = _TOKEN.fullmatch(given)
    if not matched:
        raise Refusal(401, "Unauthorized: a bearer token is needed; run `coop kubeconfig`", closes=True)
    return matched[1]


def _length(headers: dict[bytes, str]) -> int:
    text = headers.get(b"content-length", "0")
    if not text.isdigit() or len(text) > 12:
        raise bad("the Content-Length is malformed")
    return int(text)
