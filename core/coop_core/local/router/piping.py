"""One TCP connection to a Service, passed on to one ready pod, bytes both ways, until both sides have ended.

Owns the connections. Invariants: a connection stays with its pod; a pod that drains gets no new one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
import socket
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coop_core.local.router.table import Backend, Table
    from coop_core.local.router.traffic import Traffic

log = logging.getLogger("coop.router")

MAX_CONNECTIONS = 2_000
QUIET_S = 1.0
"""An answered connection on which nothing has moved for so long holds up no pod that is to end."""
_CONNECT_LIMIT_S = 5.0
_CHUNK_BYTES = 64 * 1024
"""What is read at once; some three times as much is held of each way."""
_RESET = struct.pack("ii", 1, 0)
_Side = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Piping:
    """Passes connections on, as many at once as there are descriptors for; one more is broken off.

    `close` ends them all.
    """

    def __init__(self, table: Table, traffic: Traffic) -> None:
        self._table = table
        self._traffic = traffic
        self._turn = 0
        self._limit = _connection_limit()
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def accepted(self, backend: Backend, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Takes over a connection that a client has made."""
        if len(self._tasks) >= self._limit:
            log.warning("service %s in %s: too many connections", backend.service, backend.namespace)
            _break_off(writer)
            return
        task = asyncio.create_task(self._pipe(backend, reader, writer), name=f"connection to {backend.service}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _pipe(self, backend: Backend, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for port in self._in_turn(backend):
                if not self._traffic.is_open(port):
                    continue  # it drains, whatever the endpoints still say
                use = _Use(self._traffic, port)
                try:
                    pod = await _connected(port)
                    if pod is not None:
                        await _both_ways((reader, writer), pod, use)
                        return
                finally:
                    use.end()
        finally:
            _break_off(writer)

    def _in_turn(self, backend: Backend) -> tuple[int, ...]:
        """The ports of all ready pods, beginning with the one whose turn it is."""
        ports = self._table.ports(backend)
        self._turn += 1
        start = self._turn % len(ports) if ports else 0
        return ports[start:] + ports[:start]


class _Use:
    """Counts a connection as traffic of its pod, but for the times when it is answered and quiet.

    Clients keep connections for later. Were those waited for, a pod would end only with its whole grace period.
    """

    def __init__(self, traffic: Traffic, port: int) -> None:
        self._traffic, self._port = traffic, port
        self._loop = asyncio.get_running_loop()
        self._is_counted = self._is_answered = False
        self._moved_s = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self.moved(is_answer=True)  # nothing was asked yet

    def moved(self, *, is_answer: bool) -> None:
        """Bytes have passed, from the pod or to it."""
        self._is_answered, self._moved_s = is_answer, self._loop.time()
        if not self._is_counted:
            self._is_counted = True
            self._traffic.begin(self._port)
        if is_answer and self._timer is None:
            self._timer = self._loop.call_later(QUIET_S, self._look)

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rest()

    def _look(self) -> None:
        self._timer = None
        quiet_s = self._loop.time() - self._moved_s
        if not self._is_answered:
            return
        if quiet_s < QUIET_S:
            self._timer = self._loop.call_later(QUIET_S - quiet_s, self._look)
        else:
            self._rest()

    def _rest(self) -> None:
        if self._is_counted:
            self._is_counted = False
            self._traffic.end(self._port)


async def _connected(port: int) -> _Side | None:
    """None when nobody takes the connection there: nothing was sent, so another pod may have it."""
    try:
        async with asyncio.timeout(_CONNECT_LIMIT_S):
            return await asyncio.open_connection("127.0.0.1", port, limit=_CHUNK_BYTES)
    except OSError:
        return None


async def _both_ways(client: _Side, pod: _Side, use: _Use) -> None:
    """Returns once both sides have ended and have all that was sent; one that breaks off breaks off the other."""
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_pass(client[0], pod[1], use, is_answer=False))
            group.create_task(_pass(pod[0], client[1], use, is_answer=True))
        for _, writer in (client, pod):
            writer.close()
        for _, writer in (client, pod):
            await writer.wait_closed()
    except* OSError:
        pass  # told to the other side by the next lines
    finally:
        for _, writer in (client, pod):
            _break_off(writer)


async def _pass(source: asyncio.StreamReader, target: asyncio.StreamWriter, use: _Use, *, is_answer: bool) -> None:
    """Bytes as they come, and the end as an end: the other way may go on for long."""
    while chunk := await source.read(_CHUNK_BYTES):
        use.moved(is_answer=is_answer)
        target.write(chunk)
        await target.drain()
    with contextlib.suppress(OSError):  # the target has gone, which its own way tells
        target.write_eof()


def _break_off(writer: asyncio.StreamWriter) -> None:
    """Ends a connection, if it has not ended, so that the other side cannot take it for a clean end."""
    if not writer.is_closing():
        with contextlib.suppress(OSError):
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


def _connection_limit() -> int:
    """Each takes two descriptors, of which the platform's other parts need some."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_CONNECTIONS if soft == resource.RLIM_INFINITY else min(MAX_CONNECTIONS, soft // 3)
