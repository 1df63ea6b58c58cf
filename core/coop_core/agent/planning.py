"""From what Git says and what the platform has, to what must be done. Pure.

Every name that comes from Git is hostile until it was checked here. Nothing that does not carry coop's label is
ever changed or deleted, and nothing is deleted because a repository could not be read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from coop_core.agent import expiring
from coop_core.agent.actions import (
    Action,
    ChangeApplication,
    CreateApplication,
    CreateNamespace,
    DeleteApplication,
    DeleteNamespace,
    MarkNamespace,
)
from coop_core.cluster import kinds, labels
from coop_core.git.branches import BRANCHES
from coop_core.git.repository import PERSONAL
from coop_core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from coop_core.agent.seen import Branch, GitView
    from coop_core.cluster.kinds import Raw

IN_CLUSTER = "https://kubernetes.default.svc"

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Plan:
    """actions: in the order to do them. problems: sentences for the operator, each worth saying once."""

    actions: tuple[Action, ...]
    problems: tuple[str, ...]


def plan(git: GitView, applications: Iterable[Raw], namespaces: Iterable[Raw], now_s: float) -> Plan:
    """What must be done so that the platform is as Git says. now_s: seconds since the epoch."""
    existing = {body["metadata"]["name"]: body for body in applications}
    spaces = {body["metadata"]["name"]: body for body in namespaces}
    problems: list[str] = []
    foreign = {name for name, body in spaces.items() if not is_ours(body)}
    branches = [branch for branch in git.branches if branch.environment not in foreign]
    problems += [
        f"environment {branch.environment} is ignored: a namespace of that name exists and is not coop's; "
        f"kubectl label namespace {branch.environment} {labels.MANAGED_BY}={labels.MANAGED_BY_COOP}"
        for branch in git.branches
        if branch.environment in foreign
    ]
    living = [branch for branch in branches if not expiring.is_expired(branch, now_s)]
    unread = {public_url(url) for url in git.unread}
    wanted = _wanted(living, existing, unread, problems)
    actions = [
        *_namespaces_to_create(living, spaces),
        *(MarkNamespace(name, patch) for name, patch in expiring.marks(branches, git.unread, spaces, now_s)),
        *_applications_to_write(wanted, existing, problems),
        *_applications_to_delete(git, wanted, existing, foreign),
        *_namespaces_to_delete(git, existing.values(), spaces.values()),
    ]
    return Plan(tuple(actions), tuple(dict.fromkeys(problems)))


def is_ours(body: Raw) -> bool:
    return (body["metadata"].get("labels") or {}).get(labels.MANAGED_BY) == labels.MANAGED_BY_COOP


def application_name(environment: str, service: str) -> str:
    return f"{environment}-{service}"


def application(branch: Branch, service: str) -> Raw:
    """The Application of one service in one environment."""
    return {
        "apiVersion": kinds.APPLICATION.api_version,
        "kind": kinds.APPLICATION.name,
        "metadata": {
            "name": application_name(branch.environment, service),
            "namespace": kinds.ARGOCD_NAMESPACE,
            "labels": {
                labels.MANAGED_BY: labels.MANAGED_BY_COOP,
                labels.ENVIRONMENT: branch.environment,
                labels.NAME: service,
            },
            # Deleting the application must delete what it deployed.
            "finalizers": [labels.ARGO_FINALIZER],
        },
        "spec": {
            "project": kinds.ARGOCD_PROJECT,
            "source": {
                "repoURL": public_url(branch.url),
                # A full ref: a short name may be taken for a tag or a version constraint.
                "targetRevision": f"{BRANCHES}{branch.environment}",
                "path": service,
            },
            "destination": {"server": IN_CLUSTER, "namespace": branch.environment},
            "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
        },
    }


def public_url(url: str) -> str:
    """The URL without a password or token: many read Applications, and Argo CD has credentials of its own."""
    parts = urlsplit(url)
    if parts.scheme in ("http", "https") and "@" in parts.netloc:
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    if parts.password is not None:
        return urlunsplit(parts._replace(netloc=f"{parts.username}@{parts.netloc.rpartition('@')[2]}"))
    return url


def repository_of(body: Raw) -> str:
    return str(((body.get("spec") or {}).get("source") or {}).get("repoURL", ""))


def _wanted(
    branches: Sequence[Branch], existing: dict[str, Raw], unread: set[str], problems: list[str]
) -> dict[str, Raw]:
    """Applications by name. Of two repositories with the same service, the one that has it keeps it.

    One that cannot be read keeps what it has, too. unread: as in Applications.
    """
    candidates: dict[str, list[Raw]] = {}
    for branch in branches:
        for folder in branch.folders:
            if _LABEL.fullmatch(folder):
                body = application(branch, folder)
                candidates.setdefault(body["metadata"]["name"], []).append(body)
            elif not folder.startswith("."):
                problems.append(
                    f"folder {one_line(folder, 80)!r} on env/{branch.environment} of {public_url(branch.url)} is "
                    "ignored: a service's name has lower case letters, digits and dashes only"
                )
    wanted: dict[str, Raw] = {}
    for name, bodies in candidates.items():
        holder = _holder(existing[name]) if name in existing else None
        its = next((body for body in bodies if _holder(body) == holder), None)
        if its is None and holder and holder[0] in unread:
            continue
        wanted[name] = its or bodies[0]
        problems += [
            f"application {name} is already that of {' '.join(_holder(wanted[name]))}; "
            f"{' '.join(_holder(body))} is ignored"
            for body in bodies
            if _holder(body) != _holder(wanted[name])
        ]
    return wanted


def _holder(body: Raw) -> tuple[str, str]:
    """Repository and folder. Two names can meet in one application: env dev-a with b-c, env dev-a-b with c."""
    source = (body.get("spec") or {}).get("source") or {}
    return str(source.get("repoURL", "")), f"{source.get('targetRevision', '')}:{source.get('path', '')}"


def _namespaces_to_create(branches: Sequence[Branch], spaces: dict[str, Raw]) -> list[CreateNamespace]:
    missing = dict.fromkeys(branch.environment for branch in branches if branch.environment not in spaces)
    return [
        CreateNamespace(
            {
                "apiVersion": kinds.NAMESPACE.api_version,
                "kind": kinds.NAMESPACE.name,
                "metadata": {
                    "name": name,
                    "labels": {labels.MANAGED_BY: labels.MANAGED_BY_COOP, labels.ENVIRONMENT: name},
                },
            }
        )
        for name in missing
    ]


def _applications_to_write(
    wanted: dict[str, Raw], existing: dict[str, Raw], problems: list[str]
) -> list[CreateApplication | ChangeApplication]:
    actions: list[CreateApplication | ChangeApplication] = []
    for name, body in wanted.items():
        present = existing.get(name)
        if present is None:
            actions.append(CreateApplication(body))
        elif not is_ours(present):
            problems.append(f"application {name} exists and is not coop's; it is left alone")
        elif "deletionTimestamp" not in present["metadata"] and (patch := _difference(body, present)):
            actions.append(ChangeApplication(name, patch))
    return actions


def _difference(wanted: Raw, present: Raw) -> Raw:
    """A merge patch from present to wanted, of the fields that we own alone; {} when there is nothing to do."""
    patch: Raw = {}
    finalizers = present["metadata"].get("finalizers") or []
    metadata: Raw = {}
    if not wanted["metadata"]["labels"].items() <= (present["metadata"].get("labels") or {}).items():
        metadata["labels"] = wanted["metadata"]["labels"]
    if labels.ARGO_FINALIZER not in finalizers:
        metadata["finalizers"] = [*finalizers, labels.ARGO_FINALIZER]
    if metadata:
        patch["metadata"] = metadata
    if not _covers(present.get("spec") or {}, wanted["spec"]):
        patch["spec"] = wanted["spec"]
    return patch


def _covers(present: Raw, wanted: Raw) -> bool:
    """Whether `present` says all that `wanted` does; more is the server's defaults, or the operator's wish."""
    for key, value in wanted.items():
        has = present.get(key)
        if isinstance(value, dict):
            if not isinstance(has, dict) or not _covers(has, value):
                return False
        elif has != value:
            return False
    return True


def _applications_to_delete(
    git: GitView, wanted: dict[str, Raw], existing: dict[str, Raw], foreign: set[str]
) -> list[DeleteApplication]:
    """Ours, of a repository that was read and is still configured, whose folder or branch is gone or expired."""
    readable = {public_url(url) for url in git.configured - git.unread}
    # Two configured URLs that differ only in their login are one repository to Argo CD: both must have been read.
    readable -= {public_url(url) for url in git.unread}
    return [
        DeleteApplication(name)
        for name, body in existing.items()
        if name not in wanted
        and is_ours(body)
        and repository_of(body) in readable
        and "deletionTimestamp" not in body["metadata"]
        and (body["metadata"].get("labels") or {}).get(labels.ENVIRONMENT) not in foreign
    ]


def _namespaces_to_delete(
    git: GitView, applications: Iterable[Raw], spaces: Iterable[Raw]
) -> list[DeleteNamespace]:
    """Personal ones without a branch in any repository and without an application, even one that is ending."""
    if git.unread or not git.configured:
        return []
    used = {branch.environment for branch in git.branches}
    used |= {str(((body.get("spec") or {}).get("destination") or {}).get("namespace", "")) for body in applications}
    return [
        DeleteNamespace(name)
        for body in spaces
        if (name := str(body["metadata"]["name"])).startswith(PERSONAL)
        and name not in used
        and is_ours(body)
        and (body["metadata"].get("labels") or {}).get(labels.ENVIRONMENT) == name
        and "deletionTimestamp" not in body["metadata"]
    ]
