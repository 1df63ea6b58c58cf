"""What a new local platform holds before anybody asks: namespaces, and the Argo CD project of all applications."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.cluster import kinds, labels

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw
    from coop_core.local.objects import Objects

NAMESPACES = ("default", kinds.ARGOCD_NAMESPACE, "main", "coop-ci")


def ensure(objects: Objects) -> None:
    """Creates what is missing and leaves alone what is there."""
    for name in NAMESPACES:
        if objects.find(kinds.NAMESPACE, "", name) is None:
            objects.create(kinds.NAMESPACE, _namespace(name))
    if objects.find(kinds.APP_PROJECT, kinds.ARGOCD_NAMESPACE, kinds.ARGOCD_PROJECT) is None:
        objects.create(kinds.APP_PROJECT, _project())


def _namespace(name: str) -> Raw:
    return {
        "metadata": {
            "name": name,
            "labels": {"kubernetes.io/metadata.name": name, labels.MANAGED_BY: labels.MANAGED_BY_COOP},
        },
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }


def _project() -> Raw:
    return {
        "metadata": {"name": kinds.ARGOCD_PROJECT, "namespace": kinds.ARGOCD_NAMESPACE},
        "spec": {
            "description": "Everything that coop deploys",
            "sourceRepos": ["*"],
            "destinations": [
                {"server": "https://kubernetes.default.svc", "namespace": "main"},
                {"server": "https://kubernetes.default.svc", "namespace": "dev-*"},
            ],
            "clusterResourceWhitelist": [{"group": "", "kind": "Namespace"}],
        },
    }
