"""The request as it came in, checked before anybody believes it. Pure.

Whatever two programs could read in two ways is refused: bodies and framing on GET, connection-bound headers,
repeated or look-alike header names, paths in absolute form. What passes is a method, a path, a query, a token and
an Accept header; nothing else of the request is ever looked at again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.proxy import queries
from coop_core.proxy.answers import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

PATH_LIMIT = 2000
HEADERS_LIMIT = 60
BODY_LIMIT_BYTES = 64 * 1024
"""Of a review, the only body that is read."""

_PATH = re.compile(r"/|(/[A-Za-z0-9_.:-]+)+/?")
_TOKEN = re.compile(r"[Bb]earer ([A-Za-z0-9._~+/=-]{1,8000})")
_HEADER_NAME = re.compile(rb"[A-Za-z0-9-]+")
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


@dataclass(frozen=True, slots=True)
class RawRequest:
    """What the HTTP parser hands over. target: as it was sent, undecoded. headers: as sent, in order."""

    method: str
    target: str
    headers: tuple[tuple[bytes, bytes], ...]
    is_http_1_1: bool = True


@dataclass(frozen=True, slots=True, repr=False)
class Incoming:
    """A checked request. token "" when none was sent. Has no repr, as it holds the token."""

    method: str
    path: str
    query: queries.Query
    token: str
    accept: str
    content_type: str
    length: int


def check(raw: RawRequest) -> Incoming:
    """Raises Refusal, which always closes the connection: its framing cannot be trusted any further."""
    headers = _headers(raw.headers)
    _check_connection(raw, headers)
    path, _, query = raw.target.partition("?")
    if len(path) > PATH_LIMIT or not _PATH.fullmatch(path) or not _is_plain(path):
        raise _bad("the path is malformed")
    try:
        parsed = queries.parse(query)
    except queries.BadQuery as error:
        raise _bad(str(error)) from error
    return Incoming(
        method=raw.method,
        path=path,
        query=parsed,
        token=_token(headers),
        accept=headers.get(b"accept", "*/*"),
        content_type=headers.get(b"content-type", "").partition(";")[0].strip().lower(),
        length=_length(raw.method, headers),
    )


def _headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[bytes, str]:
    """By lower-case name. Only names in `_ONCE` are ever used; of others, repeats do no harm."""
    headers: dict[bytes, str] = {}
    for count, (name, value) in enumerate(pairs):
        key = name.lower()
        if count >= HEADERS_LIMIT or not _HEADER_NAME.fullmatch(name):
            raise _bad("a header name is malformed")
        if key.startswith(_FOREIGN_IDENTITY):
            raise Refusal(403, "coop knows users by their own token only; it knows no impersonation", closes=True)
        if key in headers and key in _ONCE:
            raise _bad("a header is given twice")
        try:
            headers[key] = value.decode("ascii")
        except UnicodeDecodeError:
            if key in _ONCE:
                raise _bad("a header is not ASCII") from None
    return headers


def _check_connection(raw: RawRequest, headers: dict[bytes, str]) -> None:
    if not raw.is_http_1_1:
        raise _bad("HTTP/1.1 is spoken here")
    if b"host" not in headers:
        raise _bad("the Host header is missing")
    connection = {part.strip().lower() for part in headers.get(b"connection", "").split(",")}
    if b"upgrade" in headers or "upgrade" in connection or raw.method == "CONNECT":
        raise Refusal(403, _NO_STREAMS, closes=True)
    if not connection <= _HARMLESS_CONNECTION:
        raise _bad("the Connection header names other headers")
    if b"origin" in headers:
        raise Refusal(403, "web pages may not use this proxy", closes=True)
    if b"transfer-encoding" in headers or b"expect" in headers or b"trailer" in headers:
        raise _bad("requests here come with a Content-Length or without a body")
    if headers.get(b"content-encoding", "identity") != "identity":
        raise _bad("request bodies must come without Content-Encoding")


def _is_plain(path: str) -> bool:
    """No empty or dot segment; one trailing slash is some clients' habit on discovery paths."""
    segments = path.removesuffix("/").split("/")[1:]
    return all(segment.strip(".") for segment in segments)


def _token(headers: dict[bytes, str]) -> str:
    given = headers.get(b"authorization")
    if given is None:
        return ""
    matched = _TOKEN.fullmatch(given)
    if not matched:
        raise Refusal(401, "Unauthorized: a bearer token is needed; run `coop kubeconfig`", closes=True)
    return matched[1]


def _length(method: str, headers: dict[bytes, str]) -> int:
    text = headers.get(b"content-length", "0")
    if not text.isdigit() or len(text) > 12:
        raise _bad("the Content-Length is malformed")
    length = int(text)
    if length and method in ("GET", "HEAD", "OPTIONS", "TRACE"):
        raise _bad("a read request has no body")
    if method == "POST" and length > BODY_LIMIT_BYTES:
        raise Refusal(413, "the body is too large for anything that may be posted here", closes=True)
    return length


def _bad(message: str) -> Refusal:
    return Refusal(400, message, closes=True)
