from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from coop_core.cluster import kinds, labels
from coop_core.local.runtime import processes, records
from coop_core.local.runtime.processes import Identity
from coop_core.local.watchdog import Watchdog
from tests.runtime.running_kit import NAMESPACE, SERVER, Bench, is_ready, listening

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw

ROOT = Path(__file__).parents[2]


def kill_a_platform(folder: Path, grace_s: str = "", program: str = SERVER) -> None:
    """Runs a platform with one ready pod, and kills it as `kill -9` does."""
    argv = [sys.executable, "-m", "tests.runtime.crashing_platform", str(folder), grace_s, program]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as platform:
        assert platform.stdout is not None
        assert platform.stdout.readline() == "ready\n"
        platform.kill()


def recorded(folder: Path) -> Identity:
    (record,) = [one for one in records.read_all(folder / "pods") if one.name == "web"]
    process = record.instances["web"].process
    assert process is not None
    return process


def restarted(bench: Bench) -> Raw | None:
    pod = bench.objects.get(kinds.POD, NAMESPACE, "web")
    (status,) = pod["status"]["containerStatuses"]
    return pod if status["restartCount"] == 1 and status["ready"] else None


async def test_a_new_platform_takes_over_what_a_killed_one_left(tmp_path: Path) -> None:
    kill_a_platform(tmp_path)
    process = recorded(tmp_path)
    assert processes.is_alive(process)
    bench = Bench(tmp_path)
    before = bench.get(kinds.POD, "web")
    await bench.start()
    try:
        # Pods are seen to in order: had this one been started again, it would have been before the other.
        bench.pod("other", listening(bench.container()))
        await bench.running_pod("other")
        assert recorded(tmp_path) == process
        after = bench.get(kinds.POD, "web")
        assert before is not None and after is not None
        assert is_ready(after)
        assert after["status"]["containerStatuses"] == before["status"]["containerStatuses"]
    finally:
        await bench.close()
    assert not processes.is_alive(process)


async def test_the_end_of_an_adopted_process_is_noticed(tmp_path: Path) -> None:
    kill_a_platform(tmp_path)
    process = recorded(tmp_path)
    bench = Bench(tmp_path)
    await bench.start()
    try:
        await bench.until(lambda: is_ready(bench.get(kinds.POD, "web")))
        os.kill(process.pid, signal.SIGKILL)

        pod = await bench.until(lambda: restarted(bench))
        (status,) = pod["status"]["containerStatuses"]
        assert status["lastState"]["terminated"]["reason"] == "ContainerStatusUnknown"
    finally:
        await bench.close()


async def test_a_process_that_was_started_but_not_yet_recorded_is_found(tmp_path: Path) -> None:
    kill_a_platform(tmp_path)
    process = recorded(tmp_path)
    (record,) = records.read_all(tmp_path / "pods")
    record.instances["web"].pid, record.instances["web"].began = 0, ""
    record.instances["web"].is_starting = True
    records.write(tmp_path / "pods", record)
    bench = Bench(tmp_path)
    await bench.start()
    try:
        await bench.until(lambda: is_ready(bench.get(kinds.POD, "web")))
        assert recorded(tmp_path) == process
    finally:
        await bench.close()
    assert not processes.is_alive(process)


async def test_a_port_that_somebody_else_took_meanwhile_is_given_up(tmp_path: Path) -> None:
    kill_a_platform(tmp_path)
    process = recorded(tmp_path)
    assert processes.signal_group(process, signal.SIGKILL)
    assert gone(process)
    (record,) = records.read_all(tmp_path / "pods")
    bench = Bench(tmp_path)
    with socket.create_server(("127.0.0.1", record.ports["web"])):
        await bench.start()
        try:
            pod = await bench.until(lambda: restarted(bench))
            assert pod["metadata"]["annotations"][labels.LOCAL_PORT] != str(record.ports["web"])
        finally:
            await bench.close()


async def test_a_process_whose_pod_is_gone_is_ended(tmp_path: Path) -> None:
    kill_a_platform(tmp_path)
    process = recorded(tmp_path)
    bench = Bench(tmp_path)
    bench.store.remove(kinds.POD, NAMESPACE, "web")
    await bench.start()
    await bench.close()
    assert not processes.is_alive(process)
    assert list((tmp_path / "pods").iterdir()) == []


async def test_pods_are_kept_when_asked_for(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    await bench.start()
    bench.pod("web", listening(bench.container()))
    await bench.running_pod("web")
    process = recorded(tmp_path)
    await bench.close(keep_pods=True)
    assert processes.is_alive(process)
    bench.open()
    await bench.start()
    await bench.until(lambda: is_ready(bench.get(kinds.POD, "web")))
    assert recorded(tmp_path) == process
    await bench.close()


def test_a_process_that_only_has_the_same_pid_is_never_signalled() -> None:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as child:
        identity = processes.identify(child.pid)
        assert identity is not None
        stranger = Identity(child.pid, identity.began + "0")
        assert not processes.signal_group(stranger, signal.SIGKILL)
        assert child.poll() is None
        assert processes.signal_group(identity, signal.SIGKILL)


def gone(process: Identity, patience_s: float = 10) -> bool:
    until_s = time.monotonic() + patience_s
    while processes.is_alive(process):
        if time.monotonic() > until_s:
            return False
        time.sleep(0.02)
    return True


def watchdogs(folder: Path) -> list[psutil.Process]:
    return [one for one in psutil.process_iter(["cmdline"]) if str(folder / "pods") in (one.info["cmdline"] or [])]


def test_the_watchdog_ends_the_pods_when_nobody_takes_over(tmp_path: Path) -> None:
    kill_a_platform(tmp_path, "0.3")
    process = recorded(tmp_path)
    assert gone(process)


def test_the_watchdog_leaves_the_pods_to_a_new_platform(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kill_a_platform(tmp_path, "5")
        until_s = time.monotonic() + 10
        while watchdogs(tmp_path) and time.monotonic() < until_s:
            time.sleep(0.05)
        assert not watchdogs(tmp_path)
    process = recorded(tmp_path)
    assert processes.is_alive(process)
    processes.signal_group(process, signal.SIGKILL)


async def test_the_watchdog_goes_at_once_when_told_goodbye(tmp_path: Path) -> None:
    watchdog = Watchdog(tmp_path / "pods", tmp_path / "lock", grace_s=60)
    watchdog.start()
    await watchdog.close()
    assert not watchdogs(tmp_path)
