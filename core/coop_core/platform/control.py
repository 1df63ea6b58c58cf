"""Starting and stopping the local platform from outside. Synchronous: commands call it, the platform never does."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from typing import IO, TYPE_CHECKING

import msgspec
import psutil

from coop_core.errors import CoopError, ExitCode
from coop_core.platform import record as records
from coop_core.text import lines

if TYPE_CHECKING:
    from pathlib import Path

    from coop_core.paths import Home
    from coop_core.platform.record import Record

START_LIMIT_S = 60.0
PODS = "pods"
"""Records and logs of the pods, inside the platform's folder."""

STOP_LIMIT_S = 45.0
"""Longer than a pod's grace period: an orderly stop lets requests in flight finish."""


class Failure(msgspec.Struct, frozen=True):
    """How a platform that cannot start says so to whoever started it."""

    what: str
    why: str
    remedy: str
    exit_code: int


class Greeting(msgspec.Struct, frozen=True):
    """The one line that a starting platform writes to its standard output."""

    record: records.Record | None = None
    failure: Failure | None = None


def up(home: Home, *, port: int, user: str, bound_to_caller: bool = False) -> Record:
    """Starts the platform unless it runs already, and returns once it is ready.

    bound_to_caller: the platform ends when the calling process does, however that ends.
    """
    running = records.living(home.platform)
    if running:
        return running
    home.platform.mkdir(parents=True, exist_ok=True, mode=0o700)
    arguments = [sys.executable, "-m", "coop_core.platform", "--port", str(port), "--user", user]
    if bound_to_caller:
        arguments.append("--until-stdin-closes")
    last_words = home.platform / "platform.err"
    with last_words.open("wb") as errors:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE if bound_to_caller else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, **home.environ()},
            # Ctrl-C in this terminal is not meant for the platform.
            start_new_session=True,
            cwd="/",
        )
    if bound_to_caller:
        # Kept open for as long as this process lives; never written to.
        _leashes.append(process)
    greeting = _greeting(process)
    if greeting is not None and greeting.record:
        return greeting.record
    process.kill()
    process.wait()
    if greeting is not None and greeting.failure:
        failure = greeting.failure
        raise CoopError(failure.what, failure.why, failure.remedy, ExitCode(failure.exit_code))
    raise CoopError(
        "cannot start the local platform",
        f"it ended before it was ready: {_last_line(last_words)}",
        f"read {last_words} and {home.platform / 'platform.log'}",
        ExitCode.PLATFORM,
    )


def _last_line(path: Path) -> str:
    found = lines(path.read_text("utf-8", "replace"))
    return next((line for line in reversed(found) if line), "it said nothing")


_leashes: list[subprocess.Popen[bytes]] = []


def _greeting(process: subprocess.Popen[bytes]) -> Greeting | None:
    stdout: IO[bytes] | None = process.stdout
    assert stdout is not None  # it was asked for as a pipe
    with stdout:
        ready, _, _ = select.select([stdout], [], [], START_LIMIT_S)
        line = stdout.readline() if ready else b""
    try:
        return msgspec.json.decode(line, type=Greeting)
    except msgspec.MsgspecError:
        return None


def down(home: Home) -> bool:
    """Stops the platform and everything it runs; False when there was nothing to stop."""
    record = records.read(home.platform)
    if not records.is_held(home.platform):
        return _sweep(home)
    if record is None:
        raise CoopError(
            "cannot stop the local platform",
            "it is still starting",
            "try again in a moment",
            ExitCode.BUSY,
        )
    os.kill(record.pid, signal.SIGTERM)
    if not _ended(record.pid, STOP_LIMIT_S):
        os.kill(record.pid, signal.SIGKILL)
        _ended(record.pid, 5.0)
        _sweep(home)
    records.remove(home.platform)
    return True


def _ended(pid: int, limit_s: float) -> bool:
    """Whether the platform's process is gone, waiting for it up to `limit_s`."""
    own = next((process for process in _leashes if process.pid == pid), None)
    deadline_s = time.monotonic() + limit_s
    while time.monotonic() < deadline_s:
        if own is not None:
            if own.poll() is not None:  # our own child stays as a zombie until it is asked for
                _leashes.remove(own)
                return True
        elif not psutil.pid_exists(pid):
            return True
        time.sleep(0.01)
    return False


def _sweep(home: Home) -> bool:
    """Ends the programs that a platform left behind when it was killed; True when there were any."""
    from coop_core.local.runtime.stopping import end_pods, living

    left = living(home.platform / PODS)
    end_pods(home.platform / PODS, left)
    records.remove(home.platform)
    return bool(left)
