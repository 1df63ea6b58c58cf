"""Objects of one service in one environment, in the states that a rollout goes through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coop_core.cluster import labels

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw

COMMIT, OLD_COMMIT = "c" * 40, "b" * 40
SOURCE, OLD_SOURCE = "5" * 40, "4" * 40


def application(revision: str = COMMIT, sync: str = "Synced", phase: str = "Succeeded", **status: Any) -> Raw:
    return {
        "metadata": {"name": "dev-ada-web", "namespace": "argocd", "labels": {labels.NAME: "web"}},
        "spec": {"destination": {"namespace": "dev-ada"}},
        "status": {
            "sync": {"status": sync, "revision": revision},
            "health": {"status": "Healthy"},
            "operationState": {"phase": phase, "syncResult": {"revision": revision}},
            "resources": [{"kind": "Deployment", "name": "web"}],
            **status,
        },
    }


def deployment(*, revision: int = 2, source: str = SOURCE, generation: int = 2, **status: Any) -> Raw:
    template = {"metadata": {"annotations": {labels.SOURCE_COMMIT: source}}}
    counts = {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, "readyReplicas": 1}
    return {
        "metadata": {
            "name": "web",
            "namespace": "dev-ada",
            "uid": "d",
            "generation": generation,
            "labels": {labels.NAME: "web"},
            "annotations": {labels.REVISION: str(revision)},
        },
        "spec": {"replicas": 1, "template": template},
        "status": {"observedGeneration": 2, **counts, **status},
    }


def replica_set(revision: int) -> Raw:
    return {
        "metadata": {
            "name": f"web-{revision}",
            "namespace": "dev-ada",
            "uid": f"r{revision}",
            "annotations": {labels.REVISION: str(revision)},
            "ownerReferences": [{"uid": "d"}],
        },
    }


def pod(revision: int = 2, *, ready: bool = True, name: str = "", source: str = SOURCE, **container: Any) -> Raw:
    name = name or f"web-{revision}-x"
    condition = {
        "type": "Ready",
        "status": "True" if ready else "False",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
        **({} if ready else {"message": "containers with unready status: [web]"}),
    }
    state = container or {"state": {"running": {}}}
    return {
        "metadata": {
            "name": name,
            "namespace": "dev-ada",
            "uid": f"u-{name}",
            "annotations": {labels.SOURCE_COMMIT: source},
            "ownerReferences": [{"uid": f"r{revision}"}],
        },
        "spec": {"containers": [{"name": "web"}]},
        "status": {
            "phase": "Running",
            "conditions": [condition],
            "containerStatuses": [{"name": "web", "ready": ready, "restartCount": 0, **state}],
        },
    }
