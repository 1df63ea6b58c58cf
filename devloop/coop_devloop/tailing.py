"""Following the log of the pod that runs the newest version, across restarts of its container."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from coop_core.build.images import in_source
from coop_core.kube import failures
from coop_core.kube.reading import LogQuery
from coop_core.text import lines

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from coop_core.kube.client import KubeClient

_PAUSE_S = 0.5
"""Between two instances of a container: it needs a moment to start again."""
_LINE_LIMIT = 2000


async def tail(client: KubeClient, environment: str, pod: str) -> AsyncGenerator[str, None]:
    """Printable lines as the program writes them, from its start; ends when the pod is gone."""
    told = _Told()
    while True:
        told.rewind()
        try:
            async for line in _lines(client, environment, pod):
                at, _, text = line.partition(" ")
                if told.is_news(at):
                    # Of a line that was written over, what a terminal would show in the end.
                    yield in_source(lines(text.rstrip("\r"), _LINE_LIMIT)[-1])
        except failures.NotFound:
            return
        except failures.ApiError:
            # Away, or between two instances: the next request tells everything, and what is known is passed over.
            pass
        await asyncio.sleep(_PAUSE_S)


class _Told:
    """Which lines of a log were told, by the times on them. What is written in one go bears one time.

    Times are written alike and in UTC, so their order is that of their text.
    """

    def __init__(self) -> None:
        self._newest = ""
        self._count = 0
        """Lines that were told with the newest time."""
        self._again = 0
        """How many of these come again in this reading."""

    def rewind(self) -> None:
        """The log is read from its start again."""
        self._again = self._count

    def is_news(self, at: str) -> bool:
        """Whether the next line, with this time, was not told yet; then it counts as told."""
        if at < self._newest:
            return False
        if at == self._newest and self._again:
            self._again -= 1
            return False
        self._again = 0
        self._count = self._count + 1 if at == self._newest else 1
        self._newest = at
        return True


async def _lines(client: KubeClient, environment: str, pod: str) -> AsyncGenerator[str, None]:
    rest = b""
    async for piece in client.logs(environment, pod, LogQuery(follow=True, timestamps=True)):
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace")
    if rest:
        yield rest.decode("utf-8", "replace")
