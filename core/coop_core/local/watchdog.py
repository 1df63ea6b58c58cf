"""Ends the pods of a platform that died and was not followed by another.

Started by the platform with a pipe on standard input. A goodbye on the pipe means an orderly stop; its end without
one means that the platform is dead. Imports as little as it can: it lives as long as the platform.

    python -m coop_core.local.watchdog PODS_FOLDER LOCK_FILE [GRACE_S]
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

GRACE_S = 30.0
GOODBYE = b"goodbye\n"


class Watchdog:
    """The platform's side: starts one, and says goodbye to it.

    lock_file: held with flock by a running platform, so that the watchdog sees a new one take over.
    """

    def __init__(self, folder: Path, lock_file: Path, *, grace_s: float = GRACE_S) -> None:
        self._argv = [sys.executable, "-m", __name__, str(folder), str(lock_file), str(grace_s)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        # In a session of its own: Ctrl-C in the platform's terminal must not take the watchdog first.
        self._process = subprocess.Popen(
            self._argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )

    async def close(self) -> None:
        """Says goodbye; the pods are left as they are."""
        if self._process is not None:
            await asyncio.to_thread(self._part, self._process)
            self._process = None

    def _part(self, process: subprocess.Popen[bytes]) -> None:
        try:
            process.communicate(GOODBYE, timeout=5)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            process.kill()
            process.wait()


def main(argv: list[str]) -> int:
    """Waits for the end of the platform; the exit code says nothing."""
    folder, lock_file = Path(argv[0]), Path(argv[1])
    grace_s = float(argv[2]) if len(argv) > 2 else GRACE_S
    if _said_goodbye():
        return 0
    until_s = time.monotonic() + grace_s
    while time.monotonic() < until_s:
        time.sleep(min(0.25, max(0.0, until_s - time.monotonic())))
        if _is_held(lock_file) or not _are_left(folder):
            return 0
    _end_all(folder, lock_file)
    return 0


def _said_goodbye() -> bool:
    said = b""
    while block := os.read(0, 64):
        said += block
    return said == GOODBYE


def _is_held(lock_file: Path) -> bool:
    """Whether a platform is there."""
    try:
        with lock_file.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # the folder is gone: nobody will take over
    return False


def _are_left(folder: Path) -> bool:
    """Whether any pod's process is alive: without one there is nothing to guard."""
    from coop_core.local.runtime.stopping import living

    return bool(living(folder))


def _end_all(folder: Path, lock_file: Path) -> None:
    """Ends the pods while holding the lock, so that no platform comes up among them."""
    from coop_core.local.runtime.stopping import end_pods, living

    try:
        with lock_file.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            end_pods(folder, living(folder))
    except BlockingIOError:
        return
    except OSError:
        end_pods(folder, living(folder))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
