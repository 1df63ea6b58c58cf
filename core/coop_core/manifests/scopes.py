"""Which kinds live in a namespace, as far as can be known without asking a cluster."""

from __future__ import annotations

_CLUSTER_WIDE = frozenset({
    "APIService", "CertificateSigningRequest", "ClusterRole", "ClusterRoleBinding", "ComponentStatus", "CSIDriver",
    "CSINode", "CustomResourceDefinition", "DeviceClass", "FlowSchema", "IngressClass", "IPAddress",
    "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding", "MutatingWebhookConfiguration", "Namespace",
    "Node", "PersistentVolume", "PriorityClass", "PriorityLevelConfiguration", "ResourceSlice", "RuntimeClass",
    "SelfSubjectAccessReview", "SelfSubjectReview", "ServiceCIDR", "StorageClass", "StorageVersion",
    "SubjectAccessReview", "TokenReview", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration", "VolumeAttachment", "VolumeAttributesClass",
})  # fmt: skip

_BUILT_IN = frozenset({"", "apps", "autoscaling", "batch", "policy"})


def is_surely_namespaced(group: str, kind: str) -> bool:
    """True for Kubernetes' own namespaced kinds. Custom kinds are left to Argo CD, which asks the cluster."""
    is_built_in = group in _BUILT_IN or (group.endswith(".k8s.io") and group.count(".") == 2)
    return is_built_in and kind not in _CLUSTER_WIDE
