"""Objects in the form a client asked for: whole, as a Table's rows, or their metadata alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from coop_core.cluster import tables
from coop_core.cluster.conversions import outward, stored_as
from coop_core.cluster.tables import custom

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coop_core.clock import Clock
    from coop_core.cluster.definitions import Served
    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.local.api.requests import Form, Include
    from coop_core.local.store import Stored

HEADERS = {"Cache-Control": "no-cache, private", "X-Content-Type-Options": "nosniff"}


class Representation:
    """How the objects of one request are written."""

    def __init__(
        self, kind: Kind, form: Form, include: Include, clock: Clock, served: Served | None = None
    ) -> None:
        self.kind = kind
        self.served = served
        self.stored = stored_as(kind)
        self.form = form
        self.include = include
        self.clock = clock

    def one(self, body: Raw) -> bytes:
        if self.form.kind == "table":
            return msgspec.json.encode(self._table([body], body["metadata"].get("resourceVersion", "")))
        if self.form.kind == "metadata":
            return msgspec.json.encode(metadata_only(body, self.form.version))
        return msgspec.json.encode(outward(self.kind, body))

    def many(self, found: Iterable[Stored], revision: int, rest: Raw) -> bytes:
        """A list of objects at a revision. rest: more metadata, of what comes after this part."""
        metadata = {"resourceVersion": str(revision), **rest}
        if self.form.kind == "table":
            table = self._table([stored.object for stored in found], str(revision))
            return msgspec.json.encode({**table, "metadata": metadata})
        if self.form.kind == "metadata":
            items = [msgspec.json.encode(metadata_only(stored.object, self.form.version)) for stored in found]
            return _list("PartialObjectMetadataList", f"meta.k8s.io/{self.form.version}", metadata, items)
        items = [self._encoded(stored.object, stored.encoded) for stored in found]
        return _list(f"{self.kind.name}List", self.kind.api_version, metadata, items)

    def event(self, type_: str, body: Raw, encoded: bytes, *, is_first: bool) -> bytes:
        """One line of a watch. `encoded` is `body` as JSON; in a Table, only the first event names the columns."""
        if self.form.kind == "table":
            table = self._table([body], body["metadata"]["resourceVersion"])
            if not is_first:
                table["columnDefinitions"] = None
            encoded = msgspec.json.encode(table)
        elif self.form.kind == "metadata":
            encoded = msgspec.json.encode(metadata_only(body, self.form.version))
        else:
            encoded = self._encoded(body, encoded)
        return b'{"type":"%s","object":%s}\n' % (type_.encode(), encoded)

    def _encoded(self, body: Raw, encoded: bytes) -> bytes:
        """`body` as JSON, in the words of the kind that was asked for."""
        is_stored_so = body["apiVersion"] == self.kind.api_version
        return encoded if is_stored_so else msgspec.json.encode(outward(self.kind, body))

    def bookmark(self, revision: int, *, ends_initial: bool = False) -> bytes:
        metadata: Raw = {"resourceVersion": str(revision), "creationTimestamp": None}
        if ends_initial:
            metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
        marker: Raw = {"kind": self.kind.name, "apiVersion": self.kind.api_version, "metadata": metadata}
        if self.form.kind == "table":
            marker = {**self._table([], str(revision)), "metadata": metadata, "columnDefinitions": None}
        elif self.form.kind == "metadata":
            marker = metadata_only(marker, self.form.version)
        return b'{"type":"BOOKMARK","object":%s}\n' % msgspec.json.encode(marker)

    def _cells(self, body: Raw, now_s: float) -> list[object]:
        if self.served:
            return custom.cells(self.served.columns, body, now_s)
        return tables.cells(self.stored, body, now_s)

    def _table(self, bodies: list[Raw], revision: str) -> Raw:
        rows = []
        now_s = self.clock.now_s()
        for body in bodies:
            row: Raw = {"cells": self._cells(body, now_s)}
            if self.include == "Object":
                row["object"] = outward(self.kind, body)
            elif self.include == "Metadata":
                row["object"] = metadata_only(body, self.form.version)
            else:
                row["object"] = None
            rows.append(row)
        return {
            "kind": "Table",
            "apiVersion": f"meta.k8s.io/{self.form.version}",
            "metadata": {"resourceVersion": revision},
            "columnDefinitions": custom.columns(self.served.columns)
            if self.served
            else tables.columns(self.stored),
            "rows": rows,
        }


def metadata_only(body: Raw, version: str) -> Raw:
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": body["metadata"],
    }


def _list(kind: str, api_version: str, metadata: Raw, items: list[bytes]) -> bytes:
    head = {"kind": kind, "apiVersion": api_version, "metadata": metadata}
    return msgspec.json.encode(head)[:-1] + b',"items":[' + b",".join(items) + b"]}\n"


def answer(body: bytes, status: int = 200, *, warnings: tuple[str, ...] = ()) -> web.Response:
    """warnings: values of Warning headers."""
    response = web.Response(status=status, body=body, content_type="application/json", headers=HEADERS)
    for warning in warnings:
        response.headers.add("Warning", warning)
    return response


def answer_json(body: Raw, status: int = 200) -> web.Response:
    return answer(msgspec.json.encode(body) + b"\n", status)
