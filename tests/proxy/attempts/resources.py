"""What is not granted: kinds, namespaces, forms."""

from __future__ import annotations

from tests.proxy.attempts.writing import APPLICATIONS, get

_OWN = "/api/v1/namespaces/dev-ada"
_TABLE = "Accept: application/json;as=Table;v=v1;g=meta.k8s.io"
_PARTIAL = "Accept: application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
_PROTOBUF = "Accept: application/vnd.kubernetes.protobuf"
_BOBS = {
    f"{resource} of {namespace}": get(f"{root}/namespaces/{namespace}/{resource}")
    for namespace in ("dev-bob", "kube-system")
    for root, resources in {
        "/api/v1": ("pods", "services", "events", "persistentvolumeclaims"),
        "/apis/apps/v1": ("deployments", "replicasets", "statefulsets", "daemonsets"),
        "/apis/batch/v1": ("jobs", "cronjobs"),
        "/apis/networking.k8s.io/v1": ("ingresses",),
        "/apis/discovery.k8s.io/v1": ("endpointslices",),
    }.items()
    for resource in resources
}

CLASSES: dict[str, dict[str, bytes]] = {
    "B5 secrets": {
        "list": get(f"{_OWN}/secrets"),
        "one": get(f"{_OWN}/secrets/keys"),
        "of all": get("/api/v1/secrets"),
        "watch": get(f"{_OWN}/secrets?watch=true"),
        "watch of all": get("/api/v1/secrets?watch=true"),
        "watch with initial events": get(
            f"{_OWN}/secrets?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=1"
        ),
        "table": get(f"{_OWN}/secrets", _TABLE),
        "table with objects": get(f"{_OWN}/secrets?includeObject=Object", _TABLE),
        "metadata": get(f"{_OWN}/secrets", _PARTIAL),
        "protobuf": get(f"{_OWN}/secrets", _PROTOBUF),
        "yaml": get(f"{_OWN}/secrets", "Accept: application/yaml"),
        "cbor": get(f"{_OWN}/secrets", "Accept: application/cbor"),
        "by name as a field": get(f"{_OWN}/secrets?fieldSelector=metadata.name=keys"),
        "helm releases": get(f"{_OWN}/secrets?labelSelector=owner=helm"),
        "table of one": get(f"{_OWN}/secrets/keys", _TABLE),
    },
    "B5 kinds that carry secrets": {
        path: get(path)
        for path in (
            f"{_OWN}/configmaps", f"{_OWN}/configmaps/web", f"{_OWN}/serviceaccounts", f"{_OWN}/podtemplates",
            f"{_OWN}/endpoints", f"{_OWN}/replicationcontrollers", f"{_OWN}/limitranges",
            "/apis/apps/v1/namespaces/dev-ada/controllerrevisions",
            "/apis/certificates.k8s.io/v1/certificatesigningrequests",
            "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
            "/apis/rbac.authorization.k8s.io/v1/clusterroles",
            "/apis/rbac.authorization.k8s.io/v1/namespaces/dev-ada/rolebindings",
            "/apis/coordination.k8s.io/v1/namespaces/dev-ada/leases",
            "/apis/argoproj.io/v1alpha1/namespaces/argocd/appprojects",
            "/apis/argoproj.io/v1alpha1/namespaces/argocd/applicationsets",
            "/apis/argoproj.io/v1alpha1/namespaces/dev-ada/rollouts",
            "/apis/argoproj.io/v1alpha1/namespaces/dev-ada/workflows",
            "/apis/external-secrets.io/v1/namespaces/dev-ada/externalsecrets",
            "/apis/bitnami.com/v1alpha1/namespaces/dev-ada/sealedsecrets",
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
            "/apis/metrics.k8s.io/v1beta1/namespaces/dev-ada/pods",
            "/api/v1/nodes", "/api/v1/nodes/n1", "/api/v1/persistentvolumes", "/api/v1/componentstatuses",
        )
    },
    "B4 other developers' namespaces": {
        **_BOBS,
        "a pod": get("/api/v1/namespaces/dev-bob/pods/web"),
        "a log": get("/api/v1/namespaces/dev-bob/pods/web/log"),
        "a followed log": get("/api/v1/namespaces/dev-bob/pods/web/log?follow=true"),
        "a watch": get("/api/v1/namespaces/dev-bob/pods?watch=true"),
        "a watch of one": get("/api/v1/namespaces/dev-bob/pods/web?watch=true"),
        "a watch of one namespace": get("/api/v1/namespaces/dev-bob?watch=true"),
        "the namespace": get("/api/v1/namespaces/dev-bob"),
        "a namespace that is not there": get("/api/v1/namespaces/dev-xyz"),
        "a system namespace": get("/api/v1/namespaces/kube-system"),
        "argocd's own pods": get("/api/v1/namespaces/argocd/pods"),
        "applications elsewhere": get("/apis/argoproj.io/v1alpha1/namespaces/dev-ada/applications"),
        "a namespace that begins like one's own": get("/api/v1/namespaces/dev-ada2/pods"),
        "a namespace that ends like one's own": get("/api/v1/namespaces/x-dev-ada/pods"),
        "the placeholder itself": get("/api/v1/namespaces/dev-{user}/pods"),
    },
    "B2 groups and versions": {
        "another group of the same name": get("/apis/evil.example.org/v1/namespaces/dev-ada/pods"),
        "core under a group": get("/apis/v1/namespaces/dev-ada/pods"),
        "core under its old name": get("/apis/core/v1/namespaces/dev-ada/pods"),
        "group under core": get("/api/apps/v1/namespaces/dev-ada/deployments"),
        "older version": get("/apis/apps/v1beta1/namespaces/dev-ada/deployments"),
        "older extensions": get("/apis/extensions/v1beta1/namespaces/dev-ada/deployments"),
        "newer version": get("/api/v2/namespaces/dev-ada/pods"),
        "events of another group": get("/apis/events.k8s.io/v1/namespaces/dev-ada/events"),
        "group with a slash": get("/apis/apps%2Fv1/namespaces/dev-ada/deployments"),
        "applications of a later version": get(APPLICATIONS.replace("v1alpha1", "v1")),
    },
}  # fmt: skip
