"""Allowed questions whose answers must be cut to what the user may see."""

from __future__ import annotations

from tests.proxy.attempts.writing import APPLICATIONS, PODS, get

_FORMS = {
    "object": "Accept: application/json",
    "table": "Accept: application/json;as=Table;v=v1;g=meta.k8s.io",
    "metadata": "Accept: application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
    "protobuf first": "Accept: application/vnd.kubernetes.protobuf,application/json",
    "anything": "Accept: */*",
}
_COLLECTIONS = {
    "pods": PODS, "one pod": f"{PODS}/web", "all pods": "/api/v1/pods",
    "all deployments": "/apis/apps/v1/deployments", "all cron jobs": "/apis/batch/v1/cronjobs",
    "all events": "/api/v1/events", "namespaces": "/api/v1/namespaces", "one namespace": "/api/v1/namespaces/main",
    "applications": APPLICATIONS, "all applications": "/apis/argoproj.io/v1alpha1/applications",
    "one application": f"{APPLICATIONS}/dev-ada-web",
}  # fmt: skip
_INITIAL = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
_CLOSE = "Connection: close"

CLASSES: dict[str, dict[str, bytes]] = {
    "B4 B5 whole answers": {
        f"{name} as {form}": get(path, accept, _CLOSE)
        for name, path in _COLLECTIONS.items()
        for form, accept in _FORMS.items()
    },
    "B5 table rows with objects": {
        name: get(f"{path}?includeObject=Object", _FORMS["table"], _CLOSE) for name, path in _COLLECTIONS.items()
    },
    "B4 B5 watches": {
        f"{name} as {form}": get(f"{path}?watch=true&timeoutSeconds=1", accept, _CLOSE)
        for name, path in _COLLECTIONS.items()
        for form, accept in _FORMS.items()
        if form in ("object", "table", "metadata")
    },
    "B4 watches with initial events": {
        name: get(f"{path}?watch=1&timeoutSeconds=1&{_INITIAL}", _CLOSE) for name, path in _COLLECTIONS.items()
    },
    "B4 selectors for what is hidden": {
        "label of another": get("/api/v1/pods?labelSelector=whose=bobs-affair", _CLOSE),
        "label of namespaces": get("/api/v1/namespaces?labelSelector=whose=bobs-affair", _CLOSE),
        "label of applications": get(f"{APPLICATIONS}?labelSelector=whose%3Dbobs-affair", _CLOSE),
        "namespace as a field": get("/api/v1/pods?fieldSelector=metadata.namespace=dev-bob", _CLOSE),
        "namespace as a field elsewhere": get(f"{PODS}?fieldSelector=metadata.namespace=dev-bob", _CLOSE),
        "name as a field": get("/api/v1/namespaces?fieldSelector=metadata.name=dev-bob", _CLOSE),
        "application as a field": get(f"{APPLICATIONS}?fieldSelector=metadata.name=dev-bob-web", _CLOSE),
        "application by name": get(f"{APPLICATIONS}/dev-bob-web", _CLOSE),
        "application by watch": get(f"{APPLICATIONS}/dev-bob-web?watch=1&timeoutSeconds=1", _CLOSE),
        "events about another": get("/api/v1/events?fieldSelector=involvedObject.namespace=dev-bob", _CLOSE),
        "count of what is left": get("/api/v1/pods?limit=1", _CLOSE),
        "a dropped parameter": get(f"{PODS}?namespace=dev-bob&allNamespaces=true&pretty=true", _CLOSE),
    },
}
