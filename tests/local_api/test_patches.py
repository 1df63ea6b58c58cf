"""Patches, without a server."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coop_core.cluster.jsonpatch import ExpectationFailed, json_patch
from coop_core.cluster.patches import BadPatch, merge, strategic_merge

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "x", "name"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
maps = st.dictionaries(st.sampled_from(["a", "b", "containers", "ports", "finalizers"]), json_values, max_size=4)


@pytest.mark.parametrize(
    ("target", "patch", "expected"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({"a": "foo"}, "bar", "bar"),
    ],
)
def test_merge_patches_follow_their_standard(target: Any, patch: Any, expected: Any) -> None:
    assert merge(target, patch) == expected


def containers(*items: dict[str, Any]) -> dict[str, Any]:
    return {"containers": list(items)}


@pytest.mark.parametrize(
    ("target", "patch", "expected"),
    [
        (
            containers({"name": "a", "image": "1"}, {"name": "b"}),
            containers({"name": "a", "image": "2"}),
            containers({"name": "a", "image": "2"}, {"name": "b"}),
        ),
        (containers({"name": "a"}), containers({"name": "b"}), containers({"name": "a"}, {"name": "b"})),
        (
            containers({"name": "a"}, {"name": "b"}),
            containers({"name": "a", "$patch": "delete"}),
            containers({"name": "b"}),
        ),
        (
            containers({"name": "a"}, {"name": "b"}),
            containers({"$patch": "replace"}, {"name": "c"}),
            containers({"name": "c"}),
        ),
        (
            {"containers": [{"name": "a"}, {"name": "b"}], "x": 1},
            {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]},
            {"containers": [{"name": "b"}, {"name": "a"}], "x": 1},
        ),
        ({"ports": [{"port": 80, "x": 1}]}, {"ports": [{"port": 80, "x": 2}]}, {"ports": [{"port": 80, "x": 2}]}),
        (
            {"hostAliases": [{"ip": "1", "x": 1}]},
            {"hostAliases": [{"ip": "1", "y": 2}]},
            {"hostAliases": [{"ip": "1", "x": 1, "y": 2}]},
        ),
        (
            {"webhooks": [{"name": "a", "x": 1}, {"name": "b"}]},
            {"webhooks": [{"name": "a", "x": 2}]},
            {"webhooks": [{"name": "a", "x": 2}, {"name": "b"}]},
        ),
        (
            {"conditions": [{"type": "A"}]},
            {"conditions": [{"type": "B"}]},
            {"conditions": [{"type": "A"}, {"type": "B"}]},
        ),
        ({"command": ["a", "b"]}, {"command": ["c"]}, {"command": ["c"]}),
        ({"finalizers": ["a"]}, {"finalizers": ["b", "a"]}, {"finalizers": ["a", "b"]}),
        ({"finalizers": ["a", "b"]}, {"$deleteFromPrimitiveList/finalizers": ["a"]}, {"finalizers": ["b"]}),
        ({"m": {"a": 1, "b": 2}}, {"m": {"$patch": "replace", "c": 3}}, {"m": {"c": 3}}),
        ({"m": {"a": 1, "b": 2}}, {"m": {"$retainKeys": ["b"], "b": 3}}, {"m": {"b": 3}}),
        ({"a": 1}, {"a": None}, {}),
    ],
)  # fmt: skip
def test_strategic_merges_know_lists_by_their_keys(target: Any, patch: Any, expected: Any) -> None:
    assert strategic_merge(target, patch) == expected


def test_a_list_item_without_its_key_is_refused() -> None:
    with pytest.raises(BadPatch, match="does not contain declared merge key: name"):
        strategic_merge(containers({"name": "a"}), containers({"image": "x"}))


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"op": "add", "path": "/b", "value": 2}, {"a": [1, 2], "b": 2}),
        ({"op": "add", "path": "/a/1", "value": 9}, {"a": [1, 9, 2]}),
        ({"op": "add", "path": "/a/-", "value": 9}, {"a": [1, 2, 9]}),
        ({"op": "replace", "path": "/a/0", "value": 9}, {"a": [9, 2]}),
        ({"op": "remove", "path": "/a/0"}, {"a": [2]}),
        ({"op": "move", "from": "/a/0", "path": "/a/1"}, {"a": [2, 1]}),
        ({"op": "copy", "from": "/a", "path": "/b"}, {"a": [1, 2], "b": [1, 2]}),
        ({"op": "test", "path": "/a/0", "value": 1}, {"a": [1, 2]}),
        ({"op": "add", "path": "/x~1y~0z", "value": 1}, {"a": [1, 2], "x/y~z": 1}),
    ],
)
def test_json_patch_operations_do_what_they_say(operation: dict[str, Any], expected: Any) -> None:
    assert json_patch({"a": [1, 2]}, [operation]) == expected


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "/b", "value": 1},
        {"op": "remove", "path": "/b"},
        {"op": "remove", "path": "/a/2"},
        {"op": "remove", "path": ""},
        {"op": "add", "path": "/a/3", "value": 1},
        {"op": "add", "path": "/a/01", "value": 1},
        {"op": "add", "path": "/a/-1", "value": 1},
        {"op": "add", "path": "/x/y", "value": 1},
        {"op": "add", "path": "b", "value": 1},
        {"op": "add", "path": "/b"},
        {"op": "add", "path": "", "value": 1},
        {"op": "move", "from": "/a", "path": "/a/0"},
        {"op": "dance", "path": "/a"},
        {"op": "test", "path": "/a/0", "value": True},
        "remove",
    ],
)
def test_json_patch_operations_that_do_not_fit_are_refused(operation: Any) -> None:
    with pytest.raises(BadPatch):
        json_patch({"a": [1, 2]}, [operation])


def test_a_failed_expectation_undoes_all() -> None:
    target = {"a": 1}
    with pytest.raises(ExpectationFailed):
        json_patch(target, [{"op": "add", "path": "/b", "value": 1}, {"op": "test", "path": "/a", "value": 2}])
    assert target == {"a": 1}


@given(target=maps, patch=maps)
def test_no_patch_changes_what_it_was_given_and_all_but_bad_ones_settle(target: Any, patch: Any) -> None:
    before = copy.deepcopy((target, patch))
    once = merge(target, patch)
    assert merge(once, patch) == once
    try:
        first = strategic_merge(target, patch)
        assert strategic_merge(first, patch) == first
    except BadPatch:
        pass
    assert (target, patch) == before
