"""Runs a helper program for its output. It gets no terminal to ask on, and ends with whoever waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


async def output(
    words: Sequence[str],
    environ: Mapping[str, str],
    *,
    limit_s: float,
    stdin: bytes = b"",
    folder: Path | None = None,
) -> tuple[int, bytes]:
    """Exit code and standard output. Raises OSError when it cannot be started, TimeoutError after `limit_s`."""
    process = await asyncio.create_subprocess_exec(
        *words, env=dict(environ), cwd=folder, start_new_session=True, stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(limit_s):
            out, _ = await process.communicate(stdin)
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        raise
    return process.returncode or 0, out
