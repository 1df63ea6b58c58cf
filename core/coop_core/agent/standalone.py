"""The agent alone, against any cluster: what `coop agent` runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.agent.agent import Agent
from coop_core.clock import SystemClock
from coop_core.git.mirror import Mirror
from coop_core.kube.client import KubeClient

if TYPE_CHECKING:
    from pathlib import Path


async def serve(
    config_file: Path, cache: Path, *, kubeconfig: Path | None = None, context: str | None = None
) -> None:
    """Until cancelled. kubeconfig None: the identity of the pod. cache: a folder for fetched commits."""
    async with await KubeClient.connect(kubeconfig, context) as client:
        await Agent(client, Mirror(cache), config_file, SystemClock()).run()
