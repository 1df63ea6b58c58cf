"""Lists and watches that go on for ever, through restarts, expired revisions and bad networks.

What a viewer may rely on: after `Listed` it knows everything; each `Changed` and `Gone` keeps it so; after
`Lost` what it holds may be old, until the next `Listed`.
"""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from coop_core.kube import failures

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.kube.reading import Listing, Selection, WatchEvent

FIRST_DELAY_S = 0.2
LONGEST_DELAY_S = 15.0
_SHORT_WATCH_S = 1.0
"""A watch that ends sooner, with nothing said, is a server in trouble: do not hammer it."""


class Reader(Protocol):
    """The part of a client that lists and watches once."""

    async def list(self, kind: Kind, namespace: str | None, *, where: Selection) -> Listing: ...

    def watch(
        self, kind: Kind, namespace: str | None, *, revision: str, where: Selection
    ) -> AsyncGenerator[WatchEvent, None]: ...


@dataclass(frozen=True, slots=True)
class Listed:
    """All objects there are; what is not among them is gone."""

    items: tuple[Raw, ...]
    revision: str


@dataclass(frozen=True, slots=True)
class Changed:
    """Added or modified."""

    object: Raw


@dataclass(frozen=True, slots=True)
class Gone:
    """Deleted; `object` is its last state."""

    object: Raw


@dataclass(frozen=True, slots=True)
class Lost:
    """The stream broke. `why` is for people; the next `Listed` says that it is whole again."""

    why: str


Seen = Listed | Changed | Gone | Lost


@dataclass(slots=True)
class Backoff:
    """Growing pauses with jitter, so that many clients do not come back at once."""

    first_s: float = FIRST_DELAY_S
    longest_s: float = LONGEST_DELAY_S
    _next_s: float = 0.0

    def reset(self) -> None:
        self._next_s = 0.0

    def next_s(self) -> float:
        """The pause to make now: 0.5 to 1 times a delay that doubles with each call."""
        self._next_s = min(self.longest_s, self._next_s * 2 or self.first_s)
        return self._next_s * random.uniform(0.5, 1.0)


def watch_s() -> int:
    """How long to ask a server to keep a watch: 5 to 10 minutes, as client-go does, so that they do not all end
    together."""
    return random.randint(300, 600)


async def follow(client: Reader, kind: Kind, namespace: str | None, where: Selection) -> AsyncGenerator[Seen, None]:
    """What happens to objects of a kind; never ends by itself."""
    backoff = Backoff()
    is_lost = False
    while True:
        try:
            listing = await client.list(kind, namespace, where=where)
            yield Listed(tuple(listing.items), listing.revision)
            is_lost = False
            watched = _watched(client, kind, namespace, listing.revision, where=where, backoff=backoff)
            async with aclosing(watched):
                async for seen in watched:
                    yield seen
        except failures.Expired:
            pass
        except failures.ApiError as error:
            if not is_lost:
                yield Lost(error.why)
            is_lost = True
            await asyncio.sleep(max(backoff.next_s(), min(error.retry_after_s, LONGEST_DELAY_S)))
            continue
        await asyncio.sleep(backoff.next_s())


async def _watched(
    client: Reader, kind: Kind, namespace: str | None, revision: str, *, where: Selection, backoff: Backoff
) -> AsyncGenerator[Changed | Gone, None]:
    """Watch after watch, each from where the last ended; raises when one breaks."""
    while True:
        started_s = time.monotonic()
        async with aclosing(client.watch(kind, namespace, revision=revision, where=where)) as events:
            async for event in events:
                backoff.reset()
                revision = event.object["metadata"]["resourceVersion"]
                if event.type == "DELETED":
                    yield Gone(event.object)
                elif event.type != "BOOKMARK":
                    yield Changed(event.object)
        if time.monotonic() - started_s < _SHORT_WATCH_S:
            await asyncio.sleep(backoff.next_s())
        else:
            backoff.reset()
