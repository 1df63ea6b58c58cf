"""One repository's environment branches, read again whenever there is reason to."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol, TypeVar

from coop_core.agent import planning
from coop_core.agent.watching import LOCAL_LOOK_S, Pace, RefsWatch
from coop_core.errors import CoopError
from coop_core.git import remotes
from coop_core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from coop_core.agent.planning import Branch
    from coop_core.clock import Clock
    from coop_core.git.mirror import Mirror


_T = TypeVar("_T")


class Listener(Protocol):
    """Who wants to know."""

    def heads_seen(self) -> None:
        """`heads` changed; `branches` follow in a moment."""

    def branches_read(self) -> None:
        """`branches` and `is_current` are as they will be for now."""

    def problem(self, text: str) -> None:
        """Something the operator should know, perhaps again."""


class RepositoryFollower:
    """Follows one remote until cancelled."""

    def __init__(self, url: str, mirror: Mirror, clock: Clock, listener: Listener) -> None:
        self.url = url
        self.heads: dict[str, str] = {}
        """Environment to commit, as last seen."""
        self.branches: tuple[Branch, ...] | None = None
        """What was read of them; None before the first time."""
        self.is_current = False
        """Whether the last reading succeeded, so that what is missing from `branches` is really gone."""
        self._mirror = mirror
        self._clock = clock
        self._listener = listener
        # A thread of its own: a remote that hangs must not hold up another.
        self._git = ThreadPoolExecutor(max_workers=1, thread_name_prefix="coop-git")

    def close(self) -> None:
        self._git.shutdown(wait=False, cancel_futures=True)

    async def run(self) -> None:
        changed = asyncio.Event()
        watch = self._watch(changed)
        try:
            await self._looking(changed, is_local=watch is not None)
        finally:
            if watch is not None:
                watch.cancel()

    def _watch(self, changed: asyncio.Event) -> asyncio.Task[None] | None:
        folder = remotes.local_path(self.url)
        if folder is None:
            return None
        git_dir = folder / ".git" if (folder / ".git").is_dir() else folder
        return asyncio.create_task(RefsWatch(git_dir, changed).run())

    async def _looking(self, changed: asyncio.Event, *, is_local: bool) -> None:
        pace = Pace(self._clock.monotonic_s())
        while True:
            changed.clear()
            before = self.heads
            is_read = await self._look()
            pace.errors = 0 if is_read else pace.errors + 1
            if self.heads != before:
                pace.changed_at_s = self._clock.monotonic_s()
            pause_s = LOCAL_LOOK_S if is_local else pace.next_s(self._clock.monotonic_s())
            try:
                # Not wait_for: before Python 3.12 it swallows a cancellation that meets the event.
                async with asyncio.timeout(pause_s):
                    await changed.wait()
            except TimeoutError:
                continue

    async def _look(self) -> bool:
        """Whether the repository could be read, whole."""
        was_current = self.is_current
        try:
            refs = await self._in_git(lambda: remotes.heads(self.url, planning.BRANCHES))
            heads = self._checked(refs)
            if heads == self.heads and was_current:
                return True
            self.heads = heads
            self._listener.heads_seen()
            known = {branch.environment: branch for branch in self.branches or ()}
            self.branches = tuple(
                [await self._branch(name, commit, known.get(name)) for name, commit in heads.items()]
            )
            self.is_current = True
        except (CoopError, OSError) as error:
            self.is_current = False
            self._listener.problem(f"{error}; {error.remedy}" if isinstance(error, CoopError) else str(error))
            if not was_current:
                return False
        self._listener.branches_read()
        return self.is_current

    def _checked(self, refs: dict[str, str]) -> dict[str, str]:
        heads: dict[str, str] = {}
        for ref, commit in sorted(refs.items()):
            environment = planning.environment_of(ref)
            if environment is None:
                self._listener.problem(
                    f"branch {one_line(ref, 120)!r} of {planning.public_url(self.url)} is ignored: environments "
                    "are called main or dev-<user>, in lower case letters, digits and dashes"
                )
            else:
                heads[environment] = commit
        return heads

    async def _branch(self, environment: str, commit: str, known: Branch | None) -> Branch:
        if known is not None and known.commit == commit:
            return known
        at_hand = commit
        if remotes.local_path(self.url) is None:
            fetched = await self._in_git(
                lambda: self._mirror.resolve(self.url, f"{planning.BRANCHES}{environment}")
            )
            at_hand = fetched or commit
        folders = await self._in_git(lambda: self._mirror.folders(self.url, at_hand))
        return planning.Branch(self.url, environment, commit, tuple(sorted(folders)))

    async def _in_git(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._git, work)
