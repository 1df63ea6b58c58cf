"""The event log: one JSON object a line, appended, so that another process can follow along.

A line is `{"at": <epoch seconds>, "event": "<Name>", ...fields}`. The log is cut when a loop starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from coop_devloop.events import Event

if TYPE_CHECKING:
    from pathlib import Path

    from coop_devloop.events import Entry

KEPT_BYTES = 512 * 1024


class EventLog:
    """Writes entries as they happen; each line is complete on disk before `write` returns."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        _cut(path)
        self._file = path.open("ab", buffering=0)

    def write(self, entry: Entry) -> None:
        fields = msgspec.to_builtins(entry.event)
        self._file.write(msgspec.json.encode({"at": round(entry.at_s, 3), **fields}) + b"\n")

    def close(self) -> None:
        self._file.close()


def read(line: bytes) -> tuple[float, Event] | None:
    """An entry from its line; None when another version of coop wrote something this one does not know."""
    try:
        fields = msgspec.json.decode(line, type=dict)
        return float(fields.pop("at")), msgspec.convert(fields, Event)
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError):
        return None


def _cut(path: Path) -> None:
    """Keeps the newest part of a log that has grown long, from the start of a line on."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return
    if len(data) > KEPT_BYTES:
        path.write_bytes(data[-KEPT_BYTES:].partition(b"\n")[2])
