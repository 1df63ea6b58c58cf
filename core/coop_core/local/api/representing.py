"""Objects in the form a client asked for: whole, as a Table's rows, or their metadata alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from coop_core.cluster import tables

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coop_core.clock import Clock
    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.local.api.requests import Form, Include
    from coop_core.local.store import Stored

HEADERS = {"Cache-Control": "no-cache, private", "X-Content-Type-Options": "nosniff"}


class Representation:
    """How the objects of one request are written."""

    def __init__(self, kind: Kind, form: Form, include: Include, clock: Clock) -> None:
        self.kind = kind
        self.form = form
        self.include = include
        self.clock = clock

    def one(self, body: Raw) -> bytes:
        if self.form.kind == "table":
            return msgspec.json.encode(self._table([body], body["metadata"].get("resourceVersion", "")))
        if self.form.kind == "metadata":
            return msgspec.json.encode(metadata_only(body, self.form.version))
        return msgspec.json.encode(body)

    def many(self, found: Iterable[Stored], revision: int) -> bytes:
        """A list of objects at a revision."""
        if self.form.kind == "table":
            return msgspec.json.encode(self._table([stored.object for stored in found], str(revision)))
        if self.form.kind == "metadata":
            items = [msgspec.json.encode(metadata_only(stored.object, self.form.version)) for stored in found]
            return _list("PartialObjectMetadataList", f"meta.k8s.io/{self.form.version}", revision, items)
        items = [stored.encoded for stored in found]
        return _list(f"{self.kind.name}List", self.kind.api_version, revision, items)

    def event(self, type_: str, body: Raw, encoded: bytes, *, is_first: bool) -> bytes:
        """One line of a watch. `encoded` is `body` as JSON; in a Table, only the first event names the columns."""
        if self.form.kind == "table":
            table = self._table([body], body["metadata"]["resourceVersion"])
            if not is_first:
                table["columnDefinitions"] = None
            encoded = msgspec.json.encode(table)
        elif self.form.kind == "metadata":
            encoded = msgspec.json.encode(metadata_only(body, self.form.version))
        return b'{"type":"%s","object":%s}\n' % (type_.encode(), encoded)

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

    def _table(self, bodies: list[Raw], revision: str) -> Raw:
        rows = []
        now_s = self.clock.now_s()
        for body in bodies:
            row: Raw = {"cells": tables.cells(self.kind, body, now_s)}
            if self.include == "Object":
                row["object"] = body
            elif self.include == "Metadata":
                row["object"] = metadata_only(body, self.form.version)
            else:
                row["object"] = None
            rows.append(row)
        return {
            "kind": "Table",
            "apiVersion": f"meta.k8s.io/{self.form.version}",
            "metadata": {"resourceVersion": revision},
            "columnDefinitions": tables.columns(self.kind),
            "rows": rows,
        }


def metadata_only(body: Raw, version: str) -> Raw:
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": body["metadata"],
    }


def _list(kind: str, api_version: str, revision: int, items: list[bytes]) -> bytes:
    head = {"kind": kind, "apiVersion": api_version, "metadata": {"resourceVersion": str(revision)}}
    return msgspec.json.encode(head)[:-1] + b',"items":[' + b",".join(items) + b"]}\n"


def answer(body: bytes, status: int = 200) -> web.Response:
    return web.Response(status=status, body=body, content_type="application/json", headers=HEADERS)


def answer_json(body: Raw, status: int = 200) -> web.Response:
    return answer(msgspec.json.encode(body) + b"\n", status)
