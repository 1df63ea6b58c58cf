"""OpenAPI v2 as protobuf, which is how kubectl asks for it.

Source: google/gnostic, openapiv2/OpenAPIv2.proto has the numbers of the fields; of those, what `swagger.py` uses.
What is not of the type that a field has is left out: parts of a document are schemas that users wrote.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from coop_core.cluster.kinds import Raw

Encode = Callable[[int, Any], bytes]
"""A field: its number and its value."""


def encoded(document: Raw) -> bytes:
    """A `Document`."""
    return _fields(document, _DOCUMENT)


def _fields(values: Raw, known: Mapping[str, tuple[int, Encode]]) -> bytes:
    """What a message holds: the known fields, by their numbers."""
    return b"".join(encode(number, values[name]) for name, (number, encode) in known.items() if name in values)


def _message(number: int, body: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(body)) + body


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _text(number: int, value: Any) -> bytes:
    return _message(number, value.encode("utf-8", "replace")) if isinstance(value, str) else b""


def _flag(number: int, value: Any) -> bytes:
    return _varint(number << 3) + b"\x01" if value is True else b""


def _whole(number: int, value: Any) -> bytes:
    is_fitting = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63
    return _varint(number << 3) + _varint(value) if is_fitting else b""


def _float(number: int, value: Any) -> bytes:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1 << 63
    return _varint(number << 3 | 1) + struct.pack("<d", value) if is_number else b""


def _any(number: int, value: Any) -> bytes:
    """An `Any`: YAML, of which JSON is a part."""
    return _message(number, _text(2, msgspec.json.encode(value).decode()))


def _each(encode: Encode) -> Encode:
    """A repeated field."""

    def repeated(number: int, values: Any) -> bytes:
        return b"".join(encode(number, value) for value in values) if isinstance(values, list) else b""

    return repeated


def _named(number: int, values: Iterable[tuple[str, Any]], encode: Encode) -> bytes:
    """A map, as a list of messages {name = 1, value = 2}."""
    return b"".join(_message(number, _text(1, name) + encode(2, value)) for name, value in values)


def _extensions(number: int, values: Raw) -> bytes:
    return _named(number, ((name, value) for name, value in values.items() if name.startswith("x-")), _any)


def _info(number: int, info: Raw) -> bytes:
    return _message(number, _fields(info, {"title": (1, _text), "version": (2, _text)}))


def _paths(number: int, paths: Raw) -> bytes:
    return _message(
        number, _named(2, paths.items(), lambda value, item: _message(value, _fields(item, _PATH_ITEM)))
    )


def _operation(number: int, operation: Raw) -> bytes:
    return _message(number, _fields(operation, _OPERATION) + _extensions(13, operation))


def _parameter(number: int, parameter: Raw) -> bytes:
    """A `ParametersItem`: one message inside another, down to the kind of parameter it is."""
    match parameter["in"]:
        case "body":
            inner = _message(1, _fields(parameter, _BODY_PARAMETER))
        case "query":
            inner = _message(2, _message(3, _fields(parameter, _QUERY_PARAMETER)))
        case _:
            inner = _message(2, _message(4, _fields(parameter, _PATH_PARAMETER)))
    return _message(number, _message(1, inner))


def _responses(number: int, responses: Raw) -> bytes:
    def response(value: int, described: Raw) -> bytes:
        return _message(value, _message(1, _text(1, described["description"])))

    return _message(number, _named(1, responses.items(), response))


def _schema(number: int, schema: Any) -> bytes:
    if not isinstance(schema, dict):
        return b""
    return _message(number, _fields(schema, _SCHEMA) + _extensions(31, schema))


def _schemas(number: int, schemas: Any) -> bytes:
    return _message(number, _named(1, schemas.items(), _schema)) if isinstance(schemas, dict) else b""


def _additional(number: int, value: Any) -> bytes:
    return _message(number, _flag(2, value) if isinstance(value, bool) else _schema(1, value))


_SCHEMA: dict[str, tuple[int, Encode]] = {
    "$ref": (1, _text),
    "format": (2, _text),
    "title": (3, _text),
    "description": (4, _text),
    "default": (5, _any),
    "multipleOf": (6, _float),
    "maximum": (7, _float),
    "exclusiveMaximum": (8, _flag),
    "minimum": (9, _float),
    "exclusiveMinimum": (10, _flag),
    "maxLength": (11, _whole),
    "minLength": (12, _whole),
    "pattern": (13, _text),
    "maxItems": (14, _whole),
    "minItems": (15, _whole),
    "uniqueItems": (16, _flag),
    "maxProperties": (17, _whole),
    "minProperties": (18, _whole),
    "required": (19, _each(_text)),
    "enum": (20, _each(_any)),
    "additionalProperties": (21, _additional),
    "type": (22, lambda number, value: _message(number, _text(1, value))),
    "items": (23, lambda number, value: _message(number, _schema(1, value))),
    "properties": (25, _schemas),
}
_BODY_PARAMETER = {"name": (2, _text), "in": (3, _text), "required": (4, _flag), "schema": (5, _schema)}
_QUERY_PARAMETER = {"required": (1, _flag), "in": (2, _text), "name": (4, _text), "type": (6, _text)}
_PATH_PARAMETER = {**_QUERY_PARAMETER, "type": (5, _text)}
_OPERATION: dict[str, tuple[int, Encode]] = {
    "operationId": (5, _text),
    "produces": (6, _each(_text)),
    "consumes": (7, _each(_text)),
    "parameters": (8, _each(_parameter)),
    "responses": (9, _responses),
}
_PATH_ITEM: dict[str, tuple[int, Encode]] = {
    "get": (2, _operation),
    "put": (3, _operation),
    "post": (4, _operation),
    "patch": (8, _operation),
    "parameters": (9, _each(_parameter)),
}
_DOCUMENT: dict[str, tuple[int, Encode]] = {
    "swagger": (1, _text),
    "info": (2, _info),
    "paths": (8, _paths),
    "definitions": (9, _schemas),
}
