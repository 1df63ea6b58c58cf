"""The environment branches of any remote, asked for in the cheapest way that it understands.

On this machine: its files. Over HTTP: one small request (`smart_http`). All else, ssh above all: one `git fetch` of
the branches into the mirror, which asks and fetches on one connection.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from coop_core.git import remotes
from coop_core.git.smart_http import NotSpoken, SmartHttp
from coop_core.git.threads import Turns, in_thread

if TYPE_CHECKING:
    from coop_core.git.mirror import Mirror

BY_GIT_S = 600.0
"""How long a remote that only git can read is left to git before it is tried again."""
PROCESSES = 8
PROCESSES_OF_SUSPECTS = 2
LENT_S = 5.0


@dataclass(frozen=True, slots=True)
class Found:
    """heads: full ref to commit id. is_at_hand: whether the commits need no fetching. by_git: a process ran."""

    heads: dict[str, str]
    is_at_hand: bool
    by_git: bool = False


class References:
    """Asks for the refs below one prefix. One for all remotes: it bounds how much git runs at once.

    Remotes that failed last time wait for turns of their own, so that they never hold up the others.
    """

    def __init__(self, mirror: Mirror, prefix: str) -> None:
        self._mirror = mirror
        self._prefix = prefix
        self._http = SmartHttp()
        self._by_git_until_s: dict[str, float] = {}
        self._turns = Turns(PROCESSES, LENT_S)
        self._suspects = Turns(PROCESSES_OF_SUSPECTS, LENT_S)

    @property
    def requests(self) -> int:
        """HTTP requests since the start."""
        return self._http.requests

    async def close(self) -> None:
        await self._http.close()

    def forget(self, url: str) -> None:
        """Nobody asks for this remote any more."""
        self._http.forget(url)
        self._by_git_until_s.pop(url, None)

    async def look(self, url: str, *, is_suspect: bool) -> Found:
        """What the remote has now. Raises CoopError or OSError."""
        if remotes.local_path(url) is not None:
            heads = await in_thread(lambda: remotes.heads(url, self._prefix))
            return Found(heads, is_at_hand=True)
        if self._speaks_http(url):
            try:
                return Found(await self._http.heads(url, self._prefix), is_at_hand=False)
            except NotSpoken:
                self._by_git_until_s[url] = time.monotonic() + BY_GIT_S
        return await self.fetch(url, is_suspect=is_suspect)

    async def fetch(self, url: str, *, is_suspect: bool) -> Found:
        """The same, with the commits at hand afterwards."""
        async with (self._suspects if is_suspect else self._turns).turn():
            heads = await in_thread(lambda: self._mirror.update(url, self._prefix))
        return Found(heads, is_at_hand=True, by_git=True)

    def _speaks_http(self, url: str) -> bool:
        until_s = self._by_git_until_s.get(url)
        return urlsplit(url).scheme in ("http", "https") and (until_s is None or time.monotonic() >= until_s)
