"""One dev loop per service and environment on a machine.

The lock file holds two lines: the process, and a digest of the remote that it deploys through. An environment's
branch is one remote's: loops of several remotes share its name and nothing else.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from coop_core.errors import CoopError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def held(folder: Path, service: str, environment: str, remote_url: str) -> Iterator[None]:
    """Holds the loop's lock; raises CoopError naming the process that has it. The system frees it on any death."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.readline().strip() or "unknown"
            raise CoopError(
                f"cannot start the dev loop of {service}",
                f"process {holder} runs one in {environment} already, and two would overwrite each other",
                f"use that terminal, or end it with: kill {holder}",
                ExitCode.BUSY,
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n{_digest(remote_url)}\n")
        file.flush()
        yield


def is_held(folder: Path, remote_url: str) -> bool:
    """Whether a loop runs that deploys through this remote, or one that does not tell through which."""
    try:
        with (folder / "lock").open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                _, _, remote = file.read(1000).strip().partition("\n")
                return remote in ("", _digest(remote_url))
    except (OSError, UnicodeDecodeError):
        pass
    return False


def _digest(remote_url: str) -> str:
    """A URL may hold a password, which has no business in a lock file."""
    return hashlib.sha256(remote_url.encode("utf-8", "surrogateescape")).hexdigest()
