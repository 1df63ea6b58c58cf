"""What a server says there is, in both forms of discovery, brought to one: by group version, resources by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from coop_core.cluster.kinds import Raw

    Ask = Callable[[str, str], Awaitable[Raw]]
    """Path and Accept to the decoded answer."""

PLAIN = "application/json"
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
BETA_ONLY = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
"""How kubectl 1.27 to 1.29 asks."""

Found = dict[str, dict[str, Any]]


async def plainly(ask: Ask, accept: str = PLAIN) -> Found:
    groups = (await ask("/apis", accept))["groups"]
    paths = [f"/api/{version}" for version in (await ask("/api", accept))["versions"]]
    paths += [f"/apis/{version['groupVersion']}" for group in groups for version in group["versions"]]
    found: Found = {}
    for document in [await ask(path, accept) for path in paths]:
        group, _, version = f"/{document['groupVersion']}".rpartition("/")
        resources = {}
        for one in document["resources"]:
            kind = (one.get("group", group.strip("/")), one.get("version", version), one["kind"])
            resources[one["name"]] = (kind, one["verbs"], *_named(one, one.get("namespaced")))
        found[document["groupVersion"]] = resources
    return found


async def at_once(ask: Ask) -> Found:
    found: Found = {}
    for root in ("/api", "/apis"):
        for group in (await ask(root, AGGREGATED))["items"]:
            name = group["metadata"].get("name", "")
            for version in group["versions"]:
                resources = {}
                for one in version["resources"]:
                    is_namespaced = one["scope"] == "Namespaced"
                    named = _named({**one, "singularName": one["singularResource"]}, is_namespaced)
                    resources[one["resource"]] = (_kind(one), one["verbs"], *named)
                    for below in one.get("subresources", ()):
                        about = (_kind(below), below["verbs"], *_named({"singularName": ""}, is_namespaced))
                        resources[f"{one['resource']}/{below['subresource']}"] = about
                found[f"{name}/{version['version']}" if name else version["version"]] = resources
    return found


def _kind(one: Raw) -> tuple[str, str, str]:
    kind = one["responseKind"]
    return kind["group"], kind["version"], kind["kind"]


def _named(one: Raw, is_namespaced: Any) -> tuple[Any, ...]:
    return is_namespaced, one["singularName"], one.get("shortNames"), one.get("categories")
