"""Loopback ports for pods and Services: free now, and not handed out twice by us."""

from __future__ import annotations

import random
import socket

# Below every system's range for outgoing connections. A port of that range could be taken by any connection at any
# time, and connecting to one nobody listens on may even connect to itself, which a probe would take for a success.
_FIRST, _LAST = 20_000, 31_999


class FreePorts:
    """Ports that are handed out until they are given back."""

    def __init__(self) -> None:
        self._taken: set[int] = set()

    def take(self) -> int:
        """A port that nobody listens on. Raises OSError when none is left."""
        for port in random.sample(range(_FIRST, _LAST + 1), 500):
            if port not in self._taken and is_free(port):
                self._taken.add(port)
                return port
        raise OSError("no free loopback port left for a pod or a Service")

    def keep(self, port: int) -> None:
        """Notes a port that a process we found again uses already."""
        self._taken.add(port)

    def is_left(self, port: int) -> bool:
        """Whether it is one of those that are handed out, and nobody has it from us."""
        return _FIRST <= port <= _LAST and port not in self._taken

    def give_back(self, port: int) -> None:
        self._taken.discard(port)


def is_free(port: int) -> bool:
    """Whether nobody listens on this loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
