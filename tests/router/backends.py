"""Servers that stand for pods."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

from aiohttp import web as aioweb

from coop_core.cluster import kinds
from tests.runtime.running_kit import NAMESPACE, Bench

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Backends:
    """Servers of the test itself, put behind `web.localhost` by Endpoints written by hand."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._stack = contextlib.AsyncExitStack()

    async def serve(self, handler: Callable[[aioweb.BaseRequest], Awaitable[aioweb.StreamResponse]]) -> int:
        runner = aioweb.ServerRunner(aioweb.Server(handler), shutdown_timeout=0.1)
        await runner.setup()
        await aioweb.TCPSite(runner, "127.0.0.1", 0).start()
        self._stack.push_async_callback(runner.cleanup)
        return int(runner.addresses[0][1])

    async def listen(self, talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> int:
        """A server that speaks raw bytes."""
        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        self._stack.callback(server.close)
        return int(server.sockets[0].getsockname()[1])

    def route(self, *ports: int, host: str = "web.localhost", path: str = "/", path_type: str = "Prefix") -> None:
        name = host.partition(".")[0].replace("*", "any") + path.strip("/").replace("/", "-")
        metadata = {"name": name, "namespace": NAMESPACE}
        backend = {"service": {"name": name, "port": {"number": 80}}}
        paths = [{"path": path, "pathType": path_type, "backend": backend}]
        subsets = [{"addresses": [{"ip": "127.0.0.1"}], "ports": [{"port": port}]} for port in ports]
        for kind, body in (
            (kinds.SERVICE, {"spec": {"ports": [{"port": 80}]}}),
            (kinds.ENDPOINTS, {"subsets": subsets}),
            (kinds.INGRESS, {"spec": {"rules": [{"host": host, "http": {"paths": paths}}]}}),
        ):
            self._bench.apply(kind, {"metadata": metadata, **body})

    async def close(self) -> None:
        await self._stack.aclose()


def says(text: str) -> Callable[[aioweb.BaseRequest], Awaitable[aioweb.StreamResponse]]:
    async def handler(request: aioweb.BaseRequest) -> aioweb.StreamResponse:
        return aioweb.Response(text=text)

    return handler


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
