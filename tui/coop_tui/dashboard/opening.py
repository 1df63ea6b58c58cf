"""Opening the dashboard on a platform: the client's life around the app's."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from coop_core.git.repository import as_label
from coop_tui.board.events import ServiceKey
from coop_tui.board.sources import Sources
from coop_tui.dashboard.app import Dashboard

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from pathlib import Path

    from coop_core.kube.client import KubeClient
    from coop_core.paths import Home
    from coop_core.platform.access import Access
    from coop_tui.narration import Narrated


@asynccontextmanager
async def opened(
    access: Access, home: Home, *, start: str | None = None, narration: AsyncIterator[Narrated] | None = None
) -> AsyncGenerator[Dashboard, None]:
    """A dashboard that is ready to run. Its connection is closed when the context ends.

    home: where dev loops write down what happens. start: the service to select in the user's own environment.
    """
    clients: list[KubeClient] = []

    async def connect() -> KubeClient:
        from coop_core.kube.client import KubeClient  # deferred: the first frame does not wait for aiohttp

        client = await KubeClient.connect(access.kubeconfig, access.context)
        clients.append(client)
        return client

    title = "local platform" if access.is_local else (access.context or "cluster")
    try:
        yield Dashboard(
            Sources(connect, access.environments, access.url, partial(loop_log, home, access.environment)),
            title=title,
            user=access.user,
            environment=access.environment,
            start=ServiceKey(access.environment, start) if start else None,
            narration=narration,
        )
    finally:
        for client in clients:
            await client.close()


def loop_log(home: Home, own: str, key: ServiceKey) -> Path | None:
    """Dev loops run in the user's own environment alone. The name is the cluster's: it may be no file name."""
    if key.environment != own or as_label(key.service, 63) != key.service:
        return None
    return home.devloop(own, key.service) / "events.jsonl"
