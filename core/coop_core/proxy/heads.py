"""The head of a request, read from bytes. Pure.

Reads a strict part of HTTP/1.1 and refuses all else: whole lines ended by CR LF, a request line of three words with
a target in origin form, header names of letters, digits and hyphens, values without control characters. What is
accepted here every other server reads in the same way; a general parser would have to be asked for less.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from coop_core.proxy.answers import Refusal

HEAD_LIMIT_BYTES = 48 * 1024
HEADERS_LIMIT = 60
END = b"\r\n\r\n"

_LINE = re.compile(rb"([A-Z][A-Z-]{0,19}) (/[\x21-\x7e]*|\*) HTTP/1\.1")
_WORDS = rb"[\x21-\x7e\x80-\xff]++(?:[ \t]++[\x21-\x7e\x80-\xff]++)*+"
# Possessive throughout: a head of nothing but spaces must not cost seconds.
_HEADER = re.compile(rb"([A-Za-z0-9-]++):[ \t]*+((?:%s)?+)[ \t]*+" % _WORDS)

Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class RequestLine:
    """target: as it was sent, undecoded."""

    method: str
    target: str


def line(raw: bytes) -> RequestLine:
    """The first line, without its end. Raises Refusal."""
    matched = _LINE.fullmatch(raw)
    if not matched:
        raise bad("the request line is not HTTP/1.1 with an absolute path")
    return RequestLine(matched[1].decode(), matched[2].decode())


def headers(raw: bytes) -> tuple[Header, ...]:
    """The lines behind the first one, without the last one's end. Raises Refusal."""
    lines = raw.split(b"\r\n") if raw else []
    if len(lines) > HEADERS_LIMIT:
        raise bad("there are too many headers")
    found = []
    for one in lines:
        matched = _HEADER.fullmatch(one)
        if not matched:
            raise bad("a header is malformed")
        found.append((matched[1], matched[2]))
    return tuple(found)


def is_hopeless(raw: bytes) -> bool:
    """Whether the beginning of a head can become none any more: another protocol, or too long."""
    return bool(raw) and (not b"A" <= raw[:1] <= b"Z" or len(raw) > HEAD_LIMIT_BYTES)


def bad(message: str) -> Refusal:
    """The framing of what follows cannot be trusted: the connection ends."""
    return Refusal(400, message, closes=True)
