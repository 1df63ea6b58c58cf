"""Values as rules see them: only what the schema knows, with times, durations and bytes for what they are."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from google.protobuf import duration_pb2, timestamp_pb2

from coop_core.cluster.schemas.lists import identity, list_keys
from coop_core.cluster.schemas.rules import fields

if TYPE_CHECKING:
    from collections.abc import Callable

    from coop_core.cluster.kinds import Raw

_DURATION = re.compile(r"([+-]?)((?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))+)|[+-]?0")
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_NANOSECONDS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_BILLION = 10**9


class Unfit(Exception):
    """A value that is not what its schema says; the text says which and why."""


def presented(schema: Raw, value: Any, beside: Any = None, *, is_object: bool = False) -> Any:
    """A value for a rule. Raises Unfit.

    beside: for an old value, the new one. Lists that are sets or maps come in its order where both have the same
    entries, for the order of such lists does not tell two objects apart.
    """
    if value is None or schema.get("x-kubernetes-int-or-string") is True:
        return value
    if isinstance(value, dict):
        return _map(fields.as_object(schema) if is_object else schema, value, beside)
    if isinstance(value, list):
        return _list(schema, value, beside)
    match schema.get("type"):
        case "number":
            return float(value)
        case "integer":
            return int(value)
        case "string":
            read = _FORMATS.get(str(schema.get("format")))
            return read(value) if read else value
        case _:
            return value


def _map(schema: Raw, value: Raw, beside: Any) -> Raw:
    known, values = fields.properties(schema), fields.others(schema)
    beside = beside if isinstance(beside, dict) else {}
    if values:
        return {name: _below(values, one, beside.get(name)) for name, one in value.items()}
    shown = {}
    for name, inner in known.items():
        spelled = fields.escaped(name)
        # A null is as good as an absent field.
        if spelled and value.get(name) is not None:
            shown[spelled] = _below(inner, value[name], beside.get(name))
    return shown


def _list(schema: Raw, value: list[Any], beside: Any) -> list[Any]:
    inner = fields.items(schema)
    if inner is None:
        return value
    keys = list_keys(schema)
    if keys is None or not isinstance(beside, list):
        return [_below(inner, one) for one in value]
    old = {identity(one, keys): one for one in value}
    new = {identity(one, keys): one for one in beside}
    order = list(new) if old.keys() == new.keys() else list(old)
    return [_below(inner, old[key], new.get(key)) for key in order]


def _below(schema: Raw, value: Any, beside: Any = None) -> Any:
    return presented(schema, value, beside, is_object=fields.is_embedded(schema))


def _time(text: str) -> timestamp_pb2.Timestamp:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Unfit(f"Invalid date-time formatted string {text[:64]}") from None
    stamp = timestamp_pb2.Timestamp()
    stamp.FromDatetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    return stamp


def _duration(text: str) -> duration_pb2.Duration:
    """As Go reads one, e.g. "1h30m"."""
    found = _DURATION.fullmatch(text)
    if not found:
        raise Unfit(f"Invalid duration {text[:64]}")
    parts = _PART.findall(found[2] or "")
    length = int(sum(Fraction(f"0{number}") * _NANOSECONDS[unit] for number, unit in parts))
    if length >= 2**63:
        raise Unfit(f"Invalid duration {text[:64]}")
    sign = -1 if found[1] == "-" else 1
    return duration_pb2.Duration(seconds=sign * (length // _BILLION), nanos=sign * (length % _BILLION))


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Unfit(f"Invalid byte formatted string {text[:64]}") from None


_FORMATS: dict[str, Callable[[str], Any]] = {
    "date": _time,
    "date-time": _time,
    "duration": _duration,
    "byte": _bytes,
}
