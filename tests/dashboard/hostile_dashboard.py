"""A program: the dashboard on a cluster whose every text attacks the terminal. Runs until it is told to quit."""

from __future__ import annotations

import asyncio

from coop_core.cluster import kinds
from tests.dashboard.board_cluster import Cluster, Service
from tests.dashboard.dashboard_kit import dashboard

ATTACKS = (
    "\x1b]0;EVIL-TITLE\x07",
    "\x1b]52;c;RVZJTA==\x07",
    "\x1b[2J\x1b[H",
    "\x9b31mC1\x9c",
    "\u202eltr\u2066",
    "[/bold][red]markup[@click=app.quit]",
    "\x1bP+q544e\x1b\\",
    "\r\b\x00",
)
HOSTILE = "safe" + "".join(ATTACKS) + "end"


def hostile_cluster() -> Cluster:
    service = Service("dev-ada", "hello")
    service.ready, service.health, service.health_message = 0, "Degraded", HOSTILE
    service.sync = HOSTILE
    service.host = HOSTILE
    service.pod_state = {"waiting": {"reason": HOSTILE, "message": HOSTILE}}
    service.last_state = {"terminated": {"exitCode": 1, "message": HOSTILE}}
    cluster = Cluster(service)
    cluster.change(kinds.EVENT, service.event(HOSTILE, HOSTILE, warning=True))
    cluster.log(service.pods[0]["metadata"]["name"], f"log {HOSTILE}\n".encode())
    return cluster


async def main() -> None:
    cluster = hostile_cluster()
    app = dashboard(cluster)
    asyncio.get_running_loop().call_later(1.0, cluster.go_away, HOSTILE)
    await app.run_async()


if __name__ == "__main__":
    asyncio.run(main())
