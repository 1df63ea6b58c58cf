"""Git's protocol version 2, as far as asking for refs goes. Pure: bytes in, bytes out.

Source: gitprotocol-common(5), gitprotocol-v2(5), gitprotocol-http(5).
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINE = re.compile(rb"([0-9a-f]{40}|[0-9a-f]{64}) ([^ \x00-\x1f\x7f]{1,1024})")
_FLUSH, _DELIMITER, _END = 0, 1, 2
_FORMATS = ("sha1", "sha256")


class Malformed(Exception):
    """Not what the protocol says; the message is fit to be shown."""


def lines(body: bytes) -> Iterator[bytes | None]:
    """The packet lines, without the line break at their end; None for a flush, a delimiter or a response's end."""
    at = 0
    while at < len(body):
        try:
            size = int(body[at : at + 4], 16)
        except ValueError as error:
            raise Malformed("a packet line without a length") from error
        if size in (_FLUSH, _DELIMITER, _END):
            yield None
            at += 4
            continue
        if size < 4 or at + size > len(body):
            raise Malformed("a packet line that is cut off")
        yield body[at + 4 : at + size].removesuffix(b"\n")
        at += size


def object_format(advertisement: bytes) -> str | None:
    """Of a server that speaks version 2 and lists refs, what its object ids are; None when it does not speak it."""
    said = [line for line in lines(advertisement) if line]
    if b"version 2" not in said or not any(line.startswith(b"ls-refs") for line in said):
        return None
    named = next((line for line in said if line.startswith(b"object-format=")), b"object-format=sha1")
    name = named.removeprefix(b"object-format=").decode("ascii", "replace")
    return name if name in _FORMATS else None


def ls_refs(prefix: str, object_format: str = "sha1") -> bytes:
    """The request for all refs below `prefix`, and no other."""
    asked = [b"command=ls-refs\n", b"agent=coop\n", f"object-format={object_format}\n".encode()]
    return b"".join([*map(_line, asked), b"0001", _line(b"ref-prefix " + os.fsencode(prefix) + b"\n"), b"0000"])


def refs(body: bytes, prefix: str) -> dict[str, str]:
    """Full ref to object id of an answer to `ls_refs`; a ref that does not start with `prefix` is left out."""
    found: dict[str, str] = {}
    is_whole = False
    for line in lines(body):
        if line is None:
            is_whole = True
            continue
        if line.startswith(b"ERR "):
            raise Malformed(line[4:260].decode(errors="replace"))
        match = _LINE.match(line)
        if match is None:
            raise Malformed("a line that names no ref")
        ref = os.fsdecode(match[2])
        if ref.startswith(prefix):
            found[ref] = match[1].decode("ascii")
    if not is_whole:
        # Half an answer must never look like branches that are gone.
        raise Malformed("an answer without an end")
    return found


def _line(text: bytes) -> bytes:
    return f"{len(text) + 4:04x}".encode() + text
