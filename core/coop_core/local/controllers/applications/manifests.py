"""Manifests of a commit's folder, read and checked as far as can be told without the platform's state."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core import yamls
from coop_core.cluster import defaults, shapes
from coop_core.cluster.drift import marked, tracked
from coop_core.errors import CoopError
from coop_core.local.controllers.applications import hooks
from coop_core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.local.controllers.applications.hooks import Hook

_ORDER = (
    "Namespace", "NetworkPolicy", "ResourceQuota", "LimitRange", "PodDisruptionBudget", "ServiceAccount", "Secret",
    "ConfigMap", "StorageClass", "PersistentVolume", "PersistentVolumeClaim", "CustomResourceDefinition",
    "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "Service", "Endpoints", "EndpointSlice",
    "DaemonSet", "Pod", "ReplicaSet", "Deployment", "HorizontalPodAutoscaler", "StatefulSet", "Job", "CronJob",
    "Ingress",
)  # fmt: skip
"""Argo CD's order of kinds; others come last."""

_GENERATORS = {
    "Chart.yaml": "Helm",
    "kustomization.yaml": "Kustomize",
    "kustomization.yml": "Kustomize",
    "Kustomization": "Kustomize",
}
"""Files in an Application's folder that make it something else than a folder of manifests."""

Identity = tuple[str, str, str, str]
"""(group, kind, namespace, name)."""


@dataclass(frozen=True, slots=True)
class Target:
    """One object as Git wants it. `body` is defaulted and carries its tracking id and its manifest.

    given: the manifest with its tracking id alone: whoever applies that owns its fields and no others.
    kind: None when the platform does not have it; then, and whenever the manifest is refused, `refused` says why.
    """

    identity: Identity
    version: str
    body: Raw
    given: Raw
    kind: Kind | None
    refused: str = ""

    @property
    def wave(self) -> int:
        return hooks.wave(self.body)

    @property
    def hook(self) -> Hook | None:
        return hooks.of(self.body)

    @property
    def order(self) -> tuple[int, int, str]:
        known = _ORDER.index(self.identity[1]) if self.identity[1] in _ORDER else len(_ORDER)
        return (self.wave, known, self.identity[3])


@dataclass(frozen=True, slots=True)
class Targets:
    """All objects of one commit's folder, in the order in which they are applied."""

    revision: str
    items: tuple[Target, ...]
    hooks: tuple[Target, ...] = ()
    repeated: tuple[Identity, ...] = ()

    @property
    def identities(self) -> frozenset[Identity]:
        return frozenset(target.identity for target in self.items)


@dataclass(frozen=True, slots=True)
class Place:
    """Whose manifests they are. namespace: for objects that name none. named: the kind of (apiVersion, kind)."""

    application: str
    namespace: str
    named: Callable[[str, str], Kind | None]


def read(files: dict[str, bytes], place: Place, revision: str) -> Targets:
    """Raises CoopError when a file cannot be read."""
    found: dict[Identity, Target] = {}
    repeated = []
    refuse_generators(files)
    for path in sorted(files):
        for document in _documents(path, files[path]):
            target = _target(path, document, place)
            if target.identity in found:
                repeated.append(target.identity)
            found[target.identity] = target
    ordered = sorted(found.values(), key=lambda one: one.order)
    kept = tuple(one for one in ordered if one.hook is None)
    return Targets(revision, kept, tuple(one for one in ordered if one.hook is not None), tuple(repeated))


def refuse_generators(files: Iterable[str]) -> None:
    """Raises CoopError for a folder that Argo CD would not take as plain manifests."""
    for path in sorted(files):
        tool = _GENERATORS.get(path)
        if tool:
            why = f"{path} asks for {tool}, which the local platform does not run"
            raise CoopError("cannot read the manifests", why, f"commit what {tool} renders, without {path}")


def _documents(path: str, text: bytes) -> Iterator[object]:
    if path.endswith(".json"):
        try:
            yield json.loads(text)
        except (ValueError, RecursionError) as error:
            raise CoopError(f"cannot read {path}", str(error)[:200], f"correct {path}") from error
    elif path.endswith((".yaml", ".yml")):
        for document in yamls.load_all(text, path):
            if isinstance(document, dict) and document.get("kind") == "List":
                yield from document.get("items") or []
            elif document is not None:
                yield document


def _target(path: str, document: object, place: Place) -> Target:
    if not isinstance(document, dict):
        raise _unreadable(path, "it holds something else than a Kubernetes object")
    api_version, name_of_kind = document.get("apiVersion"), document.get("kind")
    metadata = document.get("metadata")
    if not isinstance(api_version, str) or not isinstance(name_of_kind, str) or not isinstance(metadata, dict):
        raise _unreadable(path, "apiVersion, kind or metadata is missing")
    name = metadata.get("name") or _generated(metadata, document)
    if not isinstance(name, str) or not name:
        raise _unreadable(path, f"the {one_line(name_of_kind, 60)} has no metadata.name")
    group, _, version = api_version.rpartition("/")
    kind = place.named(api_version, name_of_kind)
    if kind is None:
        identity = (group, name_of_kind, str(metadata.get("namespace") or place.namespace), name)
        why = f'the local platform has no kind "{one_line(name_of_kind, 60)}" ({one_line(api_version, 80)})'
        remedy = f"remove {path}, or deploy to a cluster that has it"
        return Target(identity, version, document, document, None, f"{why}: {remedy}")
    namespace = str(metadata.get("namespace") or place.namespace) if kind.namespaced else ""
    body = {key: value for key, value in document.items() if key != "status"}
    body["metadata"] = {**metadata, "name": name, **({"namespace": namespace} if namespace else {})}
    identity = (group, name_of_kind, namespace, name)
    misfit = shapes.misfit(kind, body)
    if misfit:
        return Target(identity, version, body, body, kind, misfit)
    whole = defaults.defaulted(kind, marked(place.application, kind, body))
    return Target(identity, version, whole, tracked(place.application, kind, body), kind)


def _generated(metadata: Raw, document: Raw) -> object:
    """A hook may have only the beginning of a name; the sync adds what makes it its own."""
    return metadata.get("generateName") if hooks.of(document) else None


def _unreadable(path: str, why: str) -> CoopError:
    return CoopError(f"cannot read {path}", why, f"correct {path}")
