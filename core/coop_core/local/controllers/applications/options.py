"""`syncOptions`, of an Application and of its resources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.clock import parse_rfc3339
from coop_core.cluster.labels import ARGO_DELETION_APPROVED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coop_core.cluster.kinds import Raw

_ANNOTATION = "argocd.argoproj.io/sync-options"
_HELM_POLICY = "helm.sh/resource-policy"
_KNOWN = frozenset(
    ("ApplyOutOfSyncOnly", "ClientSideApplyMigration", "CreateNamespace", "Delete", "FailOnSharedResource", "Force",
     "Prune", "PruneLast", "PrunePropagationPolicy", "Replace", "RespectIgnoreDifferences", "ServerSideApply",
     "SkipDryRunOnMissingResource", "Validate")
)  # fmt: skip


def own(body: Raw) -> frozenset[str]:
    """An object's own sync options, e.g. "Prune=false"."""
    annotations = body["metadata"].get("annotations") or {}
    options = {one.strip() for one in str(annotations.get(_ANNOTATION) or "").split(",") if one.strip()}
    if annotations.get(_HELM_POLICY) == "keep":
        options |= {"Prune=false", "Delete=false"}
    return frozenset(options)


def not_done(options: Iterable[str]) -> list[str]:
    """Why an option makes no difference here, for each that does not."""
    found = []
    for option in sorted(options):
        if option.partition("=")[0] not in _KNOWN:
            found.append(f"{option} is not acted on: the local platform does not know it")
        elif option == "PrunePropagationPolicy=orphan":
            found.append(f"{option} is not acted on: on the local platform, dependants go along")
    return found


def is_server_side(own_options: frozenset[str], options: frozenset[str]) -> bool:
    """Whether an object is applied on the server's side. options: of the Application."""
    return "ServerSideApply=false" not in own_options and "ServerSideApply=true" in own_options | options


def is_approved(application: Raw, since: str) -> bool:
    """Whether somebody has approved of what is to be deleted, since a time."""
    given = (application["metadata"].get("annotations") or {}).get(ARGO_DELETION_APPROVED) or ""
    at_s, since_s = parse_rfc3339(str(given)), parse_rfc3339(since)
    return at_s is not None and since_s is not None and at_s >= since_s
