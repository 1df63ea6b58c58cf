"""JSON to protobuf as Go's clients send it: the numbers from coop's table, the bytes from Google's library."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
)

from coop_core.cluster.protobuf import table
from coop_core.cluster.protobuf.leaves import LEAVES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from coop_core.cluster.kinds import Raw
    from coop_core.cluster.protobuf.table import Field

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"

_TYPES = {"float64": 1, "int64": 3, "int32": 5, "bool": 8, "string": 9, "[]byte": 12}
_MESSAGE, _OPTIONAL, _REPEATED = 11, 1, 3
_LEAF_FIELDS = {
    "meta/v1.Time": ("int64", "int32"),
    "meta/v1.MicroTime": ("int64", "int32"),
    "api/resource.Quantity": ("string",),
    "util/intstr.IntOrString": ("int64", "int32", "string"),
    "pkg/runtime.RawExtension": ("[]byte",),
    "meta/v1.FieldsV1": ("[]byte",),
    "apiextensions/v1.JSON": ("[]byte",),
}


def body(name: str, value: Raw) -> bytes:
    """The message in its envelope, with the kind and version that `value` claims."""
    known = _class(name)  # which defines the envelope as well
    message = known()
    _fill(message, name, value)
    envelope = message_factory.GetMessageClass(_pool(name).FindMessageTypeByName("Envelope"))()
    envelope.f1.f1, envelope.f1.f2 = value.get("apiVersion", ""), value.get("kind", "")
    envelope.f2 = message.SerializeToString()
    encoded: bytes = envelope.SerializeToString()
    return b"k8s\x00" + encoded


def field(number: int, value: bytes) -> bytes:
    """A field of bytes, for messages that no library would make."""
    return number_of(number << 3 | 2) + number_of(len(value)) + value


def number_of(value: int) -> bytes:
    """A number on the wire."""
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def enveloped(message: bytes) -> bytes:
    """With no word of what it is."""
    return b"k8s\x00" + field(2, message)


def _fill(message: Any, name: str, value: Any) -> None:
    message.SetInParent()
    if name in LEAVES:
        _FILL_LEAF[name](message, value)
        return
    known = table.message(name)
    shown = {"items": value} if known.is_list else _of_union(name, value)
    for field in known.fields.values():
        if field.is_inline:
            _fill(getattr(message, f"f{field.number}"), field.of, shown)
        elif field.name in shown:
            _set(message, field, shown[field.name])


def _of_union(name: str, value: Any) -> Raw:
    """The fields of a type that JSON shows as one of them."""
    match name.removeprefix("apiextensions/v1.JSONSchemaProps"):
        case "OrArray":
            return {"jSONSchemas": value} if isinstance(value, list) else {"schema": value}
        case "OrBool":
            return {"allows": value} if isinstance(value, bool) else {"allows": True, "schema": value}
        case "OrStringArray":
            return {"property": value} if isinstance(value, list) else {"schema": value}
    fields: Raw = value
    return fields


def _set(message: Any, field: Field, value: Any) -> None:
    at = f"f{field.number}"
    match field.shape:
        case "map":
            entries = getattr(message, at)
            for key, one in value.items():
                if field.of in _TYPES:
                    entries[key] = _plain(field.of, one)
                else:
                    _fill(entries[key], field.of, one)
        case "list":
            for one in value:
                if field.of in _TYPES:
                    getattr(message, at).append(_plain(field.of, one))
                else:
                    _fill(getattr(message, at).add(), field.of, one)
        case "one" if field.of in _TYPES:
            setattr(message, at, _plain(field.of, value))
        case "one":
            _fill(getattr(message, at), field.of, value)


def _plain(of: str, value: Any) -> Any:
    return base64.b64decode(value) if of == "[]byte" else value


def _fill_time(message: Any, value: str) -> None:
    since, second = datetime.fromisoformat(value) - datetime(1970, 1, 1, tzinfo=UTC), timedelta(seconds=1)
    message.f1, message.f2 = since // second, (since % second).microseconds * 1000


def _fill_quantity(message: Any, value: str | int) -> None:
    message.f1 = str(value)


def _fill_int_or_string(message: Any, value: int | str) -> None:
    message.f1, message.f2, message.f3 = (0, value, "") if isinstance(value, int) else (1, 0, value)


def _fill_json(message: Any, value: Any) -> None:
    message.f1 = json.dumps(value).encode()


_FILL_LEAF: dict[str, Callable[[Any, Any], None]] = {
    "meta/v1.Time": _fill_time,
    "meta/v1.MicroTime": _fill_time,
    "api/resource.Quantity": _fill_quantity,
    "util/intstr.IntOrString": _fill_int_or_string,
    "pkg/runtime.RawExtension": _fill_json,
    "meta/v1.FieldsV1": _fill_json,
    "apiextensions/v1.JSON": _fill_json,
}


@cache
def _class(name: str) -> Any:
    return message_factory.GetMessageClass(_pool(name).FindMessageTypeByName(_identifier(name)))


@cache
def _pool(name: str) -> descriptor_pool.DescriptorPool:
    """The message and all that it is made of, as Google's library wants to be told of them."""
    file = descriptor_pb2.FileDescriptorProto(name=f"{_identifier(name)}.proto", syntax="proto2")
    for found in sorted(_reachable(name, set())):
        described = file.message_type.add(name=_identifier(found))
        for field in _fields(found):
            _describe(described, field)
    for envelope, of in (("Envelope", ("TypeMeta", "[]byte")), ("TypeMeta", ("string", "string"))):
        described = file.message_type.add(name=envelope)
        for number, one in enumerate(of, start=1):
            _describe(described, table.Field(number, "", one, "one", is_pointer=False, omits_empty=False))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


def _reachable(name: str, found: set[str]) -> set[str]:
    if name not in found:
        found.add(name)
        for field in _fields(name):
            if field.of not in _TYPES:
                _reachable(field.of, found)
    return found


def _fields(name: str) -> Iterator[Field]:
    if name not in LEAVES:
        yield from table.message(name).fields.values()
        return
    for number, of in enumerate(_LEAF_FIELDS[name], start=1):
        yield table.Field(number, "", of, "one", is_pointer=False, omits_empty=False)


def _describe(described: Any, field: Field) -> None:
    if field.shape == "map":
        entry = described.nested_type.add(name=f"F{field.number}Entry")
        entry.options.map_entry = True
        key, value = entry.field.add(name="key", number=1), entry.field.add(name="value", number=2)
        _type(key, "string", _OPTIONAL)
        _type(value, field.of, _OPTIONAL)
        added = described.field.add(name=f"f{field.number}", number=field.number)
        added.type, added.label, added.type_name = _MESSAGE, _REPEATED, f"{described.name}.{entry.name}"
        return
    added = described.field.add(name=f"f{field.number}", number=field.number)
    _type(added, field.of, _REPEATED if field.shape == "list" else _OPTIONAL)


def _type(added: Any, of: str, label: int) -> None:
    added.label = label
    if of in _TYPES:
        added.type = _TYPES[of]
    else:
        added.type, added.type_name = _MESSAGE, _identifier(of)


def _identifier(name: str) -> str:
    return re.sub(r"\W", "_", name)
