"""Makes dashboard.svg, the picture in the README: the dashboard as it is, on a small cluster made for the purpose.

Run it from the repository's root after a change of the dashboard: python docs/picture.py
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from coop_tui.board.events import ServiceKey  # noqa: E402
from tests.dashboard import board_cluster  # noqa: E402 - the tests know how to make a cluster
from tests.dashboard.board_cluster import Cluster, Service  # noqa: E402
from tests.dashboard.dashboard_kit import dashboard, shows  # noqa: E402

SIZE = (120, 22)
SAVES = (("hello/page.py", 212.0, "1"), ("hello/words.py", 187.0, "2"), ("hello/__init__.py", 163.0, "3"))
LOG = b"""listening on port 26021
127.0.0.1 "GET /healthz HTTP/1.1" 200
127.0.0.1 "GET / HTTP/1.1" 200
127.0.0.1 "GET /orders/17 HTTP/1.1" 200
WARNING orders answered after 812 ms
127.0.0.1 "GET /healthz HTTP/1.1" 200
127.0.0.1 "GET / HTTP/1.1" 200
"""


def cluster() -> tuple[Cluster, str]:
    """Services in good and in bad health, and the pod that logs."""
    board_cluster.NOW_S = time.time()
    shop = Service("main", "orders", commit="5b81f0e", replicas=3)
    shop.served_s = 3 * 86_400
    main = Service("main", "hello", commit="3f2a1bc", replicas=3)
    main.served_s = 7_800
    broken = Service("dev-ada", "orders", commit="c04d7aa")
    broken.ready, broken.restarts, broken.health = 0, 3, "Degraded"
    broken.pod_state = {"waiting": {"reason": "CrashLoopBackOff"}}
    broken.last_state = {
        "terminated": {"exitCode": 1, "message": "ModuleNotFoundError: No module named 'payments'"}
    }
    own = Service("dev-ada", "hello", commit="9c1d2e0")
    own.served_s = 12
    made = Cluster(main, shop, own, broken)
    pod = own.pods[0]["metadata"]["name"]
    made.log(pod, LOG)
    return made, pod


def write_loop(log: Path) -> None:
    """Three saves that went live, the last one a moment ago."""
    at_s = time.time() - 120
    entries: list[dict[str, object]] = [
        {"at": at_s, "event": "LoopStarted", "environment": "dev-ada", "service": "hello", "pid": 1}
    ]
    for path, rollout_ms, number in SAVES:
        at_s += 36
        phases = {"snapshot": 18.0, "build": 24.0, "commit": 21.0, "push": 38.0, "rollout": rollout_ms}
        commit = {"commit": number}
        entries += [
            {"at": at_s, "event": "FilesChanged", "paths": [path]},
            {"at": at_s, "event": "SnapshotTaken", **commit, "changed": [path], "took_ms": 18.0},
            {"at": at_s, "event": "DeployCommitted", **commit, "base": "", "took_ms": 21.0},
            {"at": at_s, "event": "WentLive", **commit, "phases": phases, "total_ms": sum(phases.values())},
        ]
    log.write_text("".join(json.dumps(entry) + "\n" for entry in entries))


async def picture(log: Path) -> str:
    write_loop(log)
    made, pod = cluster()
    app = dashboard(made, loops={ServiceKey("dev-ada", "hello"): log}, start=ServiceKey("dev-ada", "hello"))
    async with app.run_test(size=SIZE):
        await shows(app, "● live", "__init__.py")
        await shows(app, f"log  {pod}", "812 ms", "/ Filter")
        return app.export_screenshot(title="coop ui")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        (HERE / "dashboard.svg").write_text(asyncio.run(picture(Path(folder) / "events.jsonl")))
