from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from coop_core.cluster import defaults, drift, kinds
from coop_core.cluster.labels import ARGO_TRACKING_ID, LAST_APPLIED
from coop_core.cluster.managed_fields import Manager
from coop_core.cluster.ownership import Fields

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw


def manifest(**spec: Any) -> Raw:
    containers = [{"name": "web", "image": "v1", "env": [{"name": "A", "value": "1"}]}]
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "main", "labels": labels},
        "spec": {"selector": {"matchLabels": labels}, "template": template, **spec},
    }


def wanted(body: Raw) -> Raw:
    return defaults.defaulted(kinds.DEPLOYMENT, drift.marked("main-web", kinds.DEPLOYMENT, body))


def applied(body: Raw) -> Raw:
    """As it lives after the manifest was applied and others have written to it."""
    live = copy.deepcopy(wanted(body))
    live["metadata"] |= {"uid": "u", "generation": 1}
    live["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "1"
    live["status"] = {"replicas": 1}
    return live


def test_what_was_applied_does_not_differ_whatever_others_added() -> None:
    assert not drift.differs(wanted(manifest()), applied(manifest()))


@pytest.mark.parametrize("spec", [{"replicas": 3}, {"paused": True}, {"minReadySeconds": 5}])
def test_a_new_field_differs_and_a_field_that_left_does_too(spec: Raw) -> None:
    with_it, without = manifest(**spec), manifest()
    assert drift.differs(wanted(with_it), applied(without))
    assert drift.differs(wanted(without), applied(with_it))
    for body, live in ((with_it, applied(without)), (without, applied(with_it))):
        assert not drift.differs(wanted(body), drift.merged(wanted(body), live))


def test_merging_keeps_what_others_wrote() -> None:
    changed = manifest()
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = "v2"
    merged = drift.merged(wanted(changed), applied(manifest()))
    assert merged["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"
    assert merged["metadata"]["uid"] == "u"
    assert merged["spec"]["template"]["spec"]["containers"][0]["image"] == "v2"


def test_a_label_that_left_goes_and_a_strangers_label_stays() -> None:
    labelled = manifest()
    labelled["metadata"]["labels"] = {"app": "web", "old": "1"}
    live = applied(labelled)
    live["metadata"]["labels"]["strange"] = "1"
    assert drift.differs(wanted(manifest()), live)
    assert drift.merged(wanted(manifest()), live)["metadata"]["labels"] == {"app": "web", "strange": "1"}


def test_a_list_is_taken_whole() -> None:
    live = applied(manifest())
    live["spec"]["template"]["spec"]["containers"][0]["env"].append({"name": "B", "value": "2"})
    assert drift.differs(wanted(manifest()), live)


def test_a_secret_is_not_copied_into_an_annotation() -> None:
    body = {"metadata": {"name": "s", "namespace": "main"}, "stringData": {"password": "hush"}}
    assert LAST_APPLIED not in drift.marked("main-web", kinds.SECRET, body)["metadata"]["annotations"]


def test_only_the_object_that_the_tracking_id_names_is_tracked() -> None:
    live = applied(manifest())
    assert drift.application_of(kinds.DEPLOYMENT, live) == "main-web"
    assert live["metadata"]["annotations"][ARGO_TRACKING_ID] == "main-web:apps/Deployment:main/web"
    assert drift.application_of(kinds.REPLICA_SET, live) is None
    assert drift.application_of(kinds.DEPLOYMENT, {"metadata": {"name": "web"}}) is None


@pytest.mark.parametrize(
    ("pointer", "kept"),
    [
        ("/a", {"a": 9, "b": {"c/d": [1, 2]}}),
        ("/b/c~1d/1", {"a": 1, "b": {"c/d": [1, 8]}}),
        ("/b/e", {"a": 1, "b": {"c/d": [1, 2]}}),
        ("/b/c~1d/7", {"a": 1, "b": {"c/d": [1, 2]}}),
        ("", {"a": 1, "b": {"c/d": [1, 2]}}),
    ],
)
def test_a_pointer_keeps_what_is_there(pointer: str, kept: Raw) -> None:
    body, live = {"a": 1, "b": {"c/d": [1, 2]}}, {"a": 9, "b": {"c/d": [7, 8], "e": 1}}
    assert drift.keeping(body, live, [pointer]) == kept


def test_what_a_pointer_names_and_is_not_there_goes() -> None:
    assert drift.keeping({"a": 1, "b": 2}, {"b": 3}, ["/a"]) == {"b": 2}


def test_an_item_that_both_want_loses_only_the_fields_of_the_other() -> None:
    schema = {
        "properties": {
            "list": {
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
                "items": {"properties": {"name": {}, "mine": {}, "theirs": {}}},
            }
        }
    }
    fields, them = Fields(schema), Manager("them", "Apply", "v1")
    theirs = {"metadata": {}, "list": [{"name": "a", "theirs": 2}, {"name": "b", "theirs": 3}]}
    live = fields.applied({"metadata": {}, "list": [{"name": "a", "mine": 1}]}, theirs, them, force=True, time="")
    assert fields.without(live, live, {"them"})["list"] == [{"name": "a", "mine": 1}]
    wanted = {"metadata": {}, "list": [{"name": "a", "mine": 5, "theirs": 6}]}
    assert fields.keeping(wanted, live, {"them"})["list"] == [{"name": "a", "mine": 5, "theirs": 2}]
