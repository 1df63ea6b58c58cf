"""The process behind a build: `dagger session`, started, owned and ended by coop.

It prints one line of JSON, where it listens and the password, and lives until its standard input closes. It has a
process group of its own, so that Ctrl-C in the terminal ends a build in order and not in the middle.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.errors import CoopError
from coop_core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PROVISION_LIMIT_S = 660.0
"""The CLI itself gives up after 600 s; a first start pulls the engine's image."""
REACH_LIMIT_S = 60.0
"""For an engine that runs already, or does not."""

_CLOSE_LIMIT_S = 5.0
_KILL_LIMIT_S = 2.0
_WORDS_KEPT = 20


class Lost(Exception):
    """The session does not answer any more, or not as it should; the text says how."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a session answers, on loopback, and the password it asks for."""

    port: int
    token: str

    def __repr__(self) -> str:
        return f"Address({self.port})"


def attached(environ: Mapping[str, str]) -> Address | None:
    """The session that somebody else runs for us, as `dagger run` does; None when there is none."""
    port, token = environ.get("DAGGER_SESSION_PORT", ""), environ.get("DAGGER_SESSION_TOKEN", "")
    if not port:
        return None
    if port.isdigit() and 0 < int(port) < 65536 and token:
        return Address(int(port), token)
    raise CoopError(
        "cannot use the Dagger session", "DAGGER_SESSION_PORT is no port, or DAGGER_SESSION_TOKEN is missing",
        "unset DAGGER_SESSION_PORT to let coop start a session of its own",
    )  # fmt: skip


class SessionProcess:
    """A running `dagger session`."""

    def __init__(self, process: asyncio.subprocess.Process, words: deque[str], reading: asyncio.Task[None]) -> None:
        self.address = Address(0, "")
        self._process = process
        self._words = words
        self._reading = reading

    @classmethod
    async def start(cls, cli: Path, environ: Mapping[str, str], *, is_provisioning: bool) -> SessionProcess:
        """Returns once it answers. environ: all that it gets. is_provisioning: it has its engine to start first."""
        limit_s = PROVISION_LIMIT_S if is_provisioning else REACH_LIMIT_S
        try:
            process = await asyncio.create_subprocess_exec(
                str(cli), "session", "--label", "dagger.io/sdk.name:coop",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
                env=dict(environ), start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise CoopError(
                "cannot start Dagger",
                f"{cli}: {error.strerror}",
                "check that file, or [dagger] cli in the settings",
            ) from error
        assert process.stdout is not None
        assert process.stderr is not None
        words: deque[str] = deque(maxlen=_WORDS_KEPT)
        # Read to the end always: a full pipe would stop the engine's client.
        session = cls(process, words, asyncio.create_task(_keep(process.stderr, words)))
        try:
            async with asyncio.timeout(limit_s):
                line = await process.stdout.readline()
            session.address = _address(line)
        except BaseException as error:
            await session.close()
            if isinstance(error, TimeoutError):
                raise session.unusable(f"its engine did not answer within {limit_s:g} s") from error
            if isinstance(error, ValueError):
                raise session.unusable("`dagger session` does not say where it answers") from error
            raise
        return session

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._process.returncode is not None

    def unusable(self, why: str) -> CoopError:
        """Why there is no session: what the CLI said last, else `why`."""
        said = [word for word in self._words if word]
        why = "; ".join(said[-3:]) or why
        return CoopError(
            "cannot start Dagger",
            one_line(why, 400),
            'start Docker or Podman, or name an engine in the settings: [dagger] engine = "tcp://host:port"',
        )

    async def close(self) -> None:
        """Asks it to end, then insists. The engine itself lives on, with its cache."""
        # Shielded: a caller that is cancelled twice must not leave a process behind.
        await asyncio.shield(asyncio.ensure_future(self._close()))

    async def _close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        ways: list[tuple[signal.Signals | None, float | None]] = [
            (None, _CLOSE_LIMIT_S), (signal.SIGTERM, _KILL_LIMIT_S), (signal.SIGKILL, None),
        ]  # fmt: skip
        if not self.address.port:
            del ways[0]  # it is at its start, where it does not look at its input, and has nothing to put in order
        for number, limit_s in ways:
            if number is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, number)
            try:
                async with asyncio.timeout(limit_s):
                    await self._process.wait()
                break
            except TimeoutError:
                continue
        # What it started itself (docker exec, ssh) would keep the pipe open, and run on.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await asyncio.wait([self._reading])


def _address(line: bytes) -> Address:
    """Where it listens. Raises ValueError; nothing of the line, which holds the password, gets into the message."""
    try:
        found = json.loads(line)
        return Address(int(found["port"]), str(found["session_token"]))
    except (ValueError, KeyError, TypeError):
        raise ValueError("no address") from None


async def _keep(stream: asyncio.StreamReader, words: deque[str]) -> None:
    while True:
        try:
            line = await stream.readline()
        except ValueError:  # longer than the reader's buffer: dropped
            continue
        if not line:
            return
        words.append(one_line(line.decode(errors="replace"), 300))
