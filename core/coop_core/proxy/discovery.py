"""What the proxy says there is: the allow-list, and nothing of what else the platform has. Pure.

Source: Kubernetes "API discovery"; the aggregated form is apidiscovery.k8s.io/v2 and nothing older.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from coop_core.proxy.policy import READ_VERBS, READABLE

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Kind, Raw

AGGREGATED_TYPE = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_AGGREGATED = {"g": "apidiscovery.k8s.io", "v": "v2", "as": "APIGroupDiscoveryList"}


def wants_aggregated(accept: str) -> bool:
    """Whether the client would rather have everything at once; one that knows v2beta1 only would not."""
    for clause in accept.split(","):
        media, _, rest = clause.partition(";")
        parameters = dict(part.strip().partition("=")[::2] for part in rest.split(";") if part.strip())
        if media.strip() != "application/json":
            continue
        if parameters.items() >= _AGGREGATED.items():
            return True
        if "as" not in parameters:
            return False
    return False


def document(path: str) -> Raw | None:
    """The plain form at a discovery path without a trailing slash; None when the path is not one."""
    match path.split("/")[1:]:
        case ["api"]:
            return {"kind": "APIVersions", "apiVersion": "v1", "versions": ["v1"], "serverAddressByClientCIDRs": []}
        case ["apis"]:
            groups = [_group(name, version) for name, version in _group_versions() if name]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        case ["apis", name]:
            return next(
                (
                    {"kind": "APIGroup", "apiVersion": "v1", **_group(known, version)}
                    for known, version in _group_versions()
                    if known == name and known
                ),
                None,
            )
        case ["api", version]:
            return _resources("", version)
        case ["apis", name, version]:
            return _resources(name, version)
    return None


def aggregated(path: str) -> Raw | None:
    """Everything below /api or /apis; None for other paths."""
    if path not in ("/api", "/apis"):
        return None
    items = [
        {
            "metadata": {"name": name, "creationTimestamp": None},
            "versions": [{"version": version, "freshness": "Current", "resources": _described(name, version)}],
        }
        for name, version in _group_versions()
        if (path == "/api") == (not name)
    ]
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    }


@cache
def _group_versions() -> tuple[tuple[str, str], ...]:
    return tuple(dict.fromkeys((readable.kind.group, readable.kind.version) for readable in READABLE))


def _group(name: str, version: str) -> Raw:
    described = {"groupVersion": f"{name}/{version}", "version": version}
    return {"name": name, "versions": [described], "preferredVersion": described}


def _resources(group: str, version: str) -> Raw | None:
    if (group, version) not in _group_versions():
        return None
    resources: list[Raw] = []
    for readable in READABLE:
        kind = readable.kind
        if (kind.group, kind.version) != (group, version):
            continue
        resources.append(
            {
                "name": kind.plural,
                "singularName": kind.singular,
                "namespaced": kind.namespaced,
                "kind": kind.name,
                "verbs": list(READ_VERBS),
                **_aliases(kind),
            }
        )
        resources += [
            {
                "name": f"{kind.plural}/{subresource}",
                "singularName": "",
                "namespaced": kind.namespaced,
                "kind": kind.name,
                "verbs": ["get"],
            }
            for subresource in readable.subresources
        ]
    group_version = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources}


def _described(group: str, version: str) -> list[Raw]:
    return [
        {
            "resource": readable.kind.plural,
            "responseKind": _response_kind(readable.kind),
            "scope": "Namespaced" if readable.kind.namespaced else "Cluster",
            "singularResource": readable.kind.singular,
            "verbs": list(READ_VERBS),
            **_aliases(readable.kind),
            "subresources": [
                {"subresource": name, "responseKind": _response_kind(readable.kind), "verbs": ["get"]}
                for name in readable.subresources
            ],
        }
        for readable in READABLE
        if (readable.kind.group, readable.kind.version) == (group, version)
    ]


def _response_kind(kind: Kind) -> Raw:
    return {"group": kind.group, "version": kind.version, "kind": kind.name}


def _aliases(kind: Kind) -> Raw:
    aliases: Raw = {}
    if kind.short_names:
        aliases["shortNames"] = list(kind.short_names)
    if kind.categories:
        aliases["categories"] = list(kind.categories)
    return aliases
