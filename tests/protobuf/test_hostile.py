"""Bodies that no client sends: each is decoded or refused, and that soon."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coop_core.cluster import protobuf
from coop_core.cluster.protobuf import Malformed
from tests.protobuf import encoding, values
from tests.protobuf.encoding import enveloped, field, number_of

NAMES = sorted([*values.KINDS, *values.REQUESTS])
MEBIBYTES_3 = 3 * 1024 * 1024
POD = "core/v1.Pod"
SCHEMA = "apiextensions/v1.JSONSchemaProps"


def survives(body: bytes, name: str) -> None:
    """Either it is refused, or what it becomes is JSON."""
    try:
        found = protobuf.read(body, name)
    except Malformed as refused:
        assert str(refused)
    else:
        msgspec.json.encode(found)


@given(st.binary(max_size=200), st.sampled_from(NAMES))
def test_random_bytes_do_no_harm(message: bytes, name: str) -> None:
    survives(message, name)
    survives(b"k8s\x00" + message, name)
    survives(enveloped(message), name)


@given(st.data())
def test_damaged_objects_do_no_harm(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(NAMES))
    body = bytearray(encoding.body(name, data.draw(values.objects(name))))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(4, len(body)))
        body[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    survives(bytes(body), name)
    survives(bytes(body[: data.draw(st.integers(0, len(body)))]), name)


def test_an_object_of_another_message_does_no_harm() -> None:
    """Only the envelope tells which one it is; without its word, the path's kind is believed."""
    body = encoding.body("core/v1.Secret", {"metadata": {"name": "a"}, "data": {"a": "YQ=="}, "type": "Opaque"})
    for name in NAMES:
        survives(body, name)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "does not begin"),
        (b"{}", "does not begin"),
        (b"k8s", "does not begin"),
        (b"k8s\x00\x12\x05ab", "unexpected end"),
        (b"k8s\x00\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "unexpected end"),
        (b"k8s\x00\x12" + b"\xff" * 11, "too long or cut off"),
        (b"k8s\x00\x80", "too long or cut off"),
        (b"k8s\x00\x1a\x04gzip", "encoded once more"),
        (b"k8s\x00" + field(1, field(2, b"Secret")), "it is a Secret"),
        (b"k8s\x00" + field(1, field(2, b"\xff")), "not UTF-8"),
        (enveloped(b"\x00\x01"), "impossible number"),
        (enveloped(b"\x0b\x0c"), "unknown wire type"),
        (enveloped(b"\x0f"), "unknown wire type"),
        (enveloped(b"\x08\x01"), "field 1 has the wrong wire type"),
        (enveloped(field(1, field(1, b"\xc3"))), "not UTF-8"),
        (enveloped(field(1, field(8, b"\x08" + number_of(2**62)))), "out of range"),
        (enveloped(field(1, field(17, field(7, field(1, b"{"))))), "should be JSON"),
        (enveloped(field(1, field(17, field(7, field(1, b"[" * 100_000))))), "should be JSON"),
        (enveloped(field(1, field(11, b"\x08\x01" * 20))), "too many fields"),
        (enveloped(b"\xf8\x07\x00" * (MEBIBYTES_3 // 3)), "too many fields"),
        (enveloped(field(2, b"\x12\x00" * (MEBIBYTES_3 // 2))), "too many fields"),
        (enveloped(field(2, field(14, field(4, b"\x01" * MEBIBYTES_3)))), "too many fields"),
    ],
)
def test_what_is_wrong_is_refused_with_the_reason(body: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        protobuf.read(body, POD)


def test_numbers_that_json_does_not_have_are_refused() -> None:
    for number in (float("nan"), float("inf")):
        body = encoding.body(SCHEMA, {"minimum": number})
        with pytest.raises(Malformed, match="none that JSON has"):
            protobuf.read(body, SCHEMA)


def test_deep_nesting_is_refused() -> None:
    schema = b""
    for depth in range(200):
        if depth == 90:
            protobuf.read(enveloped(schema), SCHEMA)
        schema = field(28, schema)  # not
    with pytest.raises(Malformed, match="nested too deeply"):
        protobuf.read(enveloped(schema), SCHEMA)
