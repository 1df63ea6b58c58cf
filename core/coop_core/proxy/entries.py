"""One object as the proxy keeps it: redacted and encoded once, the same bytes for everybody who may see it. Pure.

Nothing that is hidden is kept, so that no selector, form or bug further on can bring it to light.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from coop_core.cluster import kinds, redaction

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Kind, Raw

Key = tuple[str, str]
"""Namespace and name."""


class Strange(Exception):
    """The platform sent something that is no object of the kind that was asked for."""


class _Destination(msgspec.Struct):
    namespace: str = ""


class _ApplicationSpec(msgspec.Struct):
    project: str = ""
    destination: _Destination = msgspec.field(default_factory=_Destination)


class _Labelled(msgspec.Struct):
    labels: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """`sight`: who sees this namespace sees the object. `upstream`: its resourceVersion at the platform.

    revision: ours. tail: its JSON from behind the resourceVersion, which stands first in metadata; of that,
    `metadata_end` bytes are metadata.
    """

    kind: Kind
    namespace: str
    name: str
    sight: str
    upstream: str
    revision: int
    tail: bytes
    metadata_end: int

    @property
    def key(self) -> Key:
        return (self.namespace, self.name)

    def whole(self, revision: int = 0) -> bytes:
        """The object as JSON; `revision` instead of its own when given, as in news of its end."""
        return b"%s%d%s%s" % (_beginning(self.kind), revision or self.revision, b'",', self.tail)

    def metadata(self, revision: int = 0) -> bytes:
        """The object as PartialObjectMetadata."""
        return b"%s%d%s%s}" % (_PARTIAL, revision or self.revision, b'",', self.tail[: self.metadata_end])

    def body(self) -> Raw:
        """The object decoded."""
        decoded: Raw = msgspec.json.decode(self.whole())
        return decoded

    def labels(self) -> dict[str, str]:
        try:
            return msgspec.json.decode(b"{" + self.tail[: self.metadata_end], type=_Labelled).labels or {}
        except msgspec.ValidationError:
            return {}


def entry(kind: Kind, body: Any) -> Entry:
    """As `body` may be shown; the revision is the cache's to give. Raises Strange."""
    metadata = body.get("metadata") if isinstance(body, dict) else None
    if not isinstance(metadata, dict) or body.get("kind", kind.name) != kind.name:
        raise Strange
    name, namespace = metadata.get("name"), metadata.get("namespace", "")
    upstream = metadata.get("resourceVersion")
    if not isinstance(name, str) or not isinstance(namespace, str) or not isinstance(upstream, str) or not name:
        raise Strange
    if bool(namespace) is not kind.namespaced:
        raise Strange
    try:
        head, tail = _encoded(redaction.application(body) if kind == kinds.APPLICATION else redaction.shown(body))
    except RecursionError:
        raise Strange from None
    joined = head + (b"," + tail if tail != b"}" else tail)
    return Entry(kind, namespace, name, _sight(kind, body, namespace, name), upstream, 0, joined, len(head))


def _encoded(shown: Raw) -> tuple[bytes, bytes]:
    """Metadata and the rest, each without its opening brace."""
    its = {key: value for key, value in shown["metadata"].items() if key != "resourceVersion"}
    rest = {key: value for key, value in shown.items() if key not in ("apiVersion", "kind", "metadata")}
    return msgspec.json.encode(its)[1:], msgspec.json.encode(rest)[1:]


def _sight(kind: Kind, body: Raw, namespace: str, name: str) -> str:
    if kind == kinds.NAMESPACE:
        return name
    return _destination(body) if kind == kinds.APPLICATION else namespace


def _destination(body: Raw) -> str:
    """The namespace that an Application of coop's deploys to; "", which nobody sees, for one of somebody else's.

    All of them lie in one namespace, and a namespace of that name may be meant in another cluster.
    """
    try:
        spec = msgspec.convert(body.get("spec"), _ApplicationSpec)
    except msgspec.ValidationError:
        return ""
    return spec.destination.namespace if spec.project == kinds.ARGOCD_PROJECT else ""


_PARTIAL = b'{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"'
_BEGINNINGS: dict[Kind, bytes] = {}


def _beginning(kind: Kind) -> bytes:
    found = _BEGINNINGS.get(kind)
    if found is None:
        names = kind.name.encode(), kind.api_version.encode()
        found = _BEGINNINGS[kind] = b'{"kind":"%s","apiVersion":"%s","metadata":{"resourceVersion":"' % names
    return found
