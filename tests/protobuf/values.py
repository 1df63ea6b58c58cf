"""Objects as Go writes their JSON, made up from the table: what Hypothesis tries the decoder with."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from coop_core.cluster import kinds, reviews
from coop_core.cluster.conversions import VIEWS
from coop_core.cluster.protobuf import knows, name_of, table
from coop_core.cluster.protobuf.leaves import LEAVES, UNIONS

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw
    from coop_core.cluster.protobuf.table import Field

KINDS = {name: kind for kind in (*kinds.ALL, *VIEWS) if (name := name_of(kind)) is not None and knows(name)}
REQUESTS = ("meta/v1.DeleteOptions", "autoscaling/v1.Scale", *reviews.MESSAGES.values())
_DEEPEST = 6
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
_JSON = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | _TEXT, lambda inner: st.dictionaries(_TEXT, inner, max_size=2)
)
_INT32, _INT64 = st.integers(-(2**31), 2**31 - 1), st.integers(-(2**63), 2**63 - 1)
_PLAIN: dict[str, st.SearchStrategy[Any]] = {
    "bool": st.booleans(),
    "int32": _INT32,
    "int64": _INT64,
    "float64": st.floats(allow_nan=False, allow_infinity=False),
    "string": _TEXT,
    "[]byte": st.binary(max_size=5).map(lambda raw: base64.b64encode(raw).decode()),
}
_MOMENTS = st.datetimes(min_value=datetime(1, 1, 2))
_LEAVES: dict[str, st.SearchStrategy[Any]] = {
    "meta/v1.Time": _MOMENTS.map(lambda moment: f"{moment.isoformat(timespec='seconds')}Z"),
    "meta/v1.MicroTime": _MOMENTS.map(lambda moment: f"{moment.isoformat(timespec='microseconds')}Z"),
    "api/resource.Quantity": st.sampled_from(("0", "1", "100m", "1Gi")),
    "util/intstr.IntOrString": _INT32 | _TEXT,
    "pkg/runtime.RawExtension": _JSON,
    "meta/v1.FieldsV1": _JSON,
    "apiextensions/v1.JSON": _JSON,
}
_LEFT_OUT_WHEN_NULL = {"meta/v1.Time", "meta/v1.MicroTime", "pkg/runtime.RawExtension", "meta/v1.FieldsV1",
                       "apiextensions/v1.JSON"}  # fmt: skip


@st.composite
def objects(draw: st.DrawFn, name: str) -> Raw:
    """An object whose message is of that name, with the kind that it says it is."""
    drawn: Raw = draw(_messages(name))
    kind = KINDS.get(name)
    return {**drawn, "kind": kind.name, "apiVersion": kind.api_version} if kind else drawn


@st.composite
def _messages(draw: st.DrawFn, name: str, depth: int = 0) -> Any:
    if name in _PLAIN or name in LEAVES:
        return draw(_PLAIN[name] if name in _PLAIN else _LEAVES[name])
    message = table.message(name)
    if message.is_list:
        return draw(st.lists(_PLAIN[message.fields[1].of], max_size=2))
    if name in UNIONS:
        return draw(_union(name, depth))
    drawn: Raw = {}
    free = [field for field in message.fields.values() if not _is_due(field)]
    chosen = draw(st.lists(st.sampled_from(free), unique=True, max_size=3)) if free and depth < _DEEPEST else []
    for field in message.fields.values():
        if field in chosen or _is_due(field):
            value = draw(_fields(field, depth + 1))
            drawn |= value if field.is_inline else {field.name: value}
    return drawn


def _is_due(field: Field) -> bool:
    return field.is_always_there and field.of not in _LEFT_OUT_WHEN_NULL


def _fields(field: Field, depth: int) -> st.SearchStrategy[Any]:
    one = _messages(field.of, depth)
    match field.shape:
        case "list":
            return st.lists(one, min_size=int(field.omits_empty), max_size=2)
        case "map":
            return st.dictionaries(_TEXT, one, min_size=int(field.omits_empty), max_size=2)
        case "one":
            return one.filter(bool) if field.omits_empty else one


def _union(name: str, depth: int) -> st.SearchStrategy[Any]:
    schema = _messages("apiextensions/v1.JSONSchemaProps", depth + 1)
    match name.removeprefix("apiextensions/v1.JSONSchemaProps"):
        case "OrArray":
            return schema | st.lists(schema, min_size=1, max_size=2)
        case "OrBool":
            return schema | st.booleans()
        case _:
            return schema | st.lists(_TEXT, min_size=1, max_size=2)
