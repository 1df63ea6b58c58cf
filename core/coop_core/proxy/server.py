"""The proxy's server: its parts put together, its beginning, its end, and the time in between."""

from __future__ import annotations

import asyncio
import logging
import math
from typing import TYPE_CHECKING

from coop_core.kube.client import KubeClient
from coop_core.proxy import streams
from coop_core.proxy.admission import Listener
from coop_core.proxy.handling import RequestHandler
from coop_core.proxy.identity import Authenticator, TokenReviews
from coop_core.proxy.policy import Policy
from coop_core.proxy.reading import Reader
from coop_core.proxy.streams import Limits, Streams
from coop_core.proxy.upstream import Upstream

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from coop_core.clock import Clock
    from coop_core.kube.configuration import Access
    from coop_core.proxy.identity import Vouching

log = logging.getLogger("coop.proxy")

AUDIENCE = "coop-proxy"
TICK_S = 0.5


class ProxyServer:
    """Serves read-only views of the API that `access` reaches.

    policy: asked anew for each request, so that a changed policy counts at once. tls None: plain http, for a
    proxy behind another TLS end; kubectl sends no token over that. vouching None: the platform vouches for tokens
    meant for `audience`.
    """

    def __init__(
        self,
        access: Access,
        *,
        clock: Clock,
        policy: Callable[[], Policy] = Policy,
        tls: ssl.SSLContext | None = None,
        audience: str = AUDIENCE,
        vouching: Vouching | None = None,
        limits: Limits | None = None,
    ) -> None:
        limits = limits or Limits()
        self._clock = clock
        self._upstream = Upstream(access, clock)
        self._authenticator = Authenticator(vouching or TokenReviews(KubeClient(access), audience), clock)
        self._streams = Streams(self._authenticator, policy, limits)
        reader = Reader(self._upstream, self._streams, clock)
        self._listener = Listener(RequestHandler(self._authenticator, policy, reader), clock, limits, tls)
        self._ticking: asyncio.Task[None] | None = None
        self._rechecked_s = -math.inf
        self.port = 0
        """The port it listens on, once started."""

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listens; port 0 takes a free one. Raises OSError when the port is taken."""
        self.port = await self._listener.start(host, port)
        self._ticking = asyncio.create_task(self._tick_on())

    async def close(self) -> None:
        """Ends open streams in good order, then everything else."""
        if self._ticking is not None:
            self._ticking.cancel()
            await asyncio.wait([self._ticking])
        self._streams.end_all()
        await self._listener.close()
        await self._upstream.close()
        await self._authenticator.close()

    async def tick(self) -> None:
        """What time brings: deadlines, bookmarks, and a look at whether open streams still may be."""
        now_s = self._clock.monotonic_s()
        for connection in self._listener.inside:
            connection.check(now_s)
        if now_s - self._rechecked_s >= streams.RECHECK_S:
            self._rechecked_s = now_s
            await self._streams.recheck()

    async def _tick_on(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            try:
                await self.tick()
            except Exception:  # a bug here must not switch off every deadline there is
                log.exception("a look at open connections failed")
