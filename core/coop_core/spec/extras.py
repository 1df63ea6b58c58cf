"""Kubernetes resources that lie beside `coop.yaml`, under `k8s/`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coop_core import yamls
from coop_core.text import one_line
from coop_core.yamls import Node, Scalar, problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FOLDER = "k8s"
Raw = dict[str, Any]
SCOPES = ("main", "personal")

_PATH = re.compile(rf"{FOLDER}/(?:([^/]+)/)?[^/]+\.ya?ml")
_NAME = re.compile(r"[a-z0-9]([a-z0-9.:-]{0,251}[a-z0-9])?")
_KIND = re.compile(r"[A-Z][A-Za-z0-9]{0,62}")
_VERSION = re.compile(r"([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?v[0-9][a-z0-9]*")

# (group, kind) to (why, remedy).
_REFUSED = {
    ("", "Secret"): (
        "a Secret would be readable by everybody who can read Git",
        "create it in the cluster, or use SealedSecret or ExternalSecret, and refer to it by name",
    ),
    ("", "Namespace"): ("coop makes the namespace of each environment", "remove it"),
    ("argoproj.io", "Application"): ("coop makes the application of each service", "remove it"),
    ("argoproj.io", "ApplicationSet"): ("it could deploy to any environment", "remove it"),
    ("argoproj.io", "AppProject"): ("it could open any environment", "remove it"),
}


@dataclass(frozen=True, slots=True)
class Extra:
    """One resource. scope: "main", "personal", or "" for every environment; where: `file:line`."""

    where: str
    scope: str
    body: Raw

    @property
    def key(self) -> tuple[str, str, str]:
        """(group, kind, name): what makes two resources the same one."""
        return group(self.body), self.body["kind"], self.body["metadata"]["name"]


def group(body: Raw) -> str:
    """The API group; "" is the core group."""
    version: str = body["apiVersion"]
    return version.rpartition("/")[0]


def parse_extras(files: Mapping[str, bytes]) -> tuple[Extra, ...]:
    """Resources in order of file and document. files: path from the service's folder to content; what does not
    lie under `k8s/` is passed over.
    """
    found: list[Extra] = []
    seen: dict[tuple[str, tuple[str, str, str]], str] = {}
    for path in sorted(files):
        match = _PATH.fullmatch(path)
        if not match:
            continue
        scope = match[1] or ""
        if scope and scope not in SCOPES:
            why = f"the folder {FOLDER}/{one_line(scope, 60)} stands for no environment"
            raise problem(path, 1, why, f"move it to {FOLDER}/, {FOLDER}/main/ or {FOLDER}/personal/")
        for node in _resources(files[path], path):
            extra = Extra(f"{one_line(path)}:{node.line}", scope, _checked(node, path))
            first = seen.setdefault((scope, extra.key), extra.where)
            if first != extra.where:
                name = f"{extra.body['kind']} {extra.body['metadata']['name']}"
                raise problem(path, node.line, f"{name} is there already, in {first}", "remove one of them")
            found.append(extra)
    return tuple(found)


def _resources(text: bytes, path: str) -> Iterator[Node]:
    """The documents that are not empty; a List stands for its items."""
    for node in yamls.nodes(text, path):
        if isinstance(node, Scalar) and node.value is None:
            continue
        kind = _child(node, "kind")
        items = _child(node, "items")
        if isinstance(kind, Scalar) and kind.text == "List" and isinstance(items, yamls.Sequence):
            yield from items.items
        else:
            yield node


def _checked(node: Node, path: str) -> Raw:
    if not isinstance(node, yamls.Mapping):
        raise problem(path, node.line, "it is no Kubernetes resource", "start it with: apiVersion: v1")
    metadata = _child(node, "metadata")
    _word(node, "apiVersion", _VERSION, path)
    kind = _word(node, "kind", _KIND, path)
    _word(metadata if metadata else node, "name", _NAME, path, inside="metadata.")
    body: Raw = yamls.plain(node)
    if (group(body), kind) in _REFUSED:
        why, remedy = _REFUSED[(group(body), kind)]
        raise problem(path, node.line, why, remedy)
    for field in ("labels", "annotations"):
        _check_texts(_child(metadata, field), f"metadata.{field}", path)
    if kind == "ConfigMap":
        _check_texts(_child(node, "data"), "data", path)
    return body


def _word(node: Node, key: str, pattern: re.Pattern[str], path: str, *, inside: str = "") -> str:
    """The text of a key that must be there and look like `pattern`."""
    found = _child(node, key)
    if isinstance(found, Scalar) and pattern.fullmatch(found.text):
        return found.text
    line = found.line if found else node.line
    told = f"is {one_line(found.text, 60)!r}" if isinstance(found, Scalar) else "is missing"
    examples = {"apiVersion": "v1", "kind": "ConfigMap", "name": "hello"}
    raise problem(path, line, f"{inside}{key} {told}", f"write {inside}{key}, e.g. {examples[key]}")


def _check_texts(node: Node | None, what: str, path: str) -> None:
    """Kubernetes takes nothing but text here, and says so only when it is too late."""
    if node is None or (isinstance(node, Scalar) and node.value is None):
        return
    if not isinstance(node, yamls.Mapping):
        raise problem(path, node.line, f"{what} is no mapping", "use names and values")
    for key, (line, value) in node.items.items():
        if not isinstance(value, Scalar) or not (value.value is None or isinstance(value.value, str)):
            written = one_line(value.text, 60) if isinstance(value, Scalar) else "…"
            name = one_line(key, 60)
            raise problem(path, line, f"{what}.{name} is no text", f"put it in quotes: {name}: '{written}'")


def _child(node: Any, key: str) -> Node | None:
    """The value of a key; None when there is none."""
    if not isinstance(node, yamls.Mapping) or key not in node.items:
        return None
    return node.items[key][1]
