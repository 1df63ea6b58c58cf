"""The router: the local platform's ingress controller, one loopback port where the Host header says which service,
and its kube-proxy, a loopback port for each port of a Service.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from aiohttp import web

from coop_core.errors import CoopError, ExitCode
from coop_core.local.free_ports import FreePorts
from coop_core.local.router.forwarding import Forwarder, Unreachable
from coop_core.local.router.headers import host_name, is_websocket
from coop_core.local.router.piping import Piping
from coop_core.local.router.services import ServicePorts
from coop_core.local.router.table import Table
from coop_core.local.router.traffic import Traffic

if TYPE_CHECKING:
    from coop_core.local.objects import Objects

_HOSTS_SHOWN = 50


class Router:
    """traffic: who is in the middle of a request where; the runtime waits on it before it ends a pod.

    services: on which ports Services are reached.
    """

    def __init__(self, objects: Objects) -> None:
        self.traffic = Traffic()
        self.free_ports = FreePorts()
        self._table = Table(objects)
        self.services = ServicePorts(objects, self.free_ports, Piping(self._table, self.traffic))
        self._forwarder: Forwarder | None = None
        self._runner: web.ServerRunner | None = None
        self.port = 0
        """0 until started."""

    async def start(self, port: int = 0) -> None:
        """Listens on 127.0.0.1; 0 takes any free port. Raises CoopError(BUSY) when the port is taken."""
        server = web.Server(self._handle, access_log=None, handler_cancellation=True, keepalive_timeout=75.0)
        runner = web.ServerRunner(server)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port, backlog=512).start()
        except OSError as error:
            await runner.cleanup()
            raise _cannot_listen(port, error) from error
        self._runner, self._forwarder = runner, Forwarder(self.traffic)
        self.port = runner.addresses[0][1]
        self.services.start()

    async def close(self) -> None:
        """Ends what is under way."""
        await self.services.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self._forwarder is not None:
            await self._forwarder.close()
            self._forwarder = None

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        assert self._forwarder is not None, "only a started router handles requests"
        host = host_name(request.headers.get("Host", ""))
        rule = self._table.find(host, request.path)
        if rule is None:
            return _page(404, f"no service answers for {host[:253]!r}", self._known_hosts())
        ports = [port for port in self._table.ports(rule.backend) if self.traffic.is_open(port)]
        if not ports:
            return _page(503, self._table.why_none(rule.backend), "try `coop status`")
        if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        try:
            if is_websocket(request.headers):
                return await self._forwarder.websocket(request, ports)
            return await self._forwarder.forward(request, ports)
        except Unreachable as unreachable:
            return _page(
                502, f"service {rule.backend.service} in {rule.backend.namespace} did not answer", str(unreachable)
            )

    def _known_hosts(self) -> str:
        hosts = self._table.hosts()
        if not hosts:
            return "no service has a host yet; try `coop status`"
        shown = "".join(f"  http://{host}:{self.port}/\n" for host in hosts[:_HOSTS_SHOWN])
        more = f"  and {len(hosts) - _HOSTS_SHOWN} more\n" if len(hosts) > _HOSTS_SHOWN else ""
        return f"known hosts:\n{shown}{more}".rstrip()


def _page(status: int, what: str, more: str) -> web.Response:
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return web.Response(status=status, text=f"coop: {what}\n{more}\n", headers=headers)


def _cannot_listen(port: int, error: OSError) -> CoopError:
    if error.errno == errno.EADDRINUSE:
        why = f"port {port} on 127.0.0.1 is taken by another program"
        return CoopError("cannot start the router", why, "coop platform up --port N", ExitCode.BUSY)
    why = f"127.0.0.1:{port}: {error.strerror}"
    return CoopError("cannot start the router", why, "coop platform up --port N", ExitCode.PLATFORM)
