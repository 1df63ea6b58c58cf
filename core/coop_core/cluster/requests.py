"""The path of a Kubernetes request, parsed: the only reading of a path that the API server and the proxy know.

Strict on purpose: what a server might read in two ways (escapes, dot segments, empty segments, a tail behind a
subresource) is refused here, so that a decision made on the parsed parts is a decision on what will be served.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Verb = Literal["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"]

_GROUP = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+|[a-z]{1,63}")
_VERSION = re.compile(r"v[1-9][0-9]{0,3}((alpha|beta)[1-9][0-9]{0,3})?")
_WORD = re.compile(r"[a-z][a-z0-9-]{0,62}")
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NAME = re.compile(r"[A-Za-z0-9_:]([A-Za-z0-9_.:-]{0,251}[A-Za-z0-9_:])?")
_OF_A_NAMESPACE = ("status", "finalize")
"""Behind /namespaces/{name}/ these are subresources; every other word there is a resource in that namespace."""


class BadPath(Exception):
    """The path names nothing that a Kubernetes API could serve, or it could be read in two ways."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a path points at. Empty: the core group, no namespace (cluster scope), no subresource, no name."""

    group: str
    version: str
    namespace: str
    resource: str
    """The plural, e.g. "pods"."""
    subresource: str = ""
    name: str = ""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def described(self) -> str:
        """The resource as messages write it, e.g. "pods/log"."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


def parse(path: str) -> Target:
    """Reads a path as it was sent: without query, not unescaped. Raises BadPath.

    Accepts /api/{version}/… and /apis/{group}/{version}/… followed by {resource}[/{name}[/{subresource}]], with
    or without namespaces/{namespace} before it. A Namespace itself is the resource "namespaces" at cluster scope.
    """
    parts = path.split("/")
    match parts[:2]:
        case ["", "api"]:
            group, rest = "", parts[2:]
        case ["", "apis"] if len(parts) > 2 and _GROUP.fullmatch(parts[2]):
            group, rest = parts[2], parts[3:]
        case _:
            raise BadPath(path)
    if len(rest) < 2 or not _VERSION.fullmatch(rest[0]):
        raise BadPath(path)
    version, rest = rest[0], rest[1:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and not (group == "" and rest[2] in _OF_A_NAMESPACE):
        namespace, rest = rest[1], rest[2:]
        if not _NAMESPACE.fullmatch(namespace):
            raise BadPath(path)
    patterns = (_WORD, _NAME, _WORD)
    if len(rest) > 3 or not all(map(re.Pattern.fullmatch, patterns, rest)):
        raise BadPath(path)
    resource, name, subresource = (*rest, "", "")[:3]
    return Target(group, version, namespace, resource, subresource, name)


def verb(method: str, target: Target, *, watch: bool = False) -> Verb | None:
    """The Kubernetes verb of a request; None for a method that the target does not know (405).

    watch: whether the query asks for one; it counts on GET of a whole resource or of one name, never on a
    subresource.
    """
    match method:
        case "GET" if watch and not target.subresource:
            return "watch"
        case "GET":
            return "get" if target.name else "list"
        case "POST":
            return "create" if not target.name or target.subresource else None
        case "PUT":
            return "update" if target.name else None
        case "PATCH":
            return "patch" if target.name else None
        case "DELETE":
            return "delete" if target.name else "deletecollection"
        case _:
            return None
