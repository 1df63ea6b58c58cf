"""A pod's log, passed on as it comes. What it says is the program's own affair, and passes unchanged."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import quote

from coop_core.kube.failures import ApiError
from coop_core.kube.transport import Call
from coop_core.proxy.answers import Refusal, framed, upstream

if TYPE_CHECKING:
    from coop_core.cluster.requests import Target
    from coop_core.kube.transport import Transport
    from coop_core.proxy.connection import Connection
    from coop_core.proxy.queries import Query
    from coop_core.proxy.streams import Pass


def call(target: Target, query: Query) -> Call:
    """The question to the platform, from parsed parts alone."""
    namespace, name = quote(target.namespace, safe=""), quote(target.name, safe="")
    return Call("GET", f"/api/v1/namespaces/{namespace}/pods/{name}/log", query)


class Log:
    """One log that is being sent."""

    content_type = "text/plain"

    def __init__(self, connection: Connection, right: Pass) -> None:
        self._connection = connection
        self._pass = right
        self._began: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._writable = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        right.end = self.end

    async def begin(self, transport: Transport, asked: Call) -> None:
        """Returns when the platform begins to answer. Raises Refusal; then there is no log, and it has left."""
        self._task = asyncio.create_task(self._run(transport, asked))
        try:
            await asyncio.shield(self._began)
        except BaseException as error:
            self._task.cancel()
            self._pass.leave()
            raise (upstream(error) if isinstance(error, ApiError) else error) from None

    def resume(self) -> None:
        self._writable.set()

    def check(self, now_s: float) -> None:
        pass

    def end(self) -> None:
        """In good order."""
        if not self._began.done():
            self._began.set_exception(Refusal(403, "this may not be read any more"))
        elif self._task is not None and not self._task.done():
            self._task.cancel()
            self._connection.end_stream()

    def gone(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._pass.leave()

    async def _run(self, transport: Transport, asked: Call) -> None:
        connection = self._connection
        try:
            async with transport.stream(asked) as answer:
                if self._began.done():
                    return
                self._began.set_result(None)
                await self._writable.wait()
                async for piece in answer.pieces():
                    connection.write(framed(piece))
                    if connection.sent_bytes > self._pass.limit_bytes:
                        break
                    while not connection.is_writable:
                        self._writable.clear()
                        await self._writable.wait()
        except ApiError as error:
            if self._began.done():
                # The reader must not take what it has for all there is.
                connection.abort()
            else:
                self._began.set_exception(error)
            return
        connection.end_stream()
