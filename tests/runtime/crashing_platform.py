"""A platform that is meant to be killed: runs one pod in the folder given, says when it is ready, and waits.

python -m tests.runtime.crashing_platform FOLDER WATCHDOG_GRACE_S PROGRAM
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from coop_core.local.watchdog import Watchdog
from tests.runtime.running_kit import Bench, listening


async def main(folder: Path, grace_s: str, program: str) -> None:
    bench = Bench(folder)
    if grace_s:
        Watchdog(folder / "pods", folder / "lock", grace_s=float(grace_s)).start()
    await bench.start()
    bench.pod("web", listening(bench.container(program)))
    await bench.running_pod("web")
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
