"""The parse of a request's path, which the API server and the proxy share."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coop_core.cluster import kinds, requests
from coop_core.cluster.requests import BadPath, Target


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/api/v1/pods", Target("", "v1", "", "pods")),
        ("/api/v1/namespaces", Target("", "v1", "", "namespaces")),
        ("/api/v1/namespaces/main", Target("", "v1", "", "namespaces", name="main")),
        ("/api/v1/namespaces/main/status", Target("", "v1", "", "namespaces", "status", "main")),
        ("/api/v1/namespaces/main/finalize", Target("", "v1", "", "namespaces", "finalize", "main")),
        ("/api/v1/namespaces/main/pods", Target("", "v1", "main", "pods")),
        ("/api/v1/namespaces/main/pods/web-1", Target("", "v1", "main", "pods", name="web-1")),
        ("/api/v1/namespaces/main/pods/web-1/log", Target("", "v1", "main", "pods", "log", "web-1")),
        ("/apis/apps/v1/deployments", Target("apps", "v1", "", "deployments")),
        (
            "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/main-web",
            Target("argoproj.io", "v1alpha1", "argocd", "applications", name="main-web"),
        ),
        (
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node",
            Target("rbac.authorization.k8s.io", "v1", "", "clusterroles", name="system:node"),
        ),
    ],
)
def test_a_path_is_read_into_its_parts(path: str, target: Target) -> None:
    assert requests.parse(path) == target


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "api/v1/pods",
        "/api",
        "/api/v1",
        "/api/v1/",
        "/api/v1/pods/",
        "/api//v1/pods",
        "//api/v1/pods",
        "/api/v1/namespaces/main/pods/a/log/b",
        "/api/v1/namespaces/main/services/web/proxy/admin",
        "/api/v1/namespaces/main/pods/..",
        "/api/v1/namespaces/../secrets",
        "/api/v1/namespaces/main/./pods",
        "/api/v1/namespaces/main/pods/a%2fb",
        "/api/v1/namespaces/main/pods/a%00",
        "/api/v1/namespaces/main\\pods",
        "/api/v1/namespaces/MAIN/pods",
        "/api/v1/Pods",
        "/api/1/pods",
        "/apis/v1/deployments",
        "/apis/Apps/v1/deployments",
        "/apis/apps/v1/deployments;x=1",
        "/api/v1/pods#x",
        "/api/v1/pods/a b",
        "/api/v1/pods/a\n",
        "/api/v1\n/pods",
        "https://evil.example/api/v1/pods",
        "/metrics",
    ],
)
def test_a_path_that_could_be_read_in_two_ways_is_refused(path: str) -> None:
    with pytest.raises(BadPath):
        requests.parse(path)


@given(
    kind=st.sampled_from(kinds.ALL),
    namespace=st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True),
    name=st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True),
    subresource=st.sampled_from(["", "status", "log"]),
)
def test_what_a_kind_writes_as_its_path_is_read_back(
    kind: kinds.Kind, namespace: str, name: str, subresource: str
) -> None:
    if kind == kinds.NAMESPACE and subresource == "log":
        return
    target = requests.parse(kind.path(namespace, name, subresource))
    assert (target.group, target.version, target.resource) == (kind.group, kind.version, kind.plural)
    assert (target.name, target.subresource) == (name, subresource)
    assert target.namespace == (namespace if kind.namespaced else "")


@given(st.text(alphabet="/abpisv1.%\\;#?-A:_ \n", max_size=40))
def test_any_text_is_parsed_into_plain_parts_or_refused(path: str) -> None:
    try:
        target = requests.parse(path)
    except BadPath:
        return
    parts = (target.group, target.version, target.namespace, target.resource, target.subresource, target.name)
    assert not set("".join(parts)) & set("/%\\;#? \n")


@pytest.mark.parametrize(
    ("method", "path", "watch", "verb"),
    [
        ("GET", "/api/v1/pods", False, "list"),
        ("GET", "/api/v1/pods", True, "watch"),
        ("GET", "/api/v1/namespaces/main/pods/a", False, "get"),
        ("GET", "/api/v1/namespaces/main/pods/a", True, "watch"),
        ("GET", "/api/v1/namespaces/main/pods/a/log", True, "get"),
        ("POST", "/api/v1/namespaces/main/pods", False, "create"),
        ("POST", "/api/v1/namespaces/main/pods/a", False, None),
        ("POST", "/api/v1/namespaces/main/pods/a/exec", False, "create"),
        ("PUT", "/api/v1/namespaces/main/pods/a", False, "update"),
        ("PUT", "/api/v1/namespaces/main/pods", False, None),
        ("PATCH", "/api/v1/namespaces/main/pods/a", False, "patch"),
        ("DELETE", "/api/v1/namespaces/main/pods/a", False, "delete"),
        ("DELETE", "/api/v1/namespaces/main/pods", False, "deletecollection"),
        ("HEAD", "/api/v1/pods", False, None),
        ("get", "/api/v1/pods", False, None),
    ],
)
def test_the_verb_follows_from_method_and_target(method: str, path: str, watch: bool, verb: str | None) -> None:
    assert requests.verb(method, requests.parse(path), watch=watch) == verb
