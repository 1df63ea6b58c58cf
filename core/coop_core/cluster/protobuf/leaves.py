"""The Go types that write their JSON themselves: it is not simply the message's fields by name.

Source: the MarshalJSON and Unmarshal methods of Kubernetes' apimachinery and apiextensions.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from coop_core.cluster.protobuf.wire import BYTES, NUMBER, Malformed, few, raw, signed, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from coop_core.cluster.kinds import Raw

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER = datetime(1, 1, 1, tzinfo=UTC)
"""Go's zero time."""


def _moment(message: bytes) -> datetime | None:
    found = few(message)
    seconds, nanoseconds = signed(found.get((1, NUMBER), 0), 64), signed(found.get((2, NUMBER), 0), 32)
    try:
        moment = _EPOCH + timedelta(seconds=seconds, microseconds=nanoseconds // 1000)
    except OverflowError:
        raise Malformed("a time is out of range") from None
    return moment if message and moment != _NEVER else None


def _time(message: bytes) -> str | None:
    moment = _moment(message)
    return f"{moment.replace(tzinfo=None).isoformat(timespec='seconds')}Z" if moment else None


def _micro_time(message: bytes) -> str | None:
    moment = _moment(message)
    return f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}Z" if moment else None


def _quantity(message: bytes) -> str:
    return text(few(message).get((1, BYTES), b"")) or "0"


def _int_or_string(message: bytes) -> int | str:
    found = few(message)
    is_string = found.get((1, NUMBER), 0)
    return text(found.get((3, BYTES), b"")) if is_string else signed(found.get((2, NUMBER), 0), 32)


def _json(message: bytes) -> Any:
    written = raw(few(message).get((1, BYTES), b""))
    try:
        return msgspec.json.decode(written) if written else None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Malformed("what should be JSON inside of it is none") from None


LEAVES: dict[str, Callable[[bytes], Any]] = {
    "meta/v1.Time": _time,
    "meta/v1.MicroTime": _micro_time,
    "api/resource.Quantity": _quantity,
    "util/intstr.IntOrString": _int_or_string,
    "pkg/runtime.RawExtension": _json,
    "meta/v1.FieldsV1": _json,
    "apiextensions/v1.JSON": _json,
}
"""How the message of such a type becomes JSON; None means null."""


def _or_array(found: Raw) -> Any:
    return found.get("jSONSchemas") or found.get("schema")


def _or_bool(found: Raw) -> Any:
    return found.get("schema", found["allows"])


def _or_string_array(found: Raw) -> Any:
    return found.get("property") or found.get("schema")


UNIONS: dict[str, Callable[[Raw], Any]] = {
    "apiextensions/v1.JSONSchemaPropsOrArray": _or_array,
    "apiextensions/v1.JSONSchemaPropsOrBool": _or_bool,
    "apiextensions/v1.JSONSchemaPropsOrStringArray": _or_string_array,
}
"""What of its fields the JSON of such a type is."""
