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
    has_scale: bool = False
    is_custom: bool = False
    """Whether a CustomResourceDefinition made it: then its fields are known to its schema alone."""
    word: str = ""
    """What `singular` is, if not the lower-case name."""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def singular(self) -> str:
        return self.word or self.name.lower()

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
NODE = Kind("", "v1", "nodes", "Node", namespaced=False, short_names=("no",))
POD = Kind("", "v1", "pods", "Pod", short_names=("po",), categories=("all",))
POD_TEMPLATE = Kind("", "v1", "podtemplates", "PodTemplate", has_status=False)
SERVICE = Kind("", "v1", "services", "Service", short_names=("svc",), categories=("all",))
ENDPOINTS = Kind("", "v1", "endpoints", "Endpoints", short_names=("ep",), has_status=False)
CONFIG_MAP = Kind("", "v1", "configmaps", "ConfigMap", short_names=("cm",), has_status=False)
SECRET = Kind("", "v1", "secrets", "Secret", has_status=False)
SERVICE_ACCOUNT = Kind("", "v1", "serviceaccounts", "ServiceAccount", short_names=("sa",), has_status=False)
EVENT = Kind("", "v1", "events", "Event", short_names=("ev",), has_status=False)
LIMIT_RANGE = Kind("", "v1", "limitranges", "LimitRange", short_names=("limits",), has_status=False)
RESOURCE_QUOTA = Kind("", "v1", "resourcequotas", "ResourceQuota", short_names=("quota",))
PERSISTENT_VOLUME = Kind("", "v1", "persistentvolumes", "PersistentVolume", namespaced=False, short_names=("pv",))
PERSISTENT_VOLUME_CLAIM = Kind("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", short_names=("pvc",))
REPLICATION_CONTROLLER = Kind(
    "", "v1", "replicationcontrollers", "ReplicationController",
    short_names=("rc",), categories=("all",), has_scale=True,
)  # fmt: skip

DEPLOYMENT = Kind(
    "apps", "v1", "deployments", "Deployment", short_names=("deploy",), categories=("all",), has_scale=True
)
REPLICA_SET = Kind(
    "apps", "v1", "replicasets", "ReplicaSet", short_names=("rs",), categories=("all",), has_scale=True
)
STATEFUL_SET = Kind(
    "apps", "v1", "statefulsets", "StatefulSet", short_names=("sts",), categories=("all",), has_scale=True
)
DAEMON_SET = Kind("apps", "v1", "daemonsets", "DaemonSet", short_names=("ds",), categories=("all",))
CONTROLLER_REVISION = Kind("apps", "v1", "controllerrevisions", "ControllerRevision", has_status=False)
JOB = Kind("batch", "v1", "jobs", "Job", categories=("all",))
CRON_JOB = Kind("batch", "v1", "cronjobs", "CronJob", short_names=("cj",), categories=("all",))
AUTOSCALER = Kind(
    "autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler",
    short_names=("hpa",), categories=("all",),
)  # fmt: skip
DISRUPTION_BUDGET = Kind("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", short_names=("pdb",))

INGRESS = Kind("networking.k8s.io", "v1", "ingresses", "Ingress", short_names=("ing",))
INGRESS_CLASS = Kind(
    "networking.k8s.io", "v1", "ingressclasses", "IngressClass", namespaced=False, has_status=False
)
NETWORK_POLICY = Kind(
    "networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", short_names=("netpol",), has_status=False
)
ENDPOINT_SLICE = Kind("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", has_status=False)

_RBAC = "rbac.authorization.k8s.io"
ROLE = Kind(_RBAC, "v1", "roles", "Role", has_status=False)
ROLE_BINDING = Kind(_RBAC, "v1", "rolebindings", "RoleBinding", has_status=False)
CLUSTER_ROLE = Kind(_RBAC, "v1", "clusterroles", "ClusterRole", namespaced=False, has_status=False)
CLUSTER_ROLE_BINDING = Kind(
    _RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False, has_status=False
)

_STORAGE = "storage.k8s.io"
STORAGE_CLASS = Kind(
    _STORAGE, "v1", "storageclasses", "StorageClass", namespaced=False, short_names=("sc",), has_status=False
)
VOLUME_ATTACHMENT = Kind(_STORAGE, "v1", "volumeattachments", "VolumeAttachment", namespaced=False)
CSI_DRIVER = Kind(_STORAGE, "v1", "csidrivers", "CSIDriver", namespaced=False, has_status=False)
CSI_NODE = Kind(_STORAGE, "v1", "csinodes", "CSINode", namespaced=False, has_status=False)
CSI_CAPACITY = Kind(_STORAGE, "v1", "csistoragecapacities", "CSIStorageCapacity", has_status=False)

LEASE = Kind("coordination.k8s.io", "v1", "leases", "Lease", has_status=False)
PRIORITY_CLASS = Kind(
    "scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass",
    namespaced=False, short_names=("pc",), has_status=False,
)  # fmt: skip
RUNTIME_CLASS = Kind("node.k8s.io", "v1", "runtimeclasses", "RuntimeClass", namespaced=False, has_status=False)
SIGNING_REQUEST = Kind(
    "certificates.k8s.io", "v1", "certificatesigningrequests", "CertificateSigningRequest",
    namespaced=False, short_names=("csr",),
)  # fmt: skip
API_SERVICE = Kind("apiregistration.k8s.io", "v1", "apiservices", "APIService", namespaced=False)
FLOW_SCHEMA = Kind("flowcontrol.apiserver.k8s.io", "v1", "flowschemas", "FlowSchema", namespaced=False)
PRIORITY_LEVEL = Kind(
    "flowcontrol.apiserver.k8s.io", "v1",
    "prioritylevelconfigurations", "PriorityLevelConfiguration", namespaced=False,
)  # fmt: skip

_ADMISSION = "admissionregistration.k8s.io"
VALIDATING_WEBHOOKS = Kind(
    _ADMISSION, "v1", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration",
    namespaced=False, has_status=False,
)  # fmt: skip
MUTATING_WEBHOOKS = Kind(
    _ADMISSION, "v1", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration",
    namespaced=False, has_status=False,
)  # fmt: skip
ADMISSION_POLICY = Kind(
    _ADMISSION, "v1", "validatingadmissionpolicies", "ValidatingAdmissionPolicy", namespaced=False
)
ADMISSION_BINDING = Kind(
    _ADMISSION, "v1", "validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding",
    namespaced=False, has_status=False,
)  # fmt: skip

DEFINITION = Kind(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition",
    namespaced=False, short_names=("crd", "crds"), categories=("api-extensions",),
)  # fmt: skip
APPLICATION = Kind(
    "argoproj.io", "v1alpha1", "applications", "Application", short_names=("app", "apps"), has_status=False
)
APP_PROJECT = Kind(
    "argoproj.io", "v1alpha1", "appprojects", "AppProject", short_names=("appproj",), has_status=False
)

ALL = (
    NAMESPACE, NODE, POD, POD_TEMPLATE, SERVICE, ENDPOINTS, CONFIG_MAP, SECRET, SERVICE_ACCOUNT, EVENT,
    LIMIT_RANGE, RESOURCE_QUOTA, PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM, REPLICATION_CONTROLLER,
    DEPLOYMENT, REPLICA_SET, STATEFUL_SET, DAEMON_SET, CONTROLLER_REVISION, CRON_JOB, JOB, AUTOSCALER,
    DISRUPTION_BUDGET, INGRESS, INGRESS_CLASS, NETWORK_POLICY, ENDPOINT_SLICE, ROLE, ROLE_BINDING, CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING, STORAGE_CLASS, VOLUME_ATTACHMENT, CSI_DRIVER, CSI_NODE, CSI_CAPACITY, LEASE,
    PRIORITY_CLASS, RUNTIME_CLASS, SIGNING_REQUEST, API_SERVICE, FLOW_SCHEMA, PRIORITY_LEVEL, VALIDATING_WEBHOOKS,
    MUTATING_WEBHOOKS, ADMISSION_POLICY, ADMISSION_BINDING, DEFINITION, APPLICATION, APP_PROJECT,
)  # fmt: skip
"""Every kind that is built in. A kind that is stored under another one (see `conversions`) is not among them."""

ARGOCD_NAMESPACE = "argocd"
"""Where Application objects live, on every platform."""
ARGOCD_PROJECT = "coop"
"""Which project those of coop's are in."""
