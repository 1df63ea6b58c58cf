"""What of the platform's answers one user gets to see: objects filtered and redacted one by one. Pure.

Works on decoded JSON, in every form that an answer can take: object, list, Table, metadata alone, watch event.
Anything of an unexpected form is refused, never passed on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from coop_core.cluster import kinds, redaction
from coop_core.proxy.answers import Refusal
from coop_core.text import one_line

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Kind, Raw

Form = Literal["object", "table", "metadata"]

_TABLE_TYPE = "application/json;as=Table;v=v1;g=meta.k8s.io"
_METADATA_TYPES = ("PartialObjectMetadata", "PartialObjectMetadataList")


def form(accept: str) -> Form:
    """What the client would rather have, of what there is. Raises Refusal when it takes no JSON at all."""
    for clause in accept.split(","):
        media, _, rest = clause.partition(";")
        parameters = dict(part.strip().partition("=")[::2] for part in rest.split(";") if part.strip())
        if media.strip().lower() not in ("application/json", "application/*", "*/*", ""):
            continue
        wanted = parameters.get("as", "")
        if not wanted:
            return "object"
        if parameters.get("g") != "meta.k8s.io" or parameters.get("v") != "v1":
            continue
        if wanted == "Table":
            return "table"
        if wanted in _METADATA_TYPES:
            return "metadata"
    raise Refusal(406, "only application/json is spoken here")


@dataclass(slots=True)
class Lens:
    """How one user sees one kind, for the length of one request. namespaces: those that the user sees.

    name: of the one object asked for, "" for a collection. rows_with_objects: the client's includeObject is None
    when False.
    """

    kind: Kind
    namespaces: frozenset[str]
    namespace: str
    form: Form
    rows_with_objects: bool = True
    name: str = ""
    _sent: set[str] = field(default_factory=set)

    @property
    def filters(self) -> bool:
        """Whether objects of the collection are hidden one by one, which needs them whole."""
        return self.kind in (kinds.APPLICATION, kinds.NAMESPACE)

    @property
    def accept(self) -> str:
        """The Accept header to send upstream."""
        return f"{_TABLE_TYPE},application/json" if self.form == "table" else "application/json"

    @property
    def include(self) -> str:
        """What a Table's rows must carry upstream, so that they can be judged."""
        return "Object" if self.filters else "Metadata"

    def answer(self, document: Raw) -> Raw:
        """A whole answer. Raises Refusal: 404 when the one object asked for is hidden, 502 for a strange form."""
        kind = document.get("kind")
        if kind == "Table":
            return self._table(document)
        if kind == f"{self.kind.name}List" and isinstance(document.get("items"), list):
            shown = [self._formed(item) for item in document["items"] if self._is_visible(item)]
            return self._list(document, shown)
        if kind == self.kind.name and self.name:
            if not self._is_visible(document):
                raise self.not_found()
            return self._formed(document)
        raise _strange()

    def event(self, event: Raw) -> Raw | None:
        """One event of a watch; None when it is not for this user's eyes."""
        type_, body = event.get("type"), event.get("object")
        if not isinstance(body, dict):
            raise _strange()
        if type_ == "ERROR":
            return {"type": "ERROR", "object": _status(body)}
        if type_ == "BOOKMARK":
            return {"type": "BOOKMARK", "object": self._bookmark(body)}
        if type_ not in ("ADDED", "MODIFIED", "DELETED"):
            raise _strange()
        if body.get("kind") == "Table":
            return self._table_event(type_, body)
        if body.get("kind") != self.kind.name:
            raise _strange()
        if not self._is_visible(body):
            return self._left(body)
        self._note(type_, body)
        return {"type": type_, "object": self._formed(body)}

    def not_found(self) -> Refusal:
        """The one answer for what is not there and for what is not this user's."""
        resource = f"{self.kind.plural}.{self.kind.group}" if self.kind.group else self.kind.plural
        return Refusal(404, f'{resource} "{self.name}" not found')

    def _is_visible(self, body: Any) -> bool:
        metadata = body.get("metadata") if isinstance(body, dict) else None
        if not isinstance(metadata, dict):
            return False
        if self.kind == kinds.NAMESPACE:
            return metadata.get("name") in self.namespaces
        if metadata.get("namespace") != self.namespace:
            return False
        return self.kind != kinds.APPLICATION or redaction.destination(body) in self.namespaces

    def _shown(self, body: Raw) -> Raw:
        if body.get("kind") in _METADATA_TYPES:
            return _metadata_only(body)
        return redaction.application(body) if self.kind == kinds.APPLICATION else redaction.shown(body)

    def _formed(self, body: Raw) -> Raw:
        return _metadata_only(body) if self.form == "metadata" else self._shown(body)

    def _list(self, document: Raw, items: list[Raw]) -> Raw:
        metadata = _list_metadata(document)
        if self.filters:
            # How many there are in all is not this user's business.
            metadata.pop("remainingItemCount", None)
        if self.form == "metadata":
            head = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}
        else:
            head = {"kind": f"{self.kind.name}List", "apiVersion": self.kind.api_version}
        return {**head, "metadata": metadata, "items": items}

    def _table(self, document: Raw) -> Raw:
        rows = [shown for row in document.get("rows") or [] if (shown := self._row(row))]
        if self.name and not rows:
            raise self.not_found()
        metadata = _list_metadata(document)
        if self.filters:
            metadata.pop("remainingItemCount", None)
        return {
            "kind": "Table",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": metadata,
            "columnDefinitions": document.get("columnDefinitions"),
            "rows": rows,
        }

    def _row(self, row: Any) -> Raw | None:
        """A row whose object may be seen; its object is cut to metadata, whatever was asked for."""
        body = row.get("object") if isinstance(row, dict) else None
        if not isinstance(body, dict) or not self._is_visible(body):
            return None
        cells = [redaction.scrub(cell) if isinstance(cell, str) else cell for cell in row.get("cells") or []]
        return {"cells": cells, "object": _metadata_only(body) if self.rows_with_objects else None}

    def _table_event(self, type_: str, table: Raw) -> Raw | None:
        rows = table.get("rows") or []
        body = rows[0].get("object") if rows and isinstance(rows[0], dict) else None
        if len(rows) != 1 or not isinstance(body, dict):
            raise _strange()
        if not self._is_visible(body):
            # A row cannot be taken back without the row; the client's next list puts it right.
            return None
        return {"type": type_, "object": self._table(table)}

    def _note(self, type_: str, body: Raw) -> None:
        if self.filters:
            uid = str(body["metadata"].get("uid"))
            if type_ == "DELETED":
                self._sent.discard(uid)
            else:
                self._sent.add(uid)

    def _left(self, body: Raw) -> Raw | None:
        """An object that this user saw before and may not see any more is deleted for them, without its content."""
        metadata = body.get("metadata")
        if not isinstance(metadata, dict) or str(metadata.get("uid")) not in self._sent:
            return None
        self._sent.discard(str(metadata.get("uid")))
        kept = {key: metadata[key] for key in ("name", "namespace", "uid", "resourceVersion") if key in metadata}
        gone = {"apiVersion": self.kind.api_version, "kind": self.kind.name, "metadata": kept}
        return {"type": "DELETED", "object": gone}

    def _bookmark(self, body: Raw) -> Raw:
        metadata = body.get("metadata")
        its = metadata if isinstance(metadata, dict) else {}
        kept: Raw = {"resourceVersion": its.get("resourceVersion", ""), "creationTimestamp": None}
        if (its.get("annotations") or {}).get("k8s.io/initial-events-end") == "true":
            kept["annotations"] = {"k8s.io/initial-events-end": "true"}
        if body.get("kind") == "Table":
            return {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": kept, "rows": []}
        if self.form == "metadata":
            return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": kept}
        return {"kind": self.kind.name, "apiVersion": self.kind.api_version, "metadata": kept}


def _metadata_only(body: Raw) -> Raw:
    metadata = body.get("metadata")
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": redaction.metadata(metadata if isinstance(metadata, dict) else {}),
    }


def _list_metadata(document: Raw) -> Raw:
    metadata = document.get("metadata")
    its = metadata if isinstance(metadata, dict) else {}
    return {key: its[key] for key in ("resourceVersion", "continue", "remainingItemCount") if key in its}


def _status(body: Raw) -> Raw:
    """A Status within a stream, rebuilt from the fields that clients read."""
    code = body.get("code")
    refusal = Refusal(
        code if isinstance(code, int) else 500,
        one_line(str(body.get("message", ""))),
        reason=one_line(str(body.get("reason", "")), 60),
    )
    return refusal.status()


def _strange() -> Refusal:
    return Refusal(502, "the platform's API answered something that was not asked for")
