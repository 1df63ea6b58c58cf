"""Starting and stopping the local platform from outside. Synchronous: commands call it, the platform never does."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import IO, TYPE_CHECKING

import msgspec

from coop_core.errors import CoopError, ExitCode
from coop_core.local.runtime import processes
from coop_core.platform import record as records
from coop_core.text import lines

if TYPE_CHECKING:
    from pathlib import Path

    from coop_core.local.runtime.processes import Identity
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
    """The one line that a starting platform writes to its standard output.

    is_second: another platform has this home already, be it one that starts or stops.
    """

    record: records.Record | None = None
    failure: Failure | None = None
    is_second: bool = False


def up(home: Home, *, port: int, user: str, bound_to_caller: bool = False) -> Record:
    """Starts the platform unless it runs already, and returns once it is ready.

    bound_to_caller: the platform ends when the calling process does, however that ends.
    """
    home.platform.mkdir(parents=True, exist_ok=True, mode=0o700)
    deadline_s = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline_s:
        running = records.living(home.platform)
        if running:
            return running
        if records.is_held(home.platform):
            time.sleep(0.05)  # another command is starting or stopping one
            continue
        greeting = _start(home, port=port, user=user, bound_to_caller=bound_to_caller)
        if greeting.record:
            return greeting.record
        if failure := greeting.failure:
            raise CoopError(failure.what, failure.why, failure.remedy, ExitCode(failure.exit_code))
    raise CoopError(
        "cannot start the local platform",
        f"another one has been starting or stopping in {home.platform} for {START_LIMIT_S:.0f} s",
        "try again in a moment; coop platform status says whether it is ready",
        ExitCode.BUSY,
    )


def _start(home: Home, *, port: int, user: str, bound_to_caller: bool) -> Greeting:
    """Starts a process, and returns what it says once it is ready or has given up."""
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
    try:
        greeting = _greeting(process)
    except BaseException:  # most likely Ctrl-C
        if bound_to_caller:
            process.terminate()
            process.wait(STOP_LIMIT_S)
        raise
    if greeting is not None and greeting.record:
        return greeting
    process.kill()
    process.wait()
    if process in _leashes:
        _leashes.remove(process)
    if greeting is not None:
        return greeting
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
    deadline_s = time.monotonic() + STOP_LIMIT_S
    while (record := records.living(home.platform)) is None:
        if not records.is_held(home.platform):
            return _sweep(home)
        if time.monotonic() > deadline_s:
            raise CoopError(
                "cannot stop the local platform",
                f"it has been starting or stopping for {STOP_LIMIT_S:.0f} s",
                f"try again in a moment; {home.platform / 'platform.log'} says what it does",
                ExitCode.BUSY,
            )
        time.sleep(0.05)
    _signal(record.process, signal.SIGTERM)
    if not _ended(record.process, STOP_LIMIT_S):
        _signal(record.process, signal.SIGKILL)
        _ended(record.process, 5.0)
        _sweep(home)
    return True


def _signal(platform: Identity, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        if processes.is_alive(platform):
            os.kill(platform.pid, number)


def _ended(platform: Identity, limit_s: float) -> bool:
    """Whether the platform's process is gone, waiting for it up to `limit_s`."""
    deadline_s = time.monotonic() + limit_s
    while processes.is_alive(platform):
        if time.monotonic() > deadline_s:
            return False
        time.sleep(0.01)
    # Our own child stays as a zombie until it is asked for.
    _leashes[:] = [own for own in _leashes if own.poll() is None]
    return True


def _sweep(home: Home) -> bool:
    """Ends the programs that a platform left behind when it was killed; True when there were any."""
    from coop_core.local.runtime.stopping import end_pods, living

    if not home.platform.is_dir():
        return False
    with records.lock_file(home.platform).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False  # another platform came up meanwhile, and the programs are its own
        left = living(home.platform / PODS)
        end_pods(home.platform / PODS, left)
    return bool(left)
