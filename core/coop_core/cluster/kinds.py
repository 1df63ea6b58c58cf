"""The kinds of Kubernetes objects that coop works with, and how their paths are built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Raw = dict[str, Any]
"""A Kubernetes object as JSON. Objects that a store or a client returned are shared: copy before changing one."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of object in one version of its group. The core group is ""."""

    group: str
    version: str
    plural: str
    name: str
    """The word in an object's `kind` field, e.g. "Deployment"."""
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    has_status: bool = True
    """Whether status is a subresource: then a plain write ignores status, and a status write ignores the rest."""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def singular(self) -> str:
        return self.name.lower()

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str = "") -> str:
        """The API path, without query. namespace None means the whole cluster.

        The parts must be valid Kubernetes names already; nothing is quoted here.
        """
        parts = ["/api" if not self.group else f"/apis/{self.group}", self.version]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        if name:
            parts.append(name)
        if subresource:
            parts.append(subresource)
        return "/".join(parts)


NAMESPACE = Kind("", "v1", "namespaces", "Namespace", namespaced=False, short_names=("ns",))
POD = Kind("", "v1", "pods", "Pod", short_names=("po",), categories=("all",))
SERVICE = Kind("", "v1", "services", "Service", short_names=("svc",), categories=("all",))
ENDPOINTS = Kind("", "v1", "endpoints", "Endpoints", short_names=("ep",), has_status=False)
CONFIG_MAP = Kind("", "v1", "configmaps", "ConfigMap", short_names=("cm",), has_status=False)
SECRET = Kind("", "v1", "secrets", "Secret", has_status=False)
SERVICE_ACCOUNT = Kind("", "v1", "serviceaccounts", "ServiceAccount", short_names=("sa",), has_status=False)
EVENT = Kind("", "v1", "events", "Event", short_names=("ev",), has_status=False)
DEPLOYMENT = Kind("apps", "v1", "deployments", "Deployment", short_names=("deploy",), categories=("all",))
REPLICA_SET = Kind("apps", "v1", "replicasets", "ReplicaSet", short_names=("rs",), categories=("all",))
JOB = Kind("batch", "v1", "jobs", "Job", categories=("all",))
CRON_JOB = Kind("batch", "v1", "cronjobs", "CronJob", short_names=("cj",), categories=("all",))
INGRESS = Kind("networking.k8s.io", "v1", "ingresses", "Ingress", short_names=("ing",))
ENDPOINT_SLICE = Kind("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", has_status=False)
APPLICATION = Kind(
    "argoproj.io", "v1alpha1", "applications", "Application", short_names=("app", "apps"), has_status=False
)
APP_PROJECT = Kind(
    "argoproj.io", "v1alpha1", "appprojects", "AppProject", short_names=("appproj",), has_status=False
)

ALL = (
    NAMESPACE, POD, SERVICE, ENDPOINTS, CONFIG_MAP, SECRET, SERVICE_ACCOUNT, EVENT, DEPLOYMENT, REPLICA_SET,
    CRON_JOB, JOB, INGRESS, ENDPOINT_SLICE, APPLICATION, APP_PROJECT,
)  # fmt: skip

ARGOCD_NAMESPACE = "argocd"
"""Where Application objects live, on every platform."""
