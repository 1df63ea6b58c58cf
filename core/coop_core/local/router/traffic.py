"""Requests and connections under way, per pod port: what the runtime waits for before it ends a pod.

One event loop owns it. Invariant: nothing new begins on a port that was closed; only a connection that is there
already may be used again.
"""

from __future__ import annotations

import asyncio


class Traffic:
    """Counts requests; a port counts as open until it is closed."""

    def __init__(self) -> None:
        self._in_flight: dict[int, int] = {}
        self._closed: set[int] = set()
        self._idle: dict[int, asyncio.Event] = {}

    def is_open(self, port: int) -> bool:
        return port not in self._closed

    def in_flight(self, port: int) -> int:
        return self._in_flight.get(port, 0)

    def begin(self, port: int) -> None:
        self._in_flight[port] = self._in_flight.get(port, 0) + 1

    def end(self, port: int) -> None:
        left = self._in_flight.get(port, 0) - 1
        if left > 0:
            self._in_flight[port] = left
            return
        self._in_flight.pop(port, None)
        if port in self._idle:
            self._idle[port].set()

    def close(self, port: int) -> None:
        """No request begins there any more, whatever the endpoints say."""
        self._closed.add(port)

    def reopen(self, port: int) -> None:
        """The port is given to a new pod."""
        self._closed.discard(port)

    async def idle(self, port: int) -> None:
        """Returns once no request is under way on a closed port."""
        while self._in_flight.get(port):
            event = self._idle.setdefault(port, asyncio.Event())
            event.clear()
            await event.wait()
        self._idle.pop(port, None)
