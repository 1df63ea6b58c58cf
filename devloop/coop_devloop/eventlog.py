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
    """Writes entries as they happen; each line is complete on disk before `write` returns.

    A disk that is full takes no line, and the loop goes on without.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        _cut(path)
        self._file = path.open("ab", buffering=0)
        self._is_broken = False

    def write(self, entry: Entry) -> None:
        fields = msgspec.to_builtins(entry.event)
        line = msgspec.json.encode({"at": round(entry.at_s, 3), **fields}) + b"\n"
        # Half a line may be there: it ends before the next begins.
        wanted = b"\n" + line if self._is_broken else line
        try:
            self._is_broken = self._file.write(wanted) != len(wanted)
        except OSError:
            self._is_broken = True

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
