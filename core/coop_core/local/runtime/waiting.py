"""Waiting for the end of a process: at once where the system can tell, ours or not."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

from coop_core.local.runtime import processes

if TYPE_CHECKING:
    from coop_core.local.runtime.exits import ExitFile
    from coop_core.local.runtime.processes import Identity

LOOK_AGAIN_S = 0.5
"""How often a process is looked at where the system gives no notice of its end."""


class Running:
    """A process of a container: our own child, or one that an earlier platform started.

    owner: uid of the pod and name of the container. exit_file: where its exit code is kept; None when it is not.
    """

    def __init__(
        self, identity: Identity, *, owner: tuple[str, str], is_child: bool, exit_file: ExitFile | None = None
    ) -> None:
        self.identity = identity
        self._owner = owner
        self._is_child = is_child
        self._exit_file = exit_file

    async def ended(self) -> int | None:
        """Returns once it has ended, and what it started with it, in whatever session.

        The exit code, negative for a signal; None when nobody can know it.
        """
        await _gone(self.identity)
        # Another process reaped one that is not our child, so its group's number may be a stranger's by now.
        code = self._reaped() if self._is_child else self._exit_file.read() if self._exit_file else None
        await asyncio.to_thread(processes.kill_members, *self._owner)
        return code

    def _reaped(self) -> int | None:
        # Still unreaped, so the group's number is still its own.
        processes.sweep_group(self.identity.pid)
        try:
            _, status = os.waitpid(self.identity.pid, 0)
        except ChildProcessError:
            return None
        return os.waitstatus_to_exitcode(status)


async def _gone(identity: Identity) -> None:
    if sys.platform == "linux":
        try:
            descriptor = os.pidfd_open(identity.pid)
        except ProcessLookupError:
            return
        except OSError:
            await _polled(identity)
            return
        try:
            # Opened first, checked then: from here on the descriptor is this process and no other.
            if processes.is_alive(identity):
                await _readable(descriptor)
        finally:
            os.close(descriptor)
    else:
        await _polled(identity)


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()

    def readable() -> None:
        if not future.done():
            future.set_result(None)

    loop.add_reader(descriptor, readable)
    try:
        await future
    finally:
        loop.remove_reader(descriptor)


async def _polled(identity: Identity) -> None:
    while processes.is_alive(identity):
        await asyncio.sleep(LOOK_AGAIN_S)
