"""The event log as another process reads it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from coop_devloop import events as e
from coop_devloop.eventlog import KEPT_BYTES, EventLog, read

if TYPE_CHECKING:
    from pathlib import Path


def test_a_line_says_when_and_what_in_flat_fields(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "deep" / "events.jsonl")
    log.write(e.Entry(12.3456, e.BuildFinished("image", True, 3.5)))
    log.close()
    line = json.loads((tmp_path / "deep" / "events.jsonl").read_text())
    assert line == {
        "at": 12.346,
        "event": "BuildFinished",
        "image": "image",
        "was_cached": True,
        "took_ms": 3.5,
        "push_ms": 0.0,
    }


def test_what_was_written_is_read_back_as_the_same_event(tmp_path: Path) -> None:
    written: tuple[e.Event, ...] = (
        e.FilesChanged(("a.py", "b.py")),
        e.BuildFailed(e.Problem("what", "why", "remedy")),
        e.RolloutFailed("c1", "crashed", ("one", "two")),
    )
    log = EventLog(tmp_path / "events.jsonl")
    for event in written:
        log.write(e.Entry(1.0, event))
    log.close()
    lines = (tmp_path / "events.jsonl").read_bytes().splitlines()
    assert [read(line) for line in lines] == [(1.0, event) for event in written]


def test_a_line_of_another_version_is_passed_over() -> None:
    assert read(b'{"at": 1, "event": "PigsFlew"}') is None
    assert read(b'{"at": 1, "event": "Pushed"') is None
    assert read(b"[]") is None


def test_a_long_log_is_cut_at_the_start_of_a_line(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    line = b'{"at": 1.0, "event": "LoopStopped"}\n'
    path.write_bytes(line * (2 * KEPT_BYTES // len(line)))
    EventLog(path).close()
    assert path.stat().st_size <= KEPT_BYTES
    assert path.read_bytes().startswith(line)
