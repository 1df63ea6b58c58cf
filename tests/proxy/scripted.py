"""A platform that says what a test tells it to, true or not."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from coop_core.clock import SystemClock
from coop_core.kube.configuration import Access
from coop_core.kube.identities import FixedToken
from coop_core.proxy.policy import Policy
from coop_core.proxy.server import ProxyServer
from tests.proxy.recorder import OWN, TOKEN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from coop_core.clock import Clock
    from coop_core.cluster.kinds import Raw
    from coop_core.proxy.streams import Limits

REVIEW: Raw = {"authenticated": True, "user": {"username": "ada"}, "audiences": ["coop-proxy"]}
PODS = "/api/v1/namespaces/dev-ada/pods"


def pod(name: str = "web", revision: str = "1", **labels: str) -> Raw:
    metadata = {"name": name, "namespace": "dev-ada", "uid": "u", "resourceVersion": revision, "labels": labels}
    return {"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": {"containers": [{"name": "web"}]}}


def pods(*items: Raw, revision: str = "1", then: str = "") -> bytes:
    """A page of a list; `then` leads to the next one."""
    metadata = {"resourceVersion": revision, "continue": then}
    return json.dumps({"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": items}).encode()


def event(type_: str, body: Raw) -> bytes:
    return json.dumps({"type": type_, "object": body}).encode() + b"\n"


def deep(levels: int = 3000) -> bytes:
    """JSON that is nested more deeply than anybody reads."""
    return b'{"a":' * levels + b"1" + b"}" * levels


@dataclass
class Platform:
    """page: the answer to each part of a list. events: what a watch brings, until None; log: the same of a log.

    asked: lists and watches. refusal: the Status that watches and logs get, when there is one. streams: how many of
    them are open. breaks_off: instead of ending them.

    strangers: how often it was asked about tokens that are not Ada's; it answers once it `knows_strangers`.
    """

    page: Callable[[], bytes] = pods
    events: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)
    log: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)
    refusal: Raw | None = None
    breaks_off: bool = False
    streams: int = 0
    version: Raw = field(default_factory=dict)
    opens_watches: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[str] = field(default_factory=list)
    review_of_ada: Raw = field(default_factory=lambda: REVIEW)
    strangers: int = 0
    knows_strangers: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0

    @property
    def lists(self) -> int:
        return sum("watch" not in query for query in self.asked)

    async def serve(self, http: web.BaseRequest) -> web.StreamResponse:
        if http.path.endswith("/tokenreviews"):
            return await self.review(http)
        if http.path == "/version":
            return web.json_response(self.version)
        if http.path.endswith("/log"):
            return await self.stream(http, self.log)
        self.asked.append(http.query_string)
        if "watch" not in http.query:
            return web.Response(body=self.page(), content_type="application/json")
        await self.opens_watches.wait()
        return await self.stream(http, self.events)

    async def stream(self, http: web.BaseRequest, lines: asyncio.Queue[bytes | None]) -> web.StreamResponse:
        if self.refusal is not None:
            return web.json_response(self.refusal, status=self.refusal["code"])
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        await response.prepare(http)
        self.streams += 1
        try:
            while (line := await lines.get()) is not None:
                await response.write(line)
            if self.breaks_off and http.transport is not None:
                http.transport.abort()
        finally:
            self.streams -= 1
        return response

    async def review(self, http: web.BaseRequest) -> web.Response:
        if json.loads(await http.read())["spec"]["token"] == TOKEN:
            return web.json_response({"status": self.review_of_ada})
        self.strangers += 1
        await self.knows_strangers.wait()
        return web.json_response({"status": {"authenticated": False}})


@asynccontextmanager
async def serving(
    platform: Platform,
    clock: Clock | None = None,
    *,
    limits: Limits | None = None,
    policy: Callable[[], Policy] = Policy,
) -> AsyncIterator[ProxyServer]:
    """A proxy in front of it, without TLS. clock None: the system's."""
    runner = web.ServerRunner(web.Server(platform.serve, handler_cancellation=True), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    platform.port = int(runner.addresses[0][1])
    access = Access(f"http://127.0.0.1:{platform.port}", FixedToken(OWN))
    server = ProxyServer(access, clock=clock or SystemClock(), policy=policy, limits=limits)
    await server.start()
    try:
        yield server
    finally:
        await server.close()
        platform.opens_watches.set()
        platform.knows_strangers.set()
        platform.events.put_nowait(None)
        platform.log.put_nowait(None)
        await runner.cleanup()
