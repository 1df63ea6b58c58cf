"""A platform that is meant to be killed at any moment: runs whatever its store asks for, until it is."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.runtime.running_kit import Bench


async def main(folder: Path) -> None:
    bench = Bench(folder)
    await bench.start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
