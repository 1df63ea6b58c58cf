"""Protobuf becomes the JSON that Go would have written of the same object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coop_core.cluster import protobuf
from tests.protobuf import encoding, values
from tests.protobuf.encoding import enveloped, field

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw

# As kubectl 1.37 sent it: `create deployment web --image=web:1 --replicas=0 --port=8080`.
DEPLOYMENT = bytes.fromhex(
    "6b3873000a150a07617070732f7631120a4465706c6f796d656e7412b7010a1f0a0377656212001a0022002a003200380042005a0a0a"
    "0361707012037765621285010800120c0a0a0a0361707012037765621a6b0a1c0a0012001a0022002a003200380042005a0a0a036170"
    "701203776562124b122d0a0377656212057765623a312a00320b0a00100018903f22002a0042006a007200800100880100900100a201"
    "001a00320042004a0052005800600068008201008a01009a0100c2010022020a00280038001a0c0800100018002000280038001a0022"
    "00"
)
NAMES = sorted([*values.KINDS, *values.REQUESTS])


def decoded(name: str, value: Any) -> Raw:
    return protobuf.read(encoding.body(name, value), name)


@settings(max_examples=400)
@given(st.data())
def test_whatever_was_encoded_comes_back(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(NAMES))
    value = data.draw(values.objects(name))
    assert decoded(name, value) == value


def test_a_deployment_of_kubectl_is_what_kubectl_shows() -> None:
    container = {"name": "web", "image": "web:1", "ports": [{"containerPort": 8080}], "resources": {}}
    assert protobuf.read(DEPLOYMENT, "apps/v1.Deployment") == {
        "kind": "Deployment",
        "apiVersion": "apps/v1",
        "metadata": {"name": "web", "labels": {"app": "web"}},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}},
            "strategy": {},
        },
        "status": {},
    }


def test_zero_is_shown_where_go_shows_it() -> None:
    """A pointer to it, and a field without omitempty; whether the wire has the latter or not."""
    spec = {"replicas": 0, "minReadySeconds": 0, "paused": False}
    shown = decoded("apps/v1.Deployment", {"spec": spec})["spec"]
    assert (shown["replicas"], "minReadySeconds" in shown, "paused" in shown) == (0, False, False)
    for status in ({}, {"restartCount": 0, "ready": False, "name": "", "image": ""}):
        pod = decoded("core/v1.Pod", {"status": {"containerStatuses": [status]}})
        assert pod["status"]["containerStatuses"] == [
            {
                "name": "",
                "state": {},
                "lastState": {},
                "ready": False,
                "restartCount": 0,
                "image": "",
                "imageID": "",
            }
        ]


def test_the_fields_of_an_inlined_message_stand_in_its_place() -> None:
    probe = {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 3}
    source = {"name": "settings", "key": "greeting"}
    container = {
        "name": "web",
        "resources": {},
        "livenessProbe": probe,
        "env": [{"name": "A", "valueFrom": {"configMapKeyRef": source}}],
    }
    volumes = [{"name": "scratch", "emptyDir": {}}, {"name": "secret", "secret": {"secretName": "s"}}]
    spec = {"containers": [container], "volumes": volumes}
    assert decoded("core/v1.Pod", {"spec": spec})["spec"] == spec


@pytest.mark.parametrize("groups", [b"\x20\x01\x20\xac\x02", b"\x22\x03\x01\xac\x02"])
def test_a_list_of_numbers_may_be_packed(groups: bytes) -> None:
    pod = protobuf.read(enveloped(field(2, field(14, groups))), "core/v1.Pod")
    assert pod["spec"]["securityContext"] == {"supplementalGroups": [1, 300]}


def test_what_comes_twice_is_merged_and_the_unknown_skipped() -> None:
    name, other, label = field(1, b"a"), field(1, b"b"), field(11, field(1, b"k") + field(2, b"v"))
    unknown = b"\xf8\x07\x01\xf9\x0700000000\xfa\x07\x01x\xfd\x070000"
    halves = field(1, name + label) + field(1, other + unknown)
    found = protobuf.read(enveloped(halves + unknown), "core/v1.ConfigMap")
    assert found == {"metadata": {"name": "b", "labels": {"k": "v"}}}


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [("0800", "1970-01-01T00:00:00Z"), ("08ffffffffffffffffff01", "1969-12-31T23:59:59Z"), ("", None)],
)
def test_times_are_in_utc_and_no_time_is_left_out(seconds: str, shown: str | None) -> None:
    metadata = field(8, bytes.fromhex(seconds))
    found = protobuf.read(enveloped(field(1, metadata)), "core/v1.ConfigMap")
    assert found["metadata"].get("creationTimestamp") == shown


def test_whole_numbers_of_a_schema_stay_whole() -> None:
    schema = {"minimum": 1.0, "maximum": 2.5}
    found = decoded("apiextensions/v1.JSONSchemaProps", schema)
    assert (repr(found["minimum"]), repr(found["maximum"])) == ("1", "2.5")


@pytest.mark.parametrize(
    "schema",
    [
        {"items": {"type": "string"}},
        {"items": [{"type": "string"}]},
        {"additionalProperties": False},
        {"additionalProperties": {"type": "string"}},
        {"dependencies": {"a": ["b"]}},
        {"dependencies": {"a": {"type": "string"}}},
        {"default": {"any": [1, None]}, "enum": ["a", None]},
    ],
)
def test_the_parts_of_a_schema_that_may_be_this_or_that(schema: Raw) -> None:
    assert decoded("apiextensions/v1.JSONSchemaProps", schema) == schema
