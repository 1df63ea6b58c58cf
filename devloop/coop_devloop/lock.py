"""One dev loop per service and environment on a machine."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from coop_core.errors import CoopError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def held(folder: Path, service: str, environment: str) -> Iterator[None]:
    """Holds the loop's lock; raises CoopError naming the process that has it. The system frees it on any death."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise CoopError(
                f"cannot start the dev loop of {service}",
                f"process {holder} runs one in {environment} already, and two would overwrite each other",
                f"use that terminal, or end it with: kill {holder}",
                ExitCode.BUSY,
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
