"""What an AppProject allows an Application to do. Reads the store; changes nothing."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from coop_core.cluster import kinds

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw
    from coop_core.local.controllers.applications.manifests import Identity, Targets
    from coop_core.local.objects import Objects

IN_CLUSTER = "https://kubernetes.default.svc"


def problem(objects: Objects, application: Raw) -> str:
    """Why the Application is refused, "" when it is not."""
    spec = application["spec"]
    source, destination = spec.get("source") or {}, spec.get("destination") or {}
    if not source.get("repoURL"):
        return "spec.source.repoURL is required; several sources are not supported on the local platform"
    tool = next((one for one in ("helm", "kustomize", "plugin", "chart") if source.get(one)), "")
    if tool:
        return f"spec.source.{tool}: the local platform takes plain manifests only, as `{tool}` renders them"
    if destination.get("server", IN_CLUSTER) != IN_CLUSTER or destination.get("name", "in-cluster") != "in-cluster":
        return f"application destination is not this platform: use server {IN_CLUSTER}"
    name = spec.get("project") or "default"
    project = objects.find(kinds.APP_PROJECT, application["metadata"]["namespace"], name)
    if project is None:
        return "" if name == "default" else f"Application referencing project {name} which does not exist"
    allowed = project.get("spec") or {}
    if not _matches(source["repoURL"], allowed.get("sourceRepos") or []):
        return f"application repo {source['repoURL']} is not permitted in project '{name}'"
    namespace = destination.get("namespace") or ""
    if not _matches(namespace, [one.get("namespace") or "" for one in allowed.get("destinations") or []]):
        return (
            f"application destination server '{IN_CLUSTER}' and namespace '{namespace}' do not match any of the "
            f"allowed destinations in project '{name}'"
        )
    return ""


def forbidden(objects: Objects, application: Raw, targets: Targets) -> dict[Identity, str]:
    """Why single manifests are refused, by what they are of."""
    name = application["spec"].get("project") or "default"
    project = objects.find(kinds.APP_PROJECT, application["metadata"]["namespace"], name)
    if project is None:
        return {}
    allowed = project.get("spec") or {}
    namespaces = [one.get("namespace") or "" for one in allowed.get("destinations") or []]
    cluster_wide = allowed.get("clusterResourceWhitelist") or []
    found = {}
    for target in (*targets.items, *targets.hooks):
        group, kind, namespace, _ = target.identity
        if namespace and not _matches(namespace, namespaces):
            found[target.identity] = f"namespace {namespace} is not permitted in project '{name}'"
        elif not namespace and not any(
            fnmatchcase(group, one.get("group", "")) and fnmatchcase(kind, one.get("kind", ""))
            for one in cluster_wide
        ):
            found[target.identity] = f"resource {group}:{kind} is not permitted in project '{name}'"
    return found


def _matches(value: str, patterns: list[str]) -> bool:
    """Globs; one with an exclamation mark before it forbids."""
    if any(pattern.startswith("!") and fnmatchcase(value, pattern[1:]) for pattern in patterns):
        return False
    return any(fnmatchcase(value, pattern) for pattern in patterns if not pattern.startswith("!"))
