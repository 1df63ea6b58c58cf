"""One repository's environment branches, read again whenever there is reason to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from coop_core.agent import planning
from coop_core.agent.seen import Branch
from coop_core.agent.watching import BY_PROCESS, BY_REQUEST, ON_DISK, Pace, RefsWatch, Ticks
from coop_core.errors import CoopError
from coop_core.git import messages, remotes
from coop_core.git.branches import named_by
from coop_core.git.smart_http import RetryLater
from coop_core.git.threads import in_thread
from coop_core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from coop_core.clock import Clock
    from coop_core.git.mirror import Mirror
    from coop_core.git.references import Found, References


class Listener(Protocol):
    """Who wants to know."""

    def heads_seen(self) -> None:
        """`heads` changed; `branches` follow in a moment."""

    def branches_read(self) -> None:
        """`branches` and `is_current` are as they will be for now."""

    def problem(self, text: str) -> None:
        """Something the operator should know, perhaps again."""


class RepositoryFollower:
    """Follows one remote until cancelled.

    neighbours: how many followed remotes have this one's host and are as active, itself included.
    """

    def __init__(
        self,
        url: str,
        mirror: Mirror,
        references: References,
        clock: Clock,
        listener: Listener,
        neighbours: Callable[[RepositoryFollower], int] = lambda _: 1,
    ) -> None:
        self.url = url
        self.host = urlsplit(url).netloc.rpartition("@")[2]
        """What the limit on requests is counted for; "" on this machine."""
        self.heads: dict[str, str] = {}
        """Environment to commit, as last seen."""
        self.branches: tuple[Branch, ...] | None = None
        """What was read of them; None before the first time."""
        self.is_current = False
        """Whether `branches` are what the remote had at the last look, so that what is missing is really gone."""
        self._mirror = mirror
        self._references = references
        self._clock = clock
        self._listener = listener
        self._neighbours = neighbours
        self._pace = Pace(clock.monotonic_s())
        self._ticks = ON_DISK

    @property
    def is_active(self) -> bool:
        """Whether somebody seems to be developing in it."""
        return self._pace.is_active(self._clock.monotonic_s())

    async def run(self, watch: RefsWatch) -> None:
        changed = asyncio.Event()
        folder = _git_dir(self.url)
        if folder:
            watch.add(folder, changed)
        try:
            await self._looking(changed)
        finally:
            if folder:
                watch.remove(folder)

    async def _looking(self, changed: asyncio.Event) -> None:
        pace = self._pace
        while True:
            changed.clear()
            before = self.heads
            is_read = await self._look()
            pace.errors = 0 if is_read else pace.errors + 1
            if self.heads != before:
                pace.changed_at_s = self._clock.monotonic_s()
            pause_s = pace.next_s(self._clock.monotonic_s(), self._ticks, self._neighbours(self))
            try:
                # Not wait_for: before Python 3.12 it swallows a cancellation that meets the event.
                async with asyncio.timeout(pause_s):
                    await changed.wait()
            except TimeoutError:
                continue

    async def _look(self) -> bool:
        """Whether the repository could be read, whole."""
        was_current = self.is_current
        self._pace.retry_after_s = 0.0
        try:
            found = await self._references.look(self.url, is_suspect=self._pace.errors > 0)
            self._ticks = self._ticks_of(found)
            heads = self._checked(found.heads)
            if heads == self.heads and was_current:
                return True
            self.heads = heads
            self.is_current = False
            self._listener.heads_seen()
            await self._read(found)
            self.is_current = True
        except (CoopError, OSError) as error:
            self.is_current = False
            self._pace.retry_after_s = error.after_s if isinstance(error, RetryLater) else 0.0
            self._listener.problem(f"{error}; {error.remedy}" if isinstance(error, CoopError) else str(error))
            if not was_current:
                return False
        self._listener.branches_read()
        return self.is_current

    def _ticks_of(self, found: Found) -> Ticks:
        if _git_dir(self.url):
            return ON_DISK
        return BY_PROCESS if found.by_git else BY_REQUEST

    async def _read(self, found: Found) -> None:
        """Brings the commits here, all with one fetch, and reads those that are new."""
        if not found.is_at_hand:
            fetched = await self._references.fetch(self.url, is_suspect=self._pace.errors > 0)
            self.heads = self._checked(fetched.heads)
        known = {(branch.environment, branch.commit): branch for branch in self.branches or ()}
        new = [head[1] for head in self.heads.items() if head not in known]
        read = await in_thread(lambda: self._mirror.heads(self.url, new)) if new else {}
        branches = []
        for environment, commit in self.heads.items():
            if branch := known.get((environment, commit)):
                branches.append(branch)
                continue
            if commit not in read:
                raise OSError(f"commit {commit[:12]} of {environment} went away while it was read")
            said, folders = read[commit]
            ends_s = messages.expires_s(environment, said.message)
            branches.append(Branch(self.url, environment, commit, tuple(sorted(folders)), ends_s))
        self.branches = tuple(branches)

    def _checked(self, refs: dict[str, str]) -> dict[str, str]:
        heads: dict[str, str] = {}
        for ref, commit in sorted(refs.items()):
            environment = named_by(ref)
            if environment is None:
                self._listener.problem(
                    f"branch {one_line(ref, 120)!r} of {planning.public_url(self.url)} is ignored: environments "
                    "are called main or dev-<user>, in lower case letters, digits and dashes"
                )
            else:
                heads[environment] = commit
        return heads


def _git_dir(url: str) -> Path | None:
    """The Git folder of a repository on this machine."""
    folder = remotes.local_path(url)
    if folder is None:
        return None
    return folder / ".git" if (folder / ".git").is_dir() else folder
