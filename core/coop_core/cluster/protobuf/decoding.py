"""Protobuf to JSON: what Go would write as JSON of the same object, without its nulls.

Where Go has null for a list that must be there, an empty one is written: on the wire both look the same.
Fields that the table does not know are skipped, as Go does. What comes twice counts as protobuf says: the last of
two values, two halves of one message, all items of a list.
"""

from __future__ import annotations

import base64
import math
import struct
from typing import TYPE_CHECKING, Any

from coop_core.cluster.protobuf import table
from coop_core.cluster.protobuf.leaves import LEAVES, UNIONS
from coop_core.cluster.protobuf.wire import BYTES, NUMBER, Malformed, few, fields, numbers, raw, signed, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from coop_core.cluster.kinds import Raw
    from coop_core.cluster.protobuf.table import Field, Message
    from coop_core.cluster.protobuf.wire import Value

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"

_MAGIC = b"k8s\x00"
_DEEPEST = 100
_MOST = 250_000
"""How many fields and objects a body may have: with tiny ones, a body of 3 MiB has six times as many."""


def read(body: bytes, name: str) -> Raw:
    """The message of that name that a request's body is, as JSON, with the kind and version that it says it has.

    Raises Malformed. Source: apimachinery's runtime.Unknown.
    """
    if not body.startswith(_MAGIC):
        raise Malformed("it does not begin as protobuf of Kubernetes does")
    envelope = few(body[len(_MAGIC) :])
    about, message, encoding = (raw(envelope.get((number, BYTES), b"")) for number in (1, 2, 3))
    if encoding:
        raise Malformed("its content is encoded once more")
    api_version, kind = (text(few(about).get((number, BYTES), b"")) for number in (1, 2))
    if kind not in ("", name.rpartition(".")[2]):
        raise Malformed(f"it is a {kind[:64]}")
    said = {"kind": kind, "apiVersion": api_version}
    return {**{key: value for key, value in said.items() if value}, **decode(name, message)}


def decode(name: str, message: bytes) -> Raw:
    """The message of that name as JSON. Raises Malformed."""
    return _Decoding().object(table.message(name), message, 0)


class _Decoding:
    """Of one body."""

    def __init__(self) -> None:
        self._left = _MOST

    def object(self, message: Message, encoded: bytes, depth: int) -> Raw:
        if depth > _DEEPEST:
            raise Malformed("it is nested too deeply")
        self._count()
        values = self._values(message, encoded)
        found: Raw = {}
        for number in values.keys() | message.always:
            field = message.fields[number]
            value = self._field(field, values.get(number, ()), depth + 1)
            if field.is_inline:
                found.update(value)
            elif value is not None:
                found[field.name] = value
        return found

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise Malformed("it has too many fields")

    def _values(self, message: Message, encoded: bytes) -> dict[int, list[Value]]:
        values: dict[int, list[Value]] = {}
        for number, wire, value in fields(encoded):
            self._count()
            field = message.fields.get(number)
            if field is None:
                continue
            is_packed = wire == BYTES and field.shape == "list" and field.wire == NUMBER
            if wire != field.wire and not is_packed:
                raise Malformed(f"field {number} has the wrong wire type")
            values.setdefault(number, []).append(value)
        return values

    def _field(self, field: Field, values: Sequence[Value], depth: int) -> Any:
        """None when JSON has no such field."""
        found: Any
        if field.shape == "map":
            found = dict(self._entry(field, raw(entry), depth) for entry in values)
        elif field.shape == "list":
            found = list(self._items(field, values, depth))
        elif field.of in _PLAIN:
            found = _PLAIN[field.of](values[-1]) if values else _ZERO[field.of]
        else:
            found = self._message(field.of, b"".join(map(raw, values)), depth)
        return None if field.omits_empty and not found else found

    def _items(self, field: Field, values: Sequence[Value], depth: int) -> Iterator[Any]:
        for value in values:
            if field.wire == NUMBER and isinstance(value, bytes):
                for packed in numbers(value):
                    self._count()
                    yield _PLAIN[field.of](packed)
            else:
                yield self._one(field.of, value, depth)

    def _entry(self, field: Field, entry: bytes, depth: int) -> tuple[str, Any]:
        """A map is a list of small messages: 1 is the key, 2 the value."""
        found = few(entry)
        key = text(found.get((1, BYTES), b""))
        return key, self._one(field.of, found.get((2, BYTES), b""), depth)

    def _one(self, of: str, value: Value, depth: int) -> Any:
        return _PLAIN[of](value) if of in _PLAIN else self._message(of, raw(value), depth)

    def _message(self, name: str, encoded: bytes, depth: int) -> Any:
        if name in LEAVES:
            return LEAVES[name](encoded)
        message = table.message(name)
        found = self.object(message, encoded, depth)
        if message.is_list:
            return found["items"]
        return UNIONS[name](found) if name in UNIONS else found


def _float(value: Value) -> float:
    (found,) = struct.unpack("<d", raw(value))
    if not math.isfinite(found):
        raise Malformed("a number is none that JSON has")
    return int(found) if found.is_integer() else float(found)


_PLAIN: dict[str, Callable[[Value], Any]] = {
    "bool": bool,
    "int32": lambda value: signed(value, 32),
    "int64": lambda value: signed(value, 64),
    "float64": _float,
    "string": text,
    "[]byte": lambda value: base64.b64encode(raw(value)).decode(),
}
_ZERO: dict[str, Any] = {"bool": False, "int32": 0, "int64": 0, "float64": 0, "string": ""}
