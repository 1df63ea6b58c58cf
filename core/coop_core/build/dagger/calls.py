"""Reads the arguments of a call to Dagger's API out of a span, as far as they are text.

The form is `callpbv1.Call` of Dagger's sources: a protobuf, of which the SDK brings no definition. Anything
unexpected is a ValueError: a step then keeps its plain name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_CALL_ARGS = 4
_ARGUMENT_NAME, _ARGUMENT_VALUE = 1, 2
_LITERAL_STRING, _LITERAL_LIST = 7, 8

_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5


def texts(call: bytes) -> dict[str, list[str]]:
    """The arguments that are a text or a list of texts, by name."""
    found = {}
    for number, argument in _fields(call):
        if number == _CALL_ARGS:
            parts = dict(_fields(argument))
            name = parts.get(_ARGUMENT_NAME, b"").decode()
            found[name] = list(_strings(parts.get(_ARGUMENT_VALUE, b"")))
    return found


def command(words: Sequence[str]) -> str:
    """A command as people write it: without the shell that runs it."""
    is_shell = len(words) == 3 and words[0] in ("/bin/sh", "/bin/bash", "sh", "bash") and words[1] == "-c"
    return words[2] if is_shell else " ".join(words)


def _strings(literal: bytes) -> Iterator[str]:
    for number, value in _fields(literal):
        if number == _LITERAL_STRING:
            yield value.decode()
        elif number == _LITERAL_LIST:
            for _, inner in _fields(value):
                yield from (text.decode() for kind, text in _fields(inner) if kind == _LITERAL_STRING)


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """(number, bytes) of a message's fields that are bytes; the others are passed over."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == _VARINT:
            _, at = _varint(message, at)
        elif kind == _BYTES:
            size, at = _varint(message, at)
            if at + size > len(message):
                raise ValueError("a field is cut")
            yield key >> 3, message[at : at + size]
            at += size
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            at += 8 if kind == _EIGHT_BYTES else 4
        else:
            raise ValueError("no such kind of field")


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 64, 7):
        if at >= len(message):
            raise ValueError("a number is cut")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number is too long")
