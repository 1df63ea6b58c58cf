"""Defaults, validation and selectors, without a server."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coop_core.cluster import defaults, kinds, selectors, shapes, validation
from coop_core.cluster.selectors import BadSelector

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Kind, Raw

CONTAINER = {"name": "web", "image": "web:1"}


def named(**rest: Any) -> Raw:
    return {"metadata": {"name": "a", "namespace": "main"}, **rest}


def workload(container: Raw) -> Raw:
    template = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [container]}}
    return named(spec={"selector": {"matchLabels": {"app": "a"}}, "template": template})


def test_a_deployment_gets_what_describe_relies_on() -> None:
    spec = defaults.defaulted(kinds.DEPLOYMENT, workload(CONTAINER))["spec"]
    assert (spec["replicas"], spec["revisionHistoryLimit"], spec["progressDeadlineSeconds"]) == (1, 10, 600)
    rolling = {"maxSurge": "25%", "maxUnavailable": "25%"}
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": rolling}
    pod = spec["template"]["spec"]
    assert (pod["restartPolicy"], pod["dnsPolicy"], pod["terminationGracePeriodSeconds"]) == (
        "Always", "ClusterFirst", 30,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("web", "Always"),
        ("web:latest", "Always"),
        ("web:1", "IfNotPresent"),
        ("localhost:5000/web", "Always"),
        ("localhost:5000/web:1", "IfNotPresent"),
        ("coop.local/web@sha256:" + "0" * 64, "IfNotPresent"),
    ],
)
def test_the_pull_policy_follows_the_tag(image: str, policy: str) -> None:
    spec = defaults.pod_spec({"containers": [{"name": "a", "image": image}]})
    assert spec["containers"][0]["imagePullPolicy"] == policy


def test_probes_and_ports_are_completed() -> None:
    given_container = {**CONTAINER, "ports": [{"containerPort": 1}], "readinessProbe": {"httpGet": {"port": 1}}}
    container = defaults.pod_spec({"containers": [given_container]})["containers"][0]
    assert container["ports"] == [{"protocol": "TCP", "containerPort": 1}]
    probe = container["readinessProbe"]
    assert (probe["timeoutSeconds"], probe["periodSeconds"], probe["failureThreshold"]) == (1, 10, 3)
    assert probe["httpGet"] == {"port": 1, "path": "/", "scheme": "HTTP"}


def test_secrets_are_stored_encoded_only() -> None:
    secret = defaults.defaulted(kinds.SECRET, named(stringData={"a": "b"}, data={"c": "ZA=="}))
    assert "stringData" not in secret
    assert secret["data"] == {"a": "Yg==", "c": "ZA=="}


def test_a_namespace_is_labelled_with_its_name() -> None:
    namespace = defaults.defaulted(kinds.NAMESPACE, {"metadata": {"name": "main"}})
    assert namespace["metadata"]["labels"] == {"kubernetes.io/metadata.name": "main"}
    assert namespace["status"] == {"phase": "Active"}


@pytest.mark.parametrize(
    ("kind", "body", "field"),
    [
        (kinds.POD, named(spec={}), "spec.containers"),
        (kinds.POD, named(spec={"containers": [CONTAINER, CONTAINER]}), "spec.containers[1].name"),
        (kinds.POD, named(spec={"containers": [{"image": "x"}]}), "spec.containers[0].name"),
        (
            kinds.POD,
            named(spec={"containers": [{**CONTAINER, "env": [{"name": "A=B"}]}]}),
            "spec.containers[0].env[0].name",
        ),
        (
            kinds.POD,
            named(spec={"containers": [{**CONTAINER, "readinessProbe": {}}]}),
            "spec.containers[0].readinessProbe",
        ),
        (kinds.POD, named(spec={"containers": [CONTAINER], "restartPolicy": "Maybe"}), "spec.restartPolicy"),
        (kinds.SERVICE, named(spec={}), "spec.ports"),
        (kinds.SERVICE, named(spec={"ports": [{"port": 0}]}), "spec.ports[0].port"),
        (kinds.SERVICE, named(spec={"ports": [{"port": 1}, {"port": 2, "name": "b"}]}), "spec.ports[0].name"),
        (kinds.INGRESS, named(spec={}), "spec"),
        (kinds.INGRESS, named(spec={"rules": [{"host": "a b"}]}), "spec.rules[0].host"),
        (
            kinds.INGRESS,
            named(spec={"rules": [{"http": {"paths": [{"path": "x", "pathType": "Prefix"}]}}]}),
            "spec.rules[0].http.paths[0].path",
        ),
        (kinds.CONFIG_MAP, named(data={"a/b": ""}), "data[a/b]"),
        (kinds.APPLICATION, named(spec={"project": "coop"}), "spec.destination"),
        (kinds.NAMESPACE, {"metadata": {"name": "a.b"}}, "metadata.name"),
        (kinds.SERVICE, {"metadata": {"name": "1a", "namespace": "main"}}, "metadata.name"),
        (kinds.CONFIG_MAP, {"metadata": {"namespace": "main"}}, "metadata.name"),
        (
            kinds.CONFIG_MAP,
            {"metadata": {"name": "a", "namespace": "m", "labels": {"a": "b c"}}},
            "metadata.labels",
        ),
        (kinds.DEPLOYMENT, workload({**CONTAINER, "ports": [{"containerPort": 0}]}),
         "spec.template.spec.containers[0].ports[0].containerPort"),
    ],
)  # fmt: skip
def test_a_mistake_is_found_at_its_field(kind: Kind, body: Raw, field: str) -> None:
    assert shapes.misfit(kind, body) is None
    found = validation.causes(kind, defaults.defaulted(kind, body))
    assert field in [cause.field for cause in found]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=6,
)
PLACES = (
    "metadata", "spec", "status", "data", "metadata.labels", "spec.template", "spec.selector", "spec.containers",
    "spec.ports", "spec.rules", "spec.template.spec", "spec.template.metadata", "spec.template.spec.containers",
    "spec.template.spec.containers.0.env", "spec.template.spec.containers.0.readinessProbe", "spec.strategy",
    "status.containerStatuses", "status.loadBalancer", "involvedObject", "endpoints", "subsets",
)  # fmt: skip


@given(kind=st.sampled_from(kinds.ALL), place=st.sampled_from(PLACES), value=anything)
def test_whatever_fits_its_shape_can_be_completed_checked_and_shown(kind: Kind, place: str, value: Any) -> None:
    from coop_core.cluster import tables

    body = workload(CONTAINER) | {"status": {}}
    inner: Any = body
    *way, last = place.split(".")
    for step in way:
        inner = inner[int(step)] if isinstance(inner, list) else inner.setdefault(step, {})
    inner[last] = value
    if shapes.misfit(kind, body) is not None or not isinstance(body.get("metadata"), dict):
        return
    before = copy.deepcopy(body)
    completed = defaults.defaulted(kind, body)
    assert body == before
    assert defaults.defaulted(kind, completed) == completed
    if not validation.causes(kind, completed):
        assert len(tables.cells(kind, completed, 0.0)) == len(tables.columns(kind))


@pytest.mark.parametrize("text", ["a b", "=x", "a=(b)", "a in b", "!", "a in (b", "a=b=c", "a,b c", "\x00"])
def test_what_is_no_label_selector_is_refused(text: str) -> None:
    with pytest.raises(BadSelector):
        selectors.parse_labels(text)


def test_a_selector_of_an_object_means_the_same_as_the_text() -> None:
    spec = {
        "matchLabels": {"app": "web"},
        "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["a", "b"]},
            {"key": "old", "operator": "DoesNotExist"},
        ],
    }
    from_spec = selectors.from_spec(spec)
    from_text = selectors.parse_labels("app=web,tier in (a,b),!old")
    for labels in ({"app": "web", "tier": "a"}, {"app": "web"}, {"app": "web", "tier": "b", "old": ""}, {}):
        assert from_spec.matches(labels) == from_text.matches(labels)


def test_absent_labels_meet_the_requirements_that_deny() -> None:
    assert selectors.parse_labels("a!=b,a notin (b),!a").matches(None)


@given(st.text(alphabet="ab=!,()in not.", max_size=20))
def test_any_text_is_a_selector_or_refused(text: str) -> None:
    try:
        selectors.parse_labels(text).matches({"a": "b"})
        selectors.parse_fields(text, kinds.POD).matches(named())
    except BadSelector as error:
        assert str(error)
