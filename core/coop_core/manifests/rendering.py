"""Renders one service for one environment."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core import yamls
from coop_core.cluster import labels
from coop_core.errors import CoopError, ExitCode
from coop_core.manifests import scopes, workload
from coop_core.manifests.merging import merge
from coop_core.spec.extras import group
from coop_core.spec.service import for_environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from coop_core.cluster.kinds import Raw
    from coop_core.spec.extras import Extra
    from coop_core.spec.service import Resolved, ServiceSpec

DOMAIN = "localhost"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a service goes. source_commit: the commit or snapshot that was built; domain: what hosts end in."""

    environment: str
    source_commit: str
    domain: str = DOMAIN


def host(spec: ServiceSpec, environment: str, domain: str = DOMAIN) -> str:
    """The name under which the service is reached over HTTP."""
    own = for_environment(spec, environment).host
    return own or f"{spec.name}.{environment}.{domain}"


def render(spec: ServiceSpec, target: Target, image: str, extras: Sequence[Extra] = ()) -> dict[str, bytes]:
    """File name to canonical YAML, in order of file name.

    An extra with the group, kind and name of a generated resource is merged onto it; any other is added. Extras
    for every environment come first, then those for this one.
    """
    service = for_environment(spec, target.environment)
    reached = host(spec, target.environment, target.domain)
    made = workload.resources(service, image, target.source_commit, reached)
    resources: dict[tuple[str, str, str], Raw] = {_key(body): body for body in made}
    scope = "personal" if service.is_personal else "main"
    for wanted in ("", scope):
        for extra in extras:
            if extra.scope == wanted:
                _check_namespace(extra, target.environment)
                present = resources.get(extra.key)
                resources[extra.key] = merge(present, extra.body) if present else merge({}, extra.body)
    return _files(_finished(body, service) for body in resources.values())


def _key(body: Raw) -> tuple[str, str, str]:
    return group(body), body["kind"], body["metadata"]["name"]


def _check_namespace(extra: Extra, environment: str) -> None:
    namespace = extra.body["metadata"].get("namespace")
    if namespace not in (None, environment):
        raise CoopError(
            f"cannot deploy to {environment}", f"{extra.where} belongs to the namespace {namespace!r}",
            "remove metadata.namespace: coop sets it", ExitCode.CONFIG,
        )  # fmt: skip


def _finished(body: Raw, service: Resolved) -> Raw:
    """The resource with its namespace and with the labels that say whose it is."""
    metadata = dict(body["metadata"])
    written = {labels.NAME: service.name, **(metadata.get("labels") or {})}
    metadata["labels"] = written | {
        labels.MANAGED_BY: labels.MANAGED_BY_COOP,
        labels.ENVIRONMENT: service.environment,
    }
    if scopes.is_surely_namespaced(group(body), body["kind"]):
        metadata["namespace"] = service.environment
    return {**body, "metadata": metadata}


def _files(resources: Iterable[Raw]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for body in sorted(resources, key=_key):
        name = _file_name(body["kind"], body["metadata"]["name"])
        if name in files:  # one kind in two groups
            name = _file_name(f"{body['kind']}.{group(body)}", body["metadata"]["name"])
        files[name] = yamls.dump(body)
    return dict(sorted(files.items()))


def _file_name(kind: str, name: str) -> str:
    plain = f"{kind}-{name}".lower()
    safe = re.sub(r"[^a-z0-9.-]", "-", plain)
    mark = "" if safe == plain and len(safe) <= 200 else "-" + hashlib.sha256(plain.encode()).hexdigest()[:8]
    return f"{safe[:200]}{mark}.yaml"
