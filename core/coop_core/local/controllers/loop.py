"""What makes a controller run: changes in, keys out, one reconcile per key at a time.

Level-triggered: a key says only "look again", so a restart, a lost change or a repeated one ends in the same state.
No timer stands between a change and its reconcile.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from abc import ABC, abstractmethod
from collections import deque
from typing import TYPE_CHECKING, ClassVar

from coop_core.local.objects import AlreadyExists, Conflict, NotFound
from coop_core.local.store import Expired

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.local.objects import Objects
    from coop_core.local.store import Change

log = logging.getLogger("coop.controllers")

FIRST_RETRY_S = 0.005
LAST_RETRY_S = 60.0

Key = tuple[str, ...]
"""What is reconciled; most often (namespace, name)."""


class Controller(ABC):
    """Brings the world in step with one kind of object, key by key."""

    name: ClassVar[str]
    watches: ClassVar[tuple[Kind, ...] | None]
    """None for every kind there is, also those that definitions make later."""
    workers: ClassVar[int] = 1
    """How many keys may be under work at once; one key never is twice."""

    def __init__(self, objects: Objects) -> None:
        self.objects = objects

    @abstractmethod
    def keys(self, kind: Kind, body: Raw) -> Iterable[Key]:
        """What to look at because `body` is as it is."""

    def changed(self, kind: Kind, change: Change) -> Iterable[Key]:
        """What to look at because of a change."""
        yield from self.keys(kind, change.object)
        if change.previous is not None:
            yield from self.keys(kind, change.previous)

    @abstractmethod
    async def reconcile(self, key: Key) -> float | None:
        """Brings one key in step; returns after how many seconds to look again, None for never."""


class WorkQueue:
    """Keys to look at, each at most once; a key added while it is under work comes again afterwards."""

    def __init__(self) -> None:
        self._ready: deque[Key] = deque()
        self._queued: set[Key] = set()
        self._working: set[Key] = set()
        self._dirty: set[Key] = set()
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._waiting: deque[asyncio.Future[None]] = deque()

    def add(self, key: Key) -> None:
        if key in self._working:
            self._dirty.add(key)
        elif key not in self._queued:
            self._queued.add(key)
            self._ready.append(key)
            self._wake()

    def add_after(self, key: Key, delay_s: float) -> None:
        """Adds later; the sooner of two delays for one key counts."""
        loop = asyncio.get_running_loop()
        planned = self._timers.get(key)
        if planned is not None:
            if planned.when() <= loop.time() + delay_s:
                return
            planned.cancel()
        self._timers[key] = loop.call_later(delay_s, self._due, key)

    def _due(self, key: Key) -> None:
        del self._timers[key]
        self.add(key)

    async def take(self) -> Key:
        while not self._ready:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            try:
                await future
            except BaseException:
                with contextlib.suppress(ValueError):
                    self._waiting.remove(future)
                raise
        key = self._ready.popleft()
        self._queued.discard(key)
        self._working.add(key)
        return key

    def done(self, key: Key) -> None:
        self._working.discard(key)
        if key in self._dirty:
            self._dirty.discard(key)
            self.add(key)

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _wake(self) -> None:
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(None)
                return


class Loop:
    """Runs one controller until it is closed."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._store = controller.objects.store
        self._queue = WorkQueue()
        self._failures: dict[Key, tuple[int, str]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._catalog = controller.objects.catalog
        self._definitions = -1
        self._kinds: dict[tuple[str, str], Kind] = {}

    def start(self) -> None:
        name = self._controller.name
        revision = self._list()
        self._tasks = [asyncio.create_task(self._follow(revision), name=f"{name}: changes")]
        self._tasks += [
            asyncio.create_task(self._work(), name=f"{name}: work {number}")
            for number in range(self._controller.workers)
        ]

    async def close(self) -> None:
        self._queue.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    def _list(self) -> int:
        for kind in self._watched():
            for body in self._store.objects(kind):
                with self._guarded():
                    self._queue_all(self._controller.keys(kind, body))
        return self._store.revision

    def _watched(self) -> Iterable[Kind]:
        """The kinds to look at; kinds that definitions make come and go."""
        definitions = 0 if self._controller.watches is not None else self._catalog.revision
        if definitions != self._definitions:
            self._definitions = definitions
            found = self._catalog.stored if self._controller.watches is None else self._controller.watches
            self._kinds = {(kind.group, kind.plural): kind for kind in found}
        return self._kinds.values()

    async def _follow(self, revision: int) -> None:
        while True:
            await self._store.changed(revision)
            try:
                for change in self._store.changes(revision):
                    revision = change.revision
                    self._watched()
                    kind = self._kinds.get(change.key[:2])
                    if kind is not None:
                        with self._guarded():
                            self._queue_all(self._controller.changed(kind, change))
            except Expired:
                revision = self._list()

    def _queue_all(self, keys: Iterable[Key]) -> None:
        for key in keys:
            self._queue.add(key)

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """One object that its controller cannot make sense of must not hide the others from it."""
        try:
            yield
        except Exception:
            log.exception("%s: an object was passed over", self._controller.name)

    async def _work(self) -> None:
        while True:
            key = await self._queue.take()
            try:
                again_s = await self._controller.reconcile(key)
            except (Conflict, NotFound, AlreadyExists) as raced:
                # Somebody was quicker; what they wrote is in the store already, so looking again settles it.
                self._retry(key, str(raced), logging.DEBUG)
            except Exception as error:  # the worker's door: one broken object must not stop the others
                self._retry(key, f"{type(error).__name__}: {error}", logging.ERROR)
            else:
                self._failures.pop(key, None)
                if again_s is not None:
                    self._queue.add_after(key, again_s)
            finally:
                self._queue.done(key)

    def _retry(self, key: Key, text: str, level: int) -> None:
        count, before = self._failures.get(key, (0, ""))
        self._failures[key] = (count + 1, text)
        if text != before:
            log.log(level, "%s %s: %s", self._controller.name, "/".join(key), text, exc_info=level >= logging.ERROR)
        self._queue.add_after(key, min(LAST_RETRY_S, FIRST_RETRY_S * 2.0**count))
