"""Which kinds live in a namespace, as far as can be known without asking a cluster."""

from __future__ import annotations

_GROUPS = frozenset({
    "", "apps", "autoscaling", "batch", "coordination.k8s.io", "discovery.k8s.io", "events.k8s.io",
    "networking.k8s.io", "policy", "rbac.authorization.k8s.io", "resource.k8s.io", "storage.k8s.io",
})  # fmt: skip

_CLUSTER_WIDE = frozenset({
    "CSIDriver", "CSINode", "ClusterRole", "ClusterRoleBinding", "ComponentStatus", "DeviceClass",
    "DeviceTaintRule", "IPAddress", "IngressClass", "Namespace", "Node", "PersistentVolume", "ResourceSlice",
    "ServiceCIDR", "StorageClass", "VolumeAttachment", "VolumeAttributesClass",
})  # fmt: skip


def is_surely_namespaced(group: str, kind: str) -> bool:
    """True for Kubernetes' own namespaced kinds. Custom kinds are left to Argo CD, which asks the cluster."""
    return group in _GROUPS and kind not in _CLUSTER_WIDE
