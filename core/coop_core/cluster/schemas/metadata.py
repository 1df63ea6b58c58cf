"""The metadata of an object of a custom kind, or of one embedded in it: definitions do not describe it.

Source: Kubernetes apimachinery, ObjectMeta.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw

_TEXT: Raw = {"type": "string"}
_INTEGER: Raw = {"type": "integer"}
_FLAG: Raw = {"type": "boolean"}
_TEXTS: Raw = {"type": "object", "additionalProperties": _TEXT}
_OWNER: Raw = {
    "type": "object",
    "required": ["apiVersion", "kind", "name", "uid"],
    "properties": {
        **dict.fromkeys(("apiVersion", "kind", "name", "uid"), _TEXT),
        **dict.fromkeys(("controller", "blockOwnerDeletion"), _FLAG),
    },
}
_WRITER: Raw = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
METADATA: Raw = {
    "type": "object",
    "properties": {
        **dict.fromkeys(
            ("name", "generateName", "namespace", "selfLink", "uid", "resourceVersion", "creationTimestamp",
             "deletionTimestamp"),
            _TEXT,
        ),
        **dict.fromkeys(("generation", "deletionGracePeriodSeconds"), _INTEGER),
        **dict.fromkeys(("labels", "annotations"), _TEXTS),
        "finalizers": {"type": "array", "items": _TEXT},
        "ownerReferences": {"type": "array", "items": _OWNER},
        "managedFields": {"type": "array", "items": _WRITER},
    },
}  # fmt: skip
