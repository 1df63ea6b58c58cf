"""What a program started and left behind, when nobody who ends the program is its parent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import pytest

from coop_core.cluster import kinds
from coop_core.local.runtime import processes
from coop_core.local.runtime.stopping import end_pods, living
from tests.runtime.running_kit import SERVER, Bench, is_ready, listening
from tests.runtime.test_adoption import gone, kill_a_platform, recorded

if TYPE_CHECKING:
    from pathlib import Path

CHILD = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(300)
"""


def with_child(folder: Path, *, own_session: bool) -> str:
    """A server that first starts a child that is deaf to SIGTERM, known by the folder on its command line."""
    start = (
        f"import subprocess, sys\n"
        f"subprocess.Popen([sys.executable, '-S', '-c', {CHILD!r}, {str(folder)!r}],"
        f" stdout=subprocess.PIPE, start_new_session={own_session}).stdout.readline()\n"
    )
    return start + SERVER


def children(folder: Path) -> list[int]:
    return [
        one.pid for one in psutil.process_iter(["cmdline"]) if (one.info["cmdline"] or [])[-1:] == [str(folder)]
    ]


@pytest.fixture(params=[False, True], ids=["same group", "own session"])
def left(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The folder of a killed platform whose program goes on, with its child."""
    kill_a_platform(tmp_path, program=with_child(tmp_path, own_session=request.param))
    assert len(children(tmp_path)) == 1
    return tmp_path


async def test_a_platform_that_adopted_a_program_ends_its_child_too(left: Path) -> None:
    bench = Bench(left)
    await bench.start()
    await bench.until(lambda: is_ready(bench.get(kinds.POD, "web")))
    await bench.close()
    assert children(left) == []


async def test_a_platform_that_stops_ends_a_child_in_a_session_of_its_own(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    await bench.start()
    try:
        bench.pod("web", listening(bench.container(with_child(tmp_path, own_session=True))))
        await bench.until(lambda: is_ready(bench.get(kinds.POD, "web")))
        assert len(children(tmp_path)) == 1
    finally:
        await bench.close()
    assert children(tmp_path) == []


def test_ending_pods_without_a_platform_ends_their_children_too(left: Path) -> None:
    end_pods(left / "pods", living(left / "pods"))
    assert children(left) == []
    assert living(left / "pods") == []


def test_a_child_whose_program_is_dead_is_found_and_ended(left: Path) -> None:
    program = recorded(left)
    psutil.Process(program.pid).kill()
    assert gone(program)
    found = living(left / "pods")
    assert [record.name for record in found] == ["web"]
    end_pods(left / "pods", found)
    assert children(left) == []


def test_nothing_of_another_pod_is_killed(left: Path) -> None:
    processes.kill_members("another")
    (record,) = living(left / "pods")
    processes.kill_members(record.uid, "another")
    assert len(children(left)) == 1
    assert processes.is_alive(recorded(left))
    end_pods(left / "pods", [record])
