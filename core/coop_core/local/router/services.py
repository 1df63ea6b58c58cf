"""On which loopback port each port of a Service is reached: the local platform's cluster addresses.

Owns the listeners. A Service's ports stand in its annotations, so that programs which outlived a platform, and know
them by their variables, find them again with the next.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from coop_core.cluster import kinds, links
from coop_core.cluster.labels import LOCAL_PORT
from coop_core.local.controllers.loop import Controller, Key, Loop
from coop_core.local.router.table import Backend

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.local.free_ports import FreePorts
    from coop_core.local.objects import Objects
    from coop_core.local.router.piping import Piping

log = logging.getLogger("coop.router")

MAX_LISTENERS = 500
_BACKLOG = 512
_NOTE = f"{LOCAL_PORT}."


@dataclass(frozen=True, slots=True)
class _Listener:
    port: int
    serving: asyncio.Task[asyncio.Server]


class ServicePorts:
    """Listens for every TCP port of every Service that has an address, from `start` to `close`."""

    def __init__(self, objects: Objects, free: FreePorts, piping: Piping) -> None:
        self._objects = objects
        self._free = free
        self._piping = piping
        self._listeners: dict[Backend, _Listener] = {}
        self._loop = Loop(_Services(objects, self))

    def start(self) -> None:
        """Listens before anybody else takes a port that a Service had."""
        for service in self._objects.select(kinds.SERVICE):
            self.ports(service)
        self._loop.start()

    async def close(self) -> None:
        await self._loop.close()
        servings = [listener.serving for listener in self._listeners.values()]
        for backend in list(self._listeners):
            self._stop(backend)
        await asyncio.gather(*servings)
        await self._piping.close()

    def ports(self, service: Raw) -> Mapping[int, int]:
        """Where each of its TCP ports is reached, by number. Listens where nobody does yet, and notes it."""
        metadata = service["metadata"]
        noted = metadata.get("annotations") or {}
        found = {}
        for port in links.tcp_ports(service) if links.has_address(service) else ():
            number = port["port"]
            wanted = noted.get(f"{_NOTE}{number}", "")
            listener = self._listening(Backend(metadata["namespace"], metadata["name"], number), wanted)
            if listener is not None:
                found[number] = listener.port
        self._note(service, {f"{_NOTE}{number}": str(port) for number, port in found.items()})
        return found

    def see(self, namespace: str, name: str) -> None:
        """Brings the listeners of a Service in step with it. What is under way goes on."""
        service = self._objects.find(kinds.SERVICE, namespace, name)
        wished = self.ports(service) if service else {}
        for backend in list(self._listeners):
            if (backend.namespace, backend.service) == (namespace, name) and backend.port not in wished:
                self._stop(backend)

    def _note(self, service: Raw, notes: dict[str, str]) -> None:
        metadata = service["metadata"]
        before = metadata.get("annotations") or {}
        after = {key: value for key, value in before.items() if not key.startswith(_NOTE)} | notes
        if after != before:
            self._objects.update(kinds.SERVICE, {**service, "metadata": {**metadata, "annotations": after}})

    def _listening(self, backend: Backend, wanted: str) -> _Listener | None:
        """wanted: the port it had before, if any. None when there can be no more."""
        known = self._listeners.get(backend)
        if known is not None:
            return known
        where = f"service {backend.service} in {backend.namespace}"
        if len(self._listeners) >= MAX_LISTENERS:
            log.warning("%s gets no port: there are %d already", where, MAX_LISTENERS)
            return None
        try:
            listening = self._bound(int(wanted) if wanted.isdecimal() and len(wanted) <= len("65535") else 0)
        except OSError as error:
            log.warning("%s gets no port: %s", where, error)
            return None
        serving = asyncio.create_task(
            asyncio.start_server(partial(self._piping.accepted, backend), sock=listening, backlog=_BACKLOG),
            name=f"listener: {where}",
        )
        self._listeners[backend] = listener = _Listener(listening.getsockname()[1], serving)
        return listener

    def _bound(self, wanted: int) -> socket.socket:
        """Listens at once: who connects before it is served waits. Raises OSError."""
        if self._free.is_left(wanted):
            try:
                listening = socket.create_server(("127.0.0.1", wanted), backlog=_BACKLOG)
            except OSError:
                log.warning("port %d of a Service was taken by another program", wanted)
            else:
                self._free.keep(wanted)
                return listening
        port = self._free.take()
        try:
            return socket.create_server(("127.0.0.1", port), backlog=_BACKLOG)
        except OSError:
            self._free.give_back(port)
            raise

    def _stop(self, backend: Backend) -> None:
        listener = self._listeners.pop(backend)
        self._free.give_back(listener.port)
        listener.serving.add_done_callback(lambda task: task.result().close())


class _Services(Controller):
    name = "service ports"
    watches = (kinds.SERVICE,)

    def __init__(self, objects: Objects, ports: ServicePorts) -> None:
        super().__init__(objects)
        self._ports = ports

    def keys(self, kind: Kind, body: Raw) -> Iterable[Key]:
        yield (body["metadata"]["namespace"], body["metadata"]["name"])

    async def reconcile(self, key: Key) -> float | None:
        self._ports.see(*key)
        return None
