"""A dashboard on a cluster that tests drive, and ways to look at its screen."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from coop_tui.board.sources import Sources
from coop_tui.dashboard.app import Dashboard

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from textual.app import App

    from coop_tui.board.events import ServiceKey
    from coop_tui.board.sources import Reader
    from coop_tui.narration import Narrated
    from tests.dashboard.board_cluster import Cluster

PATIENCE_S = 8.0


def dashboard(
    cluster: Cluster,
    *,
    loops: Mapping[ServiceKey, Path] | None = None,
    start: ServiceKey | None = None,
    narration: AsyncIterator[Narrated] | None = None,
) -> Dashboard:
    async def connect() -> Reader:
        return cluster

    return dashboard_of(
        Sources(connect, ("main", "dev-ada"), lambda host: f"http://{host}:4780", (loops or {}).get),
        start=start,
        narration=narration,
    )


def dashboard_of(
    sources: Sources, *, start: ServiceKey | None = None, narration: AsyncIterator[Narrated] | None = None
) -> Dashboard:
    return Dashboard(
        sources,
        title="local platform",
        user="ada",
        environment="dev-ada",
        start=start,
        narration=narration,
    )


def screen_text(app: App[None]) -> str:
    """What is painted, line by line, without colours."""
    lines = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in lines[: app.size.height])


async def until(condition: Callable[[], bool], what: str) -> None:
    """Returns once `condition` holds."""
    give_up_s = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > give_up_s:
            raise AssertionError(f"not seen within {PATIENCE_S:.0f} s: {what}")
        await asyncio.sleep(0.02)


async def shows(app: App[None], *texts: str) -> str:
    """Waits until every text is on the screen, and returns the screen."""
    try:
        await until(lambda: all(text in screen_text(app) for text in texts), repr(texts))
    except AssertionError as error:
        raise AssertionError(f"{error}, but\n{screen_text(app)}") from None
    return screen_text(app)


async def shows_no_more(app: App[None], text: str) -> None:
    try:
        await until(lambda: text not in screen_text(app), f"{text!r} gone")
    except AssertionError as error:
        raise AssertionError(f"{error}, but\n{screen_text(app)}") from None
