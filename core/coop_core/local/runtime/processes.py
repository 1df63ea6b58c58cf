"""Processes that outlive their starter: started in a session of their own, known again by when they began.

Minimal imports: the watchdog loads this. Invariant: nothing here signals a pid whose start differs from the record.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

POD_UID = "COOP_POD_UID"
"""Variable in the environment of every process of a pod; finds one whose pid was never written down."""
CONTAINER = "COOP_CONTAINER"
KILL_LIMIT_S = 2.0
"""What a killed process gets to be gone: one that the system holds back must not hold back us."""


@dataclass(frozen=True, slots=True)
class Identity:
    """One process, for as long as the machine runs: a pid alone is given to others again."""

    pid: int
    began: str


@dataclass(frozen=True, slots=True)
class Command:
    """What to start, and where. `log` is opened for appending and is the process's output and error stream."""

    argv: Sequence[str]
    cwd: Path
    env: Mapping[str, str]
    log: Path


def spawn(command: Command) -> int:
    """Starts a process that survives the death of this one; its pid. Raises OSError when it cannot be started."""
    # The child writes to the file itself: a pipe through us would end, and kill it, the day we die.
    output = os.open(command.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        child = subprocess.Popen(
            command.argv,
            cwd=command.cwd,
            env=command.env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    finally:
        os.close(output)
    # From here on the process is known by its pid and reaped by `waiting`: it may well outlive this object.
    child.returncode = 0
    return child.pid


def identify(pid: int) -> Identity | None:
    """The process that has this pid now, be it ended but not yet reaped; None when there is none."""
    began, _ = _look(pid)
    return None if began is None else Identity(pid, began)


def is_alive(process: Identity) -> bool:
    began, is_running = _look(process.pid)
    return is_running and began == process.began


def signal_group(process: Identity, number: signal.Signals) -> bool:
    """Signals a process and all it started; False when it is gone."""
    if not is_alive(process):
        return False
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
        return True
    return False


def sweep_group(pid: int) -> None:
    """Kills what an ended process left behind in its group.

    To be called before the process is reaped (its pid cannot have been given away yet).
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def kill_members(uid: str, container: str | None = None) -> None:
    """Kills all that runs of a pod, or of one of its containers, in whatever group. Reads all processes: slow."""
    until_s = time.monotonic() + KILL_LIMIT_S
    while time.monotonic() < until_s:
        left = [one.process for one in _members() if one.uid == uid and container in (None, one.container)]
        if not left:
            return
        for process in left:
            if is_alive(process):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(process.pid, signal.SIGKILL)
        time.sleep(0.01)  # and again: it may have started another before it died


def pods_with_members(uids: Collection[str]) -> set[str]:
    """Which of these pods have any process left. Reads all processes: slow."""
    return {one.uid for one in _members()} & set(uids)


def of_pods() -> dict[tuple[str, str], Identity]:
    """Every running session leader of a pod on this machine, by (pod uid, container). Reads all processes: slow."""
    return {(one.uid, one.container): one.process for one in _members() if one.is_leader}


@dataclass(frozen=True, slots=True)
class _Member:
    """A process that was started by a pod's container, or by one that was. is_leader: of its session."""

    uid: str
    container: str
    process: Identity
    is_leader: bool


def _members() -> Iterator[_Member]:
    import psutil

    for process in psutil.process_iter(["pid"]):
        with contextlib.suppress(psutil.Error, OSError):
            identity = identify(process.pid)
            env = process.environ()
            if POD_UID in env and identity is not None and is_alive(identity):
                is_leader = os.getsid(process.pid) == process.pid
                yield _Member(env[POD_UID], env.get(CONTAINER, ""), identity, is_leader)


def _look(pid: int) -> tuple[str | None, bool]:
    """When the process began, None if there is none; and whether it has not ended."""
    return _look_linux(pid) if sys.platform == "linux" else _look_elsewhere(pid)


def _look_linux(pid: int) -> tuple[str | None, bool]:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return None, False
    # The name, in parentheses, may hold anything; the fields after it are fixed: state first, start time 20th.
    fields = stat[stat.rfind(")") + 2 :].split()
    return f"{_boot()}/{fields[19]}", fields[0] not in "ZX"


@cache
def _boot() -> str:
    """Start times count from the boot: without its id, another boot's process could look like ours."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _look_elsewhere(pid: int) -> tuple[str | None, bool]:
    import psutil

    try:
        process = psutil.Process(pid)
        return f"{process.create_time():.3f}", process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return None, False
