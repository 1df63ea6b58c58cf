"""What a running local platform says of itself: one small file that every other command reads."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

import msgspec

from coop_core.local.runtime import processes

if TYPE_CHECKING:
    from pathlib import Path


class Record(msgspec.Struct, frozen=True):
    """Where the platform listens; every port is on loopback.

    began: tells its process from a later one with the same pid.
    """

    pid: int
    began: str
    started_s: float
    user: str
    api_port: int
    proxy_port: int
    http_port: int
    version: str = ""
    """Of coop, as it was when the platform started."""

    @property
    def process(self) -> processes.Identity:
        return processes.Identity(self.pid, self.began)


def write(folder: Path, record: Record) -> None:
    """Written whole or not at all, after everything it names is listening."""
    new = folder / "platform.json.new"
    new.write_bytes(msgspec.json.encode(record))
    os.replace(new, folder / "platform.json")


def read(folder: Path) -> Record | None:
    """The record of the last platform that was ready here; it may be gone (see `living`)."""
    try:
        return msgspec.json.decode((folder / "platform.json").read_bytes(), type=Record)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def lock_file(folder: Path) -> Path:
    """Held with flock by the running platform: the system frees it however the platform ends."""
    return folder / "lock"


def is_held(folder: Path) -> bool:
    """Whether a platform is running (or starting, or stopping) in this folder."""
    try:
        file = lock_file(folder).open("rb")
    except FileNotFoundError:
        return False
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def living(folder: Path) -> Record | None:
    """The record of a platform that is running and ready."""
    record = read(folder)
    # A platform leaves its record, which stays while the next one holds the lock and is not ready.
    return record if record and is_held(folder) and processes.is_alive(record.process) else None
