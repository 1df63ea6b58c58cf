from __future__ import annotations

import asyncio
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from coop_core.cluster import kinds
from coop_core.local.api.logs import LogRequest
from coop_core.local.runtime import log_files
from coop_core.local.runtime.log_files import LogFile, Stamper, tail_offset
from coop_core.local.runtime.pod_logs import LogKeeper, read
from tests.runtime.running_kit import NAMESPACE, Bench

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import pytest

    from coop_core.cluster.kinds import Raw

FIVE = "for n in 1 2 3 4 5; do echo line $n; done"


def shell(bench: Bench, script: str) -> Raw:
    return bench.container("", command=["/bin/sh", "-c", script])


async def run(bench: Bench, script: str) -> None:
    bench.pod("job", shell(bench, script), restartPolicy="Never")
    await bench.until(lambda: ((bench.get(kinds.POD, "job") or {}).get("status") or {}).get("phase") == "Succeeded")


def request(**wanted: object) -> LogRequest:
    return LogRequest("web", **wanted)  # type: ignore[arg-type]  # each test chooses its fields


async def text(bench: Bench, wanted: LogRequest, name: str = "job") -> str:
    return b"".join([piece async for piece in bench.runtime.read(NAMESPACE, name, wanted)]).decode()


async def until_contains(pieces: AsyncIterator[bytes], wanted: bytes) -> bytes:
    found = b""
    async with asyncio.timeout(10):
        async for piece in pieces:
            found += piece
            if wanted in found:
                break
    return found


async def test_both_streams_are_kept_in_order(bench: Bench) -> None:
    await run(bench, "echo one; echo two >&2; echo three")
    assert await text(bench, request()) == "one\ntwo\nthree\n"


async def test_the_tail_is_counted_in_lines(bench: Bench) -> None:
    await run(bench, FIVE)
    assert await text(bench, request(tail_lines=2)) == "line 4\nline 5\n"
    assert await text(bench, request(tail_lines=0)) == ""
    assert await text(bench, request(tail_lines=99)) == "".join(f"line {n}\n" for n in range(1, 6))


async def test_the_limit_cuts_in_bytes(bench: Bench) -> None:
    await run(bench, FIVE)
    assert await text(bench, request(limit_bytes=9)) == "line 1\nli"


async def test_each_line_has_its_time_when_asked_for(bench: Bench) -> None:
    await run(bench, "echo one; sleep 0.3; echo two")
    lines = (await text(bench, request(timestamps=True))).splitlines()
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z (one|two)", line) for line in lines)
    assert lines[0][:30] < lines[1][:30]


async def test_only_young_lines_when_asked_for(bench: Bench) -> None:
    await run(bench, "echo old; sleep 0.6; echo young")
    assert await text(bench, request(since_s=0.4)) == "young\n"
    assert await text(bench, request(since_s=60)) == "old\nyoung\n"


async def test_following_ends_when_the_container_has_ended_for_good(bench: Bench) -> None:
    flag = bench.folder / "go on"
    script = f"echo one; while [ ! -e '{flag}' ]; do sleep 0.01; done; echo two"
    bench.pod("job", shell(bench, script), restartPolicy="Never")
    await bench.until(lambda: (bench.get(kinds.POD, "job") or {})["status"].get("containerStatuses"))
    pieces = bench.runtime.read(NAMESPACE, "job", request(follow=True))
    assert await until_contains(pieces, b"one\n") == b"one\n"
    flag.touch()
    rest = b"".join([piece async for piece in bench.runtime.read(NAMESPACE, "job", request(follow=True))])
    assert rest == b"one\ntwo\n"


async def test_following_goes_on_with_the_next_run(bench: Bench) -> None:
    count = bench.folder / "count"
    bench.pod("web", shell(bench, f"echo x >> '{count}'; echo run $(wc -l < '{count}'); sleep 0.1; exit 1"))
    await bench.until(count.exists)
    found = await until_contains(bench.runtime.read(NAMESPACE, "web", request(follow=True)), b"run 2\n")
    assert found == b"run 1\nrun 2\n"


async def test_the_previous_run_can_be_read(bench: Bench) -> None:
    count = bench.folder / "count"
    script = f"echo x >> '{count}'; n=$(wc -l < '{count}'); echo run $n; [ $n -ge 2 ] && exec sleep 60; exit 1"
    bench.pod("web", shell(bench, script))

    def restarted() -> bool:
        (status,) = ((bench.get(kinds.POD, "web") or {}).get("status") or {}).get("containerStatuses") or [{}]
        return bool(status.get("restartCount") == 1 and "running" in status["state"])

    await bench.until(restarted)
    assert await text(bench, request(previous=True), "web") == "run 1\n"
    await until_contains(bench.runtime.read(NAMESPACE, "web", request(follow=True)), b"run 2\n")


async def test_an_end_that_comes_during_a_look_is_not_missed(tmp_path: Path) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    keeper = LogKeeper(tmp_path)
    log = keeper.open("uid", "web", 1)
    log.path.write_bytes(b"one\n")
    pieces = read(log, keeper.stream("uid", "web"), request(follow=True))

    async def rest() -> list[bytes]:
        return [piece async for piece in pieces]

    assert await anext(pieces) == b"one\n"
    gate = threading.Event()
    asyncio.get_running_loop().run_in_executor(None, gate.wait)
    following = asyncio.create_task(rest())
    await asyncio.sleep(0)  # now it waits for its look, which waits for the only thread
    keeper.end("uid")
    gate.set()
    async with asyncio.timeout(10):
        assert await following == []
    keeper.close()


async def test_whoever_begins_to_follow_takes_no_news_from_the_others(tmp_path: Path) -> None:
    keeper = LogKeeper(tmp_path)
    log = keeper.open("uid", "web", 1)
    stream = keeper.stream("uid", "web")
    assert stream is not None
    signs = stream.signs
    log.path.write_bytes(b"one\n")
    assert [piece async for piece in read(log, stream, request())] == [b"one\n"]
    async with asyncio.timeout(10):
        await stream.changed(signs)
    keeper.close()


def log_in(folder: Path) -> LogFile:
    log = LogFile(folder, "web", 1)
    log.path.parent.mkdir()
    return log


def test_a_log_beyond_its_limit_is_moved_aside_while_it_is_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_files, "LIMIT_BYTES", 100)
    log = log_in(tmp_path)
    stamper = Stamper(log)
    with log.path.open("ab", buffering=0) as program:
        program.write(b"a" * 150 + b"\n")
        assert stamper.note()
        program.write(b"after\n")
    assert log.path.read_bytes() == b"after\n"
    assert log.aside.read_bytes() == b"a" * 150 + b"\n"


def test_the_tail_of_a_long_log_is_found_over_blocks(tmp_path: Path) -> None:
    log = log_in(tmp_path)
    log.path.write_bytes(b"".join(b"%099d\n" % n for n in range(2000)))
    assert tail_offset(log.path, 1500) == 500 * 100
    with log.path.open("ab") as program:
        program.write(b"unfinished")
    assert tail_offset(log.path, 2) == 1999 * 100


async def test_a_follower_hears_the_last_words_of_a_deleted_pod(bench: Bench) -> None:
    bench.pod("web", shell(bench, "trap 'echo bye; exit 0' TERM; echo hello; while :; do sleep 0.01; done"))
    await bench.running_pod("web")
    await until_contains(bench.runtime.read(NAMESPACE, "web", request(follow=True)), b"hello\n")

    async def follow() -> bytes:
        return b"".join([piece async for piece in bench.runtime.read(NAMESPACE, "web", request(follow=True))])

    following = asyncio.create_task(follow())
    await asyncio.sleep(0)
    bench.objects.delete(kinds.POD, NAMESPACE, "web", grace_s=5)
    assert (await following).endswith(b"bye\n")
