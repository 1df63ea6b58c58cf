"""What this server offers: version, groups and resources, plain and aggregated.

Everything is worked out once for each set of kinds.
Source: Kubernetes "API discovery"; the aggregated form is apidiscovery.k8s.io/v2 and nothing older.
"""

from __future__ import annotations

import platform
import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from coop_core.cluster import kinds

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Kind, Raw

    Kinds = tuple[Kind, ...]
    """All that are served; the tuple is a key of what was worked out before."""

VERSION: Raw = {
    "major": "1",
    "minor": "34",
    "gitVersion": "v1.34.0+coop",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "go0",
    "compiler": "cpython",
    "platform": f"{platform.system().lower()}/{platform.machine().lower()}",
}

VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
_AGGREGATED = {"g": "apidiscovery.k8s.io", "v": "v2", "as": "APIGroupDiscoveryList"}
AGGREGATED_TYPE = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

_REVIEWS = {
    "authentication.k8s.io": (("selfsubjectreviews", "SelfSubjectReview"), ("tokenreviews", "TokenReview")),
    "authorization.k8s.io": (
        ("selfsubjectaccessreviews", "SelfSubjectAccessReview"),
        ("selfsubjectrulesreviews", "SelfSubjectRulesReview"),
    ),
}


def wants_aggregated(accept: str) -> bool:
    """Whether the client would rather have everything at once; one that knows v2beta1 only would not."""
    for clause in accept.split(","):
        media, _, rest = clause.partition(";")
        if media.strip() != "application/json":
            continue
        parameters = dict(part.strip().partition("=")[::2] for part in rest.split(";"))
        if _AGGREGATED.items() <= parameters.items():
            return True
        if "as" not in parameters:
            return False
    return False


@cache
def api_versions() -> Raw:
    """/api"""
    clients = [{"clientCIDR": "0.0.0.0/0", "serverAddress": ""}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": clients}


@lru_cache(maxsize=2)
def groups(served: Kinds) -> Raw:
    """/apis"""
    listed = [_group(name, versions) for name, versions in _versions(served).items() if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}


def group(served: Kinds, name: str) -> Raw | None:
    """/apis/{group}; None when there is no such group."""
    versions = _versions(served).get(name) if name else None
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, versions)} if versions else None


def _group(name: str, versions: tuple[str, ...]) -> Raw:
    described = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": described, "preferredVersion": described[0]}


@lru_cache(maxsize=2)
def _versions(served: Kinds) -> dict[str, tuple[str, ...]]:
    """The versions of each group, best first."""
    found: dict[str, set[str]] = {}
    for kind in served:
        found.setdefault(kind.group, set()).add(kind.version)
    for name in _REVIEWS:
        found.setdefault(name, set()).add("v1")
    return {name: tuple(sorted(versions, key=_rank, reverse=True)) for name, versions in found.items()}


def _rank(version: str) -> tuple[int, int, int]:
    """Final before beta before alpha, then the higher number."""
    parsed = re.fullmatch(r"v(\d+)(?:(alpha|beta)(\d+))?", version)
    if parsed is None:
        return (0, 0, 0)
    return ({"alpha": 1, "beta": 2}.get(parsed[2], 3), int(parsed[1]), int(parsed[3] or 0))


@lru_cache(maxsize=256)
def resources(served: Kinds, group: str, version: str) -> Raw | None:
    """/api/v1 or /apis/{group}/{version}; None when there is no such version."""
    if version not in _versions(served).get(group, ()):
        return None
    listed: list[Raw] = []
    for kind in served:
        if (kind.group, kind.version) != (group, version):
            continue
        listed.append(
            {
                "name": kind.plural,
                "singularName": kind.singular,
                "namespaced": kind.namespaced,
                "kind": kind.name,
                "verbs": VERBS,
                **({"shortNames": list(kind.short_names)} if kind.short_names else {}),
                **({"categories": list(kind.categories)} if kind.categories else {}),
            }
        )
        listed += [_subresource(kind, name, verbs) for name, verbs in subresources(kind).items()]
    for plural, name in _REVIEWS.get(group, ()):
        listed.append(
            {"name": plural, "singularName": name.lower(), "namespaced": False, "kind": name, "verbs": ["create"]}
        )
    api_version = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version, "resources": listed}


def subresources(kind: Kind) -> dict[str, list[str]]:
    """The verbs of each subresource of a kind."""
    found = {"status": ["get", "patch", "update"]} if kind.has_status else {}
    if kind == kinds.POD:
        found["log"] = ["get"]
    if kind.has_scale:
        found["scale"] = ["get", "patch", "update"]
    if kind == kinds.NAMESPACE:
        found["finalize"] = ["update"]
    if kind == kinds.SIGNING_REQUEST:
        found["approval"] = ["get", "patch", "update"]
    return found


def _subresource(kind: Kind, name: str, verbs: list[str]) -> Raw:
    described: Raw = {"name": f"{kind.plural}/{name}", "singularName": "", "namespaced": kind.namespaced}
    if name == "scale":
        return {**described, "group": "autoscaling", "version": "v1", "kind": "Scale", "verbs": verbs}
    return {**described, "kind": kind.name, "verbs": verbs}


@lru_cache(maxsize=2)
def aggregated(served: Kinds, is_core: bool) -> Raw:
    """/api or /apis with everything below them."""
    items = [
        {
            "metadata": {"name": group, "creationTimestamp": None},
            "versions": [
                {"version": version, "resources": _aggregated(served, group, version), "freshness": "Current"}
                for version in versions
            ],
        }
        for group, versions in _versions(served).items()
        if (not group) is is_core
    ]
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    }


def _aggregated(served: Kinds, group: str, version: str) -> list[Raw]:
    """The resources of one version, each with its subresources inside."""
    found: dict[str, Raw] = {}
    for plain in (resources(served, group, version) or {})["resources"]:
        name, _, subresource = plain["name"].partition("/")
        kind = {
            "group": plain.get("group", group),
            "version": plain.get("version", version),
            "kind": plain["kind"],
        }
        if subresource:
            entry = {"subresource": subresource, "responseKind": kind, "verbs": plain["verbs"]}
            found[name].setdefault("subresources", []).append(entry)
            continue
        found[name] = {
            "resource": name,
            "responseKind": kind,
            "scope": "Namespaced" if plain["namespaced"] else "Cluster",
            "singularResource": plain["singularName"],
            "verbs": plain["verbs"],
            **{key: plain[key] for key in ("shortNames", "categories") if key in plain},
        }
    return list(found.values())
