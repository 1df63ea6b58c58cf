"""Opening the dashboard on a platform: the client's life around the app's."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from coop_tui.board.sources import Sources
from coop_tui.dashboard.app import Dashboard

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from pathlib import Path

    from coop_core.kube.client import KubeClient
    from coop_core.platform.access import Access
    from coop_tui.narration import Narrated


@asynccontextmanager
async def opened(
    access: Access, *, devloop_log: Path | None = None, narration: AsyncIterator[Narrated] | None = None
) -> AsyncGenerator[Dashboard, None]:
    """A dashboard that is ready to run. Its connection is closed when the context ends."""
    clients: list[KubeClient] = []

    async def connect() -> KubeClient:
        from coop_core.kube.client import KubeClient  # deferred: the first frame does not wait for aiohttp

        client = await KubeClient.connect(access.kubeconfig, access.context)
        clients.append(client)
        return client

    title = "local platform" if access.is_local else (access.context or "cluster")
    try:
        yield Dashboard(
            Sources(connect, access.environments, access.url),
            title=title,
            user=access.user,
            environment=access.environment,
            devloop_log=devloop_log,
            narration=narration,
        )
    finally:
        for client in clients:
            await client.close()
