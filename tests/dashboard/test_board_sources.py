"""Where events come from, and what is taken out of their text on the way."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from coop_core.cluster import kinds
from coop_core.errors import CoopError
from coop_devloop import events as devloop
from coop_tui.board import events as e
from coop_tui.board.cleaning import clean_log_line
from coop_tui.board.sources import Tail, followed, log_lines, loop_event, loop_events
from tests.dashboard.board_cluster import Cluster, Service

if TYPE_CHECKING:
    from pathlib import Path

PODS = e.Feed(kinds.POD, "dev-ada")
TARGET = e.LogTarget("dev-ada", "hello-1", "hello", previous=False, restarts=0)


def line(name: str, **fields: Any) -> bytes:
    return json.dumps({"at": 5.0, "event": name, **fields}).encode()


def test_a_known_line_of_the_event_log_is_its_event() -> None:
    said = loop_event(line("Pushed", commit="abc", took_ms=12.5))
    assert said == e.LoopSaid(5.0, devloop.Pushed("abc", 12.5))


def test_a_line_of_a_newer_dev_loop_is_shown_in_words() -> None:
    said = loop_event(line("MoonRose", phase="full", took_ms=3))
    assert said == e.LoopSaidMore(5.0, "MoonRose  phase=full  took_ms=3")


def test_a_line_that_is_no_event_is_skipped() -> None:
    assert [loop_event(bad) for bad in (b"", b"no json", b"[]", b'{"at": "x", "event": "E"}')] == [None] * 4


def test_text_in_the_event_log_is_made_printable() -> None:
    said = loop_event(line("PlatformLost", why="a\x1b]52;c;ZXZpbA==\x07b\u202ec"))
    assert said == e.LoopSaid(5.0, devloop.PlatformLost("abc"))


def test_a_tail_yields_each_line_once_and_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    tail = Tail(path)
    assert tail.new_lines() == []
    path.write_bytes(b"one\ntw")
    assert tail.new_lines() == [b"one"]
    with path.open("ab") as file:
        file.write(b"o\n")
    assert tail.new_lines() == [b"two"]
    assert tail.new_lines() == []


def test_a_tail_reads_a_file_that_was_cut_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"one\ntwo\nthree\n")
    tail = Tail(path)
    assert len(tail.new_lines()) == 3
    path.write_bytes(b"new\n")
    assert tail.new_lines() == [b"new"]


def test_a_tail_of_a_long_file_begins_with_a_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"".join(b"%07d\n" % number for number in range(100_000)))
    found = Tail(path).new_lines()
    assert len(found[0]) == 7
    assert found[-1] == b"0099999"
    assert len(found) < 50_000


async def test_events_written_later_arrive(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    async with aclosing(loop_events(path)) as events:
        first = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        path.write_bytes(line("PlatformBack") + b"\n")
        assert await first == e.LoopSaid(5.0, devloop.PlatformBack())


async def test_objects_are_cleaned_where_they_enter() -> None:
    pod = Service("dev-ada", "hello").pods[0]
    pod["status"]["message"] = "bad\x1b[2J \u202etext\nline"
    cluster = Cluster()
    cluster.change(kinds.POD, pod)
    async with aclosing(followed(cluster, PODS)) as events:
        listed = await anext(events)
    assert isinstance(listed, e.ObjectsListed)
    assert listed.objects[0]["status"]["message"] == "bad text line"


async def test_a_log_arrives_in_whole_lines_whatever_the_pieces() -> None:
    cluster = Cluster()
    for piece in ("h\u00e9".encode()[:2], "\u00e9".encode()[1:] + b"llo\n  wor", b"ld\nrest", None):
        cluster.log("hello-1", piece)
    found = [event async for event in log_lines(cluster, TARGET)]
    assert found == [
        e.LogRead(TARGET, ("h\u00e9llo",), is_first=True),
        e.LogRead(TARGET, ("  world",), is_first=False),
        e.LogRead(TARGET, ("rest",), is_first=False),
        e.LogEnded(TARGET, ""),
    ]
    (pod, query) = cluster.log_queries[0]
    assert (pod, query.container, query.follow, query.tail_lines) == ("hello-1", "hello", True, 500)


async def test_an_empty_log_is_read_and_ends() -> None:
    cluster = Cluster()
    cluster.log("hello-1", None)
    found = [event async for event in log_lines(cluster, TARGET)]
    assert found == [e.LogRead(TARGET, (), is_first=True), e.LogEnded(TARGET, "")]


async def test_a_broken_log_says_why() -> None:
    cluster = Cluster()
    cluster.log("hello-1", CoopError("cannot read the log", "the connection broke", "wait"))
    async with aclosing(log_lines(cluster, TARGET)) as events:
        assert await anext(events) == e.LogEnded(TARGET, "the connection broke")


def test_a_log_line_keeps_its_indentation_and_loses_its_escapes() -> None:
    assert clean_log_line("\tFile \x1b[31mred\x1b[0m\x07\r\n") == "    File red"
    assert clean_log_line("plain   ") == "plain"
    assert len(clean_log_line("x" * 100_000)) == 2000
