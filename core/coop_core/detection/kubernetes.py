"""Kubernetes YAML that lies around: what it tells of the service, and what of it may move under `k8s/`. Pure.

A Deployment, Service or Ingress is evidence and stays where it is: coop makes these itself, and one that is merged
onto them would pin the image that it names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coop_core import yamls
from coop_core.detection.findings import Finding, Weight, note
from coop_core.errors import CoopError
from coop_core.spec.extras import FOLDER, parse_extras

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coop_core.detection.tree import Tree

GENERATED = ("Deployment", "Service", "Ingress")
_IS_RESOURCE = re.compile(r"^apiVersion:.*$", re.MULTILINE)
_LIMIT = 100
"""Files; a repository with more of them is about Kubernetes, and not a service."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A file of resources. why_not: what keeps it where it is, "" when it may move to `target`."""

    path: str
    bodies: tuple[dict[str, Any], ...]
    target: str
    why_not: str = ""

    @property
    def contents(self) -> str:
        return ", ".join(f"{body['kind']} {body['metadata']['name']}" for body in self.bodies)


def manifests(tree: Tree) -> list[Manifest]:
    """Files of resources that lie outside `k8s/`, in order; no charts and no templates."""
    charts = [path.removesuffix("Chart.yaml") for path in tree.paths if path.endswith("Chart.yaml")]
    found: list[Manifest] = []
    taken = {path for path in tree.paths if path.startswith(f"{FOLDER}/")}
    for path, text in sorted(tree.texts.items()):
        is_yaml = path.endswith((".yaml", ".yml")) and _IS_RESOURCE.search(text)
        if not is_yaml or path in taken or any(path.startswith(chart) for chart in charts) or len(found) == _LIMIT:
            continue
        bodies = _bodies(path, text)
        if bodies:
            target = f"{FOLDER}/{path.rpartition('/')[2]}"
            found.append(Manifest(path, bodies, target, _obstacle(text, bodies, target, taken)))
            taken.add(target)
    return found


def look(found: list[Manifest], name: str) -> Iterator[Finding]:
    """What a Deployment and an Ingress tell. name: whose they are when there are several."""
    deployments = _of_kind(found, "Deployment")
    chosen = [one for one in deployments if one[1]["metadata"]["name"] == name] or deployments
    if len(chosen) == 1:
        yield from _deployment(*chosen[0])
    for path, body in _of_kind(found, "Ingress"):
        rules = _list(body.get("spec"), "rules")
        for host in (rule.get("host") for rule in rules if isinstance(rule, dict)):
            if isinstance(host, str) and "*" not in host:
                yield Finding("main.host", host, f"{path} has it", Weight.DECLARED)


def already(tree: Tree) -> Iterator[Finding]:
    """What lies under `k8s/` before coop has come, and is not what coop takes from there."""
    odd = sorted(path for path in tree.paths if re.match(rf"{FOLDER}/(?!main/|personal/)[^/]+/.*\.ya?ml$", path))
    if odd:
        yield note(f"{FOLDER}/ holds {odd[0]}: the only folders that coop knows there are main/ and personal/")
    for path in sorted(path for path in tree.texts if re.fullmatch(rf"{FOLDER}/[^/]+\.ya?ml", path)):
        kinds = [body["kind"] for body in _bodies(path, tree.text(path)) if body["kind"] in GENERATED]
        if kinds:
            yield note(f"{path} holds a {kinds[0]}: it is merged onto the one that coop makes, its image too")


def _deployment(path: str, body: dict[str, Any]) -> Iterator[Finding]:
    spec = body.get("spec")
    replicas = spec.get("replicas") if isinstance(spec, dict) else None
    if isinstance(replicas, int) and 1 <= replicas <= 100:
        yield Finding("main.replicas", str(replicas), f"{path} has it", Weight.DECLARED)
    template = spec.get("template") if isinstance(spec, dict) else None
    containers = _list(template.get("spec") if isinstance(template, dict) else None, "containers")
    if len(containers) != 1 or not isinstance(containers[0], dict):
        return
    for port in _list(containers[0], "ports")[:1]:
        if isinstance(port, dict):
            yield Finding("port", str(port.get("containerPort", "")), f"{path} has it", Weight.DECLARED)
    probe = containers[0].get("readinessProbe") or containers[0].get("livenessProbe")
    request = probe.get("httpGet") if isinstance(probe, dict) else None
    if isinstance(request, dict) and isinstance(request.get("path"), str):
        yield Finding("health", request["path"], f"{path} probes it", Weight.DECLARED)


def _obstacle(text: str, bodies: tuple[dict[str, Any], ...], target: str, taken: set[str]) -> str:
    made = [body["kind"] for body in bodies if body["kind"] in GENERATED]
    if made:
        return f"coop makes the {made[0]}"
    if target in taken:
        return f"{target} is there already"
    try:
        parse_extras({target: text.encode()})
    except CoopError as error:
        return error.why.partition(": ")[2]
    return ""


def _bodies(path: str, text: str) -> tuple[dict[str, Any], ...]:
    try:
        documents = [document for document in yamls.load_all(text.encode(), path) if document is not None]
    except CoopError:
        return ()
    return tuple(documents) if all(_is_resource(document) for document in documents) else ()


def _is_resource(document: Any) -> bool:
    metadata = document.get("metadata") if isinstance(document, dict) else None
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return isinstance(name, str) and isinstance(document.get("kind"), str) and "apiVersion" in document


def _of_kind(found: list[Manifest], kind: str) -> list[tuple[str, dict[str, Any]]]:
    return [(one.path, body) for one in found for body in one.bodies if body["kind"] == kind]


def _list(inside: Any, key: str) -> list[Any]:
    found = inside.get(key) if isinstance(inside, dict) else None
    return found if isinstance(found, list) else []
