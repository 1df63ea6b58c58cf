"""The wire format of protobuf: bytes to numbered values, and nothing of what they mean.

Source: protobuf.dev, "Encoding". Groups, which only proto2 had and Kubernetes never, count as malformed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

NUMBER, EIGHT_BYTES, BYTES, FOUR_BYTES = 0, 1, 2, 5
"""The types that a value has on the wire."""

Value = int | bytes
"""An int for NUMBER, else bytes."""

_FIXED = {EIGHT_BYTES: 8, FOUR_BYTES: 4}
_LONGEST_NUMBER = 10
_HIGHEST_FIELD = 2**29 - 1
_FEW = 16


class Malformed(Exception):
    """The bytes are no protobuf, or not that of the message they should be."""


def fields(message: bytes) -> Iterator[tuple[int, int, Value]]:
    """Each field's number, its type on the wire, and its value. Raises Malformed."""
    at = 0
    while at < len(message):
        tag, at = number(message, at)
        field, wire = tag >> 3, tag & 7
        if not 0 < field <= _HIGHEST_FIELD:
            raise Malformed("a field has an impossible number")
        if wire == NUMBER:
            value, at = number(message, at)
            yield field, wire, value
            continue
        if wire == BYTES:
            size, at = number(message, at)
        elif wire in _FIXED:
            size = _FIXED[wire]
        else:
            raise Malformed("a field has an unknown wire type")
        if size > len(message) - at:
            raise Malformed("unexpected end in the middle of a field")
        yield field, wire, message[at : at + size]
        at += size


def few(message: bytes) -> dict[tuple[int, int], Value]:
    """The last value of each field, by number and type, of a message that never has many. Raises Malformed."""
    found: dict[tuple[int, int], Value] = {}
    for count, (field, wire, value) in enumerate(fields(message)):
        if count == _FEW:
            raise Malformed("a small message has too many fields")
        found[field, wire] = value
    return found


def number(message: bytes, at: int) -> tuple[int, int]:
    """The 64-bit number that begins there, and where the next thing begins. Raises Malformed."""
    value = shift = 0
    for byte in message[at : at + _LONGEST_NUMBER]:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at + shift // 7
    raise Malformed("a number is too long or cut off")


def numbers(packed: bytes) -> Iterator[int]:
    """The numbers of a packed list. Raises Malformed."""
    at = 0
    while at < len(packed):
        value, at = number(packed, at)
        yield value


def signed(value: Value, bits: int) -> int:
    """A number as the signed integer of that width; what does not fit is cut off, as in Go. Raises Malformed."""
    if not isinstance(value, int):
        raise Malformed("there are bytes where a number should be")
    kept = value & ((1 << bits) - 1)
    return kept - (1 << bits) if kept >> (bits - 1) else kept


def raw(value: Value) -> bytes:
    """Raises Malformed for a number."""
    if not isinstance(value, bytes):
        raise Malformed("there is a number where bytes should be")
    return value


def text(value: Value) -> str:
    """Raises Malformed."""
    try:
        return raw(value).decode()
    except UnicodeDecodeError:
        raise Malformed("a text is not UTF-8") from None
