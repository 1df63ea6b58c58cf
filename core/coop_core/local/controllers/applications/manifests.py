"""Manifests of a commit's folder, read and checked as far as can be told without the platform's state."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core import yamls
from coop_core.cluster import defaults, shapes
from coop_core.cluster.drift import marked
from coop_core.errors import CoopError
from coop_core.local.controllers.deleting import BY_NAME
from coop_core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coop_core.cluster.kinds import Kind, Raw

_WAVE = "argocd.argoproj.io/sync-wave"
_HOOK = "argocd.argoproj.io/hook"
_ORDER = (
    "Namespace", "ServiceAccount", "Secret", "ConfigMap", "Service", "Endpoints", "EndpointSlice", "Pod",
    "ReplicaSet", "Deployment", "Ingress",
)  # fmt: skip
"""Argo CD's order of kinds; others come last."""

Identity = tuple[str, str, str, str]
"""(group, kind, namespace, name)."""


@dataclass(frozen=True, slots=True)
class Target:
    """One object as Git wants it. `body` is defaulted and carries its tracking id.

    kind: None when the platform does not have it; then, and whenever the manifest is refused, `refused` says why.
    """

    identity: Identity
    version: str
    body: Raw
    kind: Kind | None
    refused: str = ""

    @property
    def order(self) -> tuple[int, int, str]:
        annotations = (self.body.get("metadata") or {}).get("annotations") or {}
        wave = str(annotations.get(_WAVE, "0"))
        known = _ORDER.index(self.identity[1]) if self.identity[1] in _ORDER else len(_ORDER)
        return (int(wave) if wave.lstrip("-").isdigit() else 0, known, self.identity[3])


@dataclass(frozen=True, slots=True)
class Targets:
    """All objects of one commit's folder, in the order in which they are applied."""

    revision: str
    items: tuple[Target, ...]
    repeated: tuple[Identity, ...] = ()

    @property
    def identities(self) -> frozenset[Identity]:
        return frozenset(target.identity for target in self.items)


def read(files: dict[str, bytes], *, application: str, namespace: str, revision: str) -> Targets:
    """Raises CoopError when a file cannot be read. namespace: for objects that name none."""
    found: dict[Identity, Target] = {}
    repeated = []
    for path in sorted(files):
        for document in _documents(path, files[path]):
            target = _target(path, document, application, namespace)
            if target.identity in found:
                repeated.append(target.identity)
            found[target.identity] = target
    return Targets(revision, tuple(sorted(found.values(), key=lambda one: one.order)), tuple(repeated))


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


def _target(path: str, document: object, application: str, namespace: str) -> Target:
    if not isinstance(document, dict):
        raise _unreadable(path, "it holds something else than a Kubernetes object")
    api_version, name_of_kind = document.get("apiVersion"), document.get("kind")
    metadata = document.get("metadata")
    if not isinstance(api_version, str) or not isinstance(name_of_kind, str) or not isinstance(metadata, dict):
        raise _unreadable(path, "apiVersion, kind or metadata is missing")
    name = metadata.get("name")
    if not isinstance(name, str) or not name:
        raise _unreadable(path, f"the {one_line(name_of_kind, 60)} has no metadata.name")
    group, _, version = api_version.rpartition("/")
    kind = BY_NAME.get((api_version, name_of_kind))
    if kind is None:
        identity = (group, name_of_kind, str(metadata.get("namespace") or namespace), name)
        why = f'the local platform has no kind "{one_line(name_of_kind, 60)}" ({one_line(api_version, 80)})'
        return Target(
            identity, version, document, None, f"{why}: remove {path}, or deploy to a cluster that has it"
        )
    place = str(metadata.get("namespace") or namespace) if kind.namespaced else ""
    body = {key: value for key, value in document.items() if key != "status"}
    body["metadata"] = {**metadata, **({"namespace": place} if place else {})}
    return _checked(Target((group, name_of_kind, place, name), version, body, kind), kind, application)


def _checked(target: Target, kind: Kind, application: str) -> Target:
    identity, version, body = target.identity, target.version, target.body
    misfit = shapes.misfit(kind, body)
    if misfit:
        return Target(identity, version, body, kind, misfit)
    if _HOOK in (body["metadata"].get("annotations") or {}):
        return Target(identity, version, body, kind, "the local platform runs no sync hooks: remove its annotation")
    return Target(identity, version, defaults.defaulted(kind, marked(application, kind, body)), kind)


def _unreadable(path: str, why: str) -> CoopError:
    return CoopError(f"cannot read {path}", why, f"correct {path}")
