"""The labels, annotations and trailers that coop writes; nobody else spells them."""

from __future__ import annotations

NAME = "app.kubernetes.io/name"
MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGED_BY_COOP = "coop"
ENVIRONMENT = "coop.internal/environment"
SOURCE_COMMIT = "coop.internal/source-commit"

ASLEEP = "coop.internal/asleep"
"""On a workload that was put to sleep with its environment, to tell it from one that has no pods by choice."""
EXPIRED = "coop.internal/expired"
"""On a namespace whose environment has expired: since when, as RFC 3339."""

LOCAL_PORT = "coop.internal/local-port"
"""On a pod of the local platform: the loopback port its process was given. On a Service, with the number of one of
its ports added: the loopback port where that is reached."""

ARGO_REFRESH = "argocd.argoproj.io/refresh"
ARGO_REFRESH_TIMESTAMP = "argocd.argoproj.io/refresh-timestamp"
ARGO_TRACKING_ID = "argocd.argoproj.io/tracking-id"
ARGO_DELETION_APPROVED = "argocd.argoproj.io/deletion-approved"
ARGO_FINALIZER = "resources-finalizer.argocd.argoproj.io"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
REVISION = "deployment.kubernetes.io/revision"
POD_TEMPLATE_HASH = "pod-template-hash"

TRAILER_SERVICE = "Coop-Service"
TRAILER_ENVIRONMENT = "Coop-Environment"
TRAILER_SOURCE_COMMIT = "Coop-Source-Commit"
TRAILER_IMAGE = "Coop-Image"
TRAILER_EXPIRES = "Coop-Expires"
"""When the environment ends unless a newer commit comes, as RFC 3339; without it, never."""
TRAILER_STATE = "Coop-State"
STATE_ASLEEP = "asleep"
