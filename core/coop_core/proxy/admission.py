"""Where clients come in: counted before they have said anything, then made secure.

A connection that never gets as far as TLS costs as much as any other, so it counts as much.
"""

from __future__ import annotations

import asyncio
import asyncio.sslproto
import errno
import logging
import resource
import socket
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from coop_core.proxy.connection import Connection
from coop_core.proxy.patience import HEADER_DEADLINE_S

if TYPE_CHECKING:
    import ssl
    from collections.abc import Coroutine, Iterator

    from coop_core.clock import Clock
    from coop_core.proxy.connection import Handler
    from coop_core.proxy.streams import Limits

log = logging.getLogger("coop.proxy")

BACKLOG = 1024
"""After a restart all viewers come back at once."""
CLOSING_S = 1.0
EXHAUSTED_PAUSE_S = 1.0
TLS_BUFFER_BYTES = 32 * 1024
"""Of each connection, for as long as it lasts: a thousand cost 56 MB, and with asyncio's own 256 KiB 280 MB."""
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Admission:
    """Who is inside, and how many of each address.

    Strangers are those with whom no good token came so far. When there are too many, the one of longest standing
    makes room for whoever comes.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._inside: set[Connection] = set()
        self._of_peer: Counter[str] = Counter()
        self._strangers: dict[Connection, None] = {}
        """In the order in which they came."""
        # The rest is for reaching the platform.
        self._most = min(limits.connections, _descriptors() * 3 // 4)

    def __iter__(self) -> Iterator[Connection]:
        return iter(tuple(self._inside))

    def __len__(self) -> int:
        return len(self._inside)

    def enter(self, connection: Connection) -> bool:
        """Whether there is room."""
        if self._of_peer[connection.peer] >= self._limits.connections_per_peer:
            leaving = next((one for one in self._strangers if one.peer == connection.peer), None)
        elif len(self._inside) >= self._most or len(self._strangers) >= self._limits.strangers:
            leaving = next(iter(self._strangers), None)
        else:
            self._inside.add(connection)
            self._strangers[connection] = None
            self._of_peer[connection.peer] += 1
            return True
        if leaving is None:
            return False
        leaving.abort()
        self.leave(leaving)
        return self.enter(connection)

    def vouched(self, connection: Connection) -> None:
        self._strangers.pop(connection, None)

    def leave(self, connection: Connection) -> None:
        """Also of one that has left before."""
        if connection in self._inside:
            self._inside.discard(connection)
            self._strangers.pop(connection, None)
            self._of_peer[connection.peer] -= 1
            if not self._of_peer[connection.peer]:
                del self._of_peer[connection.peer]


class Listener:
    """Takes connections, and ends them. tls None: plain HTTP."""

    def __init__(self, handler: Handler, clock: Clock, limits: Limits, tls: ssl.SSLContext | None) -> None:
        self._handler = handler
        self._clock = clock
        self._tls = tls
        self._sockets: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.inside = Admission(limits)

    async def start(self, host: str, port: int) -> int:
        """The port. Raises OSError when it is taken."""
        if self._tls is not None:
            asyncio.sslproto.SSLProtocol.max_size = TLS_BUFFER_BYTES
        loop = asyncio.get_running_loop()
        addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        try:
            for family, kind, protocol, _, address in addresses:
                # Made with its protocol, as asyncio sets TCP_NODELAY on those alone.
                listening = socket.socket(family, kind, protocol)
                self._sockets.append(listening)
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                listening.bind(address)
                listening.listen(BACKLOG)
                listening.setblocking(False)
        except OSError:
            self._stop_listening()
            raise
        for listening in self._sockets:
            self._begin(self._accept(listening))
        return int(self._sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Lets nobody in any more, and ends the connections: those that can be in a moment in good order."""
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._stop_listening()
        for connection in self.inside:
            connection.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSING_S):
                while len(self.inside):
                    await asyncio.sleep(0.01)
        for connection in self.inside:
            connection.abort()

    def _stop_listening(self) -> None:
        for listening in self._sockets:
            listening.close()
        self._sockets.clear()

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(0)  # a crowd at the door must not keep those inside from their turn
            try:
                accepted, address = await loop.sock_accept(listening)
            except OSError as error:  # the client has thought better of it, or there are too many
                if error.errno in _EXHAUSTED:
                    log.warning("no connections can be taken now: %s", error.strerror)
                    await asyncio.sleep(EXHAUSTED_PAUSE_S)
                continue
            connection = Connection(self._handler, self._clock, str(address[0]), self.inside)
            if self.inside.enter(connection):
                connection.arriving = self._begin(self._welcome(connection, accepted))
            else:
                accepted.close()

    async def _welcome(self, connection: Connection, accepted: socket.socket) -> None:
        timeout_s = HEADER_DEADLINE_S if self._tls else None
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection, accepted, ssl=self._tls, ssl_handshake_timeout=timeout_s
            )
        except OSError:  # no TLS that we speak, or not in time
            self.inside.leave(connection)
        except BaseException:
            self.inside.leave(connection)
            raise
        finally:
            connection.arriving = None  # else the two would hold each other, and a TLS buffer, until a collection

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _descriptors() -> int:
    """How many files and connections this process may have open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1_000_000 if soft == resource.RLIM_INFINITY else soft
