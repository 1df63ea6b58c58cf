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
    newest = ""
    while True:
        try:
            async for line in _lines(client, environment, pod):
                # Times are written alike and in UTC, so their order is that of their text.
                at, _, text = line.partition(" ")
                if at > newest:
                    newest = at
                    yield in_source(lines(text, _LINE_LIMIT)[0])
        except failures.NotFound:
            return
        except failures.ApiError:
            # Away, or between two instances: the next request tells everything, and what is known is passed over.
            pass
        await asyncio.sleep(_PAUSE_S)


async def _lines(client: KubeClient, environment: str, pod: str) -> AsyncGenerator[str, None]:
    rest = b""
    async for piece in client.logs(environment, pod, LogQuery(follow=True, timestamps=True)):
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace")
    if rest:
        yield rest.decode("utf-8", "replace")
