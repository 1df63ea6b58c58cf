"""Asking a service that went live, as its first visitor does."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from coop_devloop.events import Answered, Entry, WentLive

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    import aiohttp

LIMIT_S = 10.0
_PAUSE_S = 0.05


class Answers:
    """A source of events: how the service at `url` answers, once for every version that went live."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._live = asyncio.Event()
        self._commit = ""

    def observe(self, entry: Entry) -> None:
        """To be told of every event of the loop."""
        if isinstance(entry.event, WentLive) and entry.event.phases:
            self._commit = entry.event.commit
            self._live.set()

    async def events(self) -> AsyncGenerator[Answered, None]:
        import aiohttp  # deferred: 90 ms to import, while the first version is built

        async with aiohttp.ClientSession() as session:
            while True:
                await self._live.wait()
                self._live.clear()
                commit, started_s = self._commit, time.perf_counter()
                status = await self._ask(session)
                if commit == self._commit:
                    yield Answered(commit, status, round((time.perf_counter() - started_s) * 1000, 1))

    async def _ask(self, session: aiohttp.ClientSession) -> int:
        """The status of the first answer; 0 when none comes in time, or when a newer version went live."""
        import aiohttp

        url, headers = _reachable(self._url)
        deadline_s = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline_s and not self._live.is_set():
            try:
                limit = aiohttp.ClientTimeout(total=LIMIT_S)
                async with session.get(url, headers=headers, allow_redirects=False, timeout=limit) as answer:
                    return answer.status
            except (aiohttp.ClientError, TimeoutError):
                await asyncio.sleep(_PAUSE_S)
        return 0


def _reachable(url: str) -> tuple[str, dict[str, str]]:
    """Where to connect, and as whom: names below .localhost are this machine, whatever its resolver thinks."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not host.endswith(".localhost"):
        return url, {}
    here = "127.0.0.1" if parts.port is None else f"127.0.0.1:{parts.port}"
    return urlunsplit(parts._replace(netloc=here)), {"Host": parts.netloc}
