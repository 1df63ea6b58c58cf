"""Where the board's events come from: the cluster through a client, the dev loop's file, the demo's narration.

Each source is an async generator that ends when it is closed; text is cleaned here and nowhere later.
"""

from __future__ import annotations

import asyncio
import codecs
import time
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec

from coop_core.cluster import kinds
from coop_core.errors import CoopError
from coop_core.kube import following
from coop_core.kube.reading import LogQuery
from coop_devloop import events as devloop
from coop_tui.board import events as e
from coop_tui.board.cleaning import clean, clean_log_line, clean_object, clean_text

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from coop_core.cluster.kinds import Kind
    from coop_tui.narration import Narrated

FOLLOWED = (kinds.DEPLOYMENT, kinds.REPLICA_SET, kinds.POD, kinds.INGRESS, kinds.EVENT)
"""Kinds followed in every environment that is shown; applications are followed in Argo CD's namespace."""

TAIL_LINES = 500
_LOOK_EVERY_S = 0.1
_LOOP_LOG_TAIL_BYTES = 256 * 1024
_RETRY_S = 2.0
_LINE_LIMIT_BYTES = 64 * 1024


class Reader(Protocol):
    """The part of a `KubeClient` that the dashboard uses. It reads, and nothing else."""

    def follow(self, kind: Kind, namespace: str | None = None) -> AsyncGenerator[following.Seen, None]: ...

    def logs(self, namespace: str, pod: str, query: LogQuery | None = None) -> AsyncGenerator[bytes, None]: ...


@dataclass(frozen=True, slots=True)
class Sources:
    """What the dashboard looks at.

    connect: called once the first frame is painted, and again after it raised a CoopError; whoever hands it in
    closes the client. namespaces: the environments to show. base_url: from an ingress host to the address at which
    people reach it. loop_log: the event log of a service's dev loop, which need not exist; None for a service that
    can have none.
    """

    connect: Callable[[], Awaitable[Reader]]
    namespaces: tuple[str, ...]
    base_url: Callable[[str], str]
    loop_log: Callable[[e.ServiceKey], Path | None] = lambda key: None

    @property
    def feeds(self) -> tuple[e.Feed, ...]:
        applications = e.Feed(kinds.APPLICATION, kinds.ARGOCD_NAMESPACE)
        return (applications, *(e.Feed(kind, name) for name in self.namespaces for kind in FOLLOWED))


async def connected(sources: Sources, failed: Callable[[e.ConnectFailed], None]) -> Reader:
    """The client, as soon as there is a platform to connect to."""
    while True:
        try:
            return await sources.connect()
        except CoopError as error:
            failed(e.ConnectFailed(problem_of(error)))
            await asyncio.sleep(_RETRY_S)


def problem_of(error: CoopError) -> devloop.Problem:
    return devloop.Problem(clean_text(error.what), clean_text(error.why), clean_text(error.remedy))


async def followed(reader: Reader, feed: e.Feed) -> AsyncGenerator[e.Event, None]:
    """One feed, for ever."""
    async with aclosing(reader.follow(feed.kind, feed.namespace)) as seen:
        async for item in seen:
            match item:
                case following.Listed(items):
                    yield e.ObjectsListed(feed, tuple(map(clean_object, items)))
                case following.Changed(raw):
                    yield e.ObjectChanged(feed, clean_object(raw))
                case following.Gone(raw):
                    yield e.ObjectGone(feed, clean_object(raw))
                case following.Lost(why):
                    yield e.FeedLost(feed, clean_text(why), time.time())


async def log_lines(reader: Reader, target: e.LogTarget) -> AsyncGenerator[e.LogRead | e.LogEnded, None]:
    """A log until its container ends; read anew after a broken connection."""
    while True:
        try:
            async for lines, is_first in _log_once(reader, target):
                yield e.LogRead(target, lines, is_first)
        except CoopError as error:
            yield e.LogEnded(target, clean_text(error.why))
            await asyncio.sleep(_RETRY_S)
        else:
            yield e.LogEnded(target, "")
            return


async def _log_once(reader: Reader, target: e.LogTarget) -> AsyncGenerator[tuple[tuple[str, ...], bool], None]:
    query = LogQuery(
        container=target.container,
        follow=not target.previous,
        previous=target.previous,
        tail_lines=TAIL_LINES,
    )
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest, is_first = "", True
    async with aclosing(reader.logs(target.namespace, target.pod, query)) as pieces:
        async for piece in pieces:
            *complete, rest = (rest + decoder.decode(piece)).split("\n")
            if len(rest) > _LINE_LIMIT_BYTES:
                complete, rest = [*complete, rest], ""
            if complete:
                yield tuple(map(clean_log_line, complete)), is_first
                is_first = False
    if rest or is_first:
        yield (tuple([clean_log_line(rest)] if rest else []), is_first)


async def loop_events(path: Path) -> AsyncGenerator[e.LoopSaid | e.LoopSaidMore, None]:
    """The dev loop's event log from its newest part on, then as it grows. The file may not be there yet."""
    tail = Tail(path)
    while True:
        for line in tail.new_lines():
            if said := loop_event(line):
                yield said
        # Looking at one file's size ten times a second costs nothing and works on every file system.
        await asyncio.sleep(_LOOK_EVERY_S)


def loop_event(line: bytes) -> e.LoopSaid | e.LoopSaidMore | None:
    """A line of the event log; None for one that is no JSON object with a time and a name."""
    try:
        fields = clean(msgspec.json.decode(line, type=dict[str, object]))
        at_s, name = float(fields["at"]), str(fields["event"])
    except (msgspec.DecodeError, KeyError, TypeError, ValueError):
        return None
    try:
        return e.LoopSaid(at_s, msgspec.convert(fields, devloop.Event))
    except msgspec.ValidationError:
        rest = "  ".join(f"{key}={value}" for key, value in fields.items() if key not in ("at", "event"))
        return e.LoopSaidMore(at_s, f"{name}  {rest}".rstrip())


async def told(narration: AsyncIterator[Narrated]) -> AsyncGenerator[e.Told, None]:
    async for line in narration:
        yield e.Told(clean_text(line.text), line.took_ms, time.time())


class Tail:
    """A growing file's whole lines, each once; a file that shrank is read again from its start."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position: int | None = None
        self._rest = b""

    def new_lines(self) -> list[bytes]:
        size = _size(self._path)
        if size == (self._position or 0):
            return []
        is_cut = False
        if self._position is None:
            self._position = max(0, size - _LOOP_LOG_TAIL_BYTES)
            is_cut = self._position > 0
        elif size < self._position:
            self._position, self._rest = 0, b""
        data = _read(self._path, self._position)
        self._position += len(data)
        *complete, self._rest = (self._rest + data).split(b"\n")
        return complete[1:] if is_cut else complete


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _read(path: Path, start: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(start)
            return file.read()
    except OSError:
        return b""
