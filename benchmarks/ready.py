"""`coop platform up` until the platform is ready, as a whole process: on a new home, and on one that was used."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from timing import report

ROUNDS = 8
COOP = str(Path(sys.executable).with_name("coop"))


def up(folder: Path) -> float:
    environ = {**os.environ, **{f"XDG_{kind}_HOME": str(folder / kind) for kind in ("CONFIG", "STATE", "CACHE")}}
    started_s = time.perf_counter()
    subprocess.run([COOP, "platform", "up", "--port", "0"], env=environ, check=True, stdout=subprocess.DEVNULL)
    took_ms = (time.perf_counter() - started_s) * 1000
    subprocess.run([COOP, "platform", "down"], env=environ, check=True, stdout=subprocess.DEVNULL)
    return took_ms


def main() -> None:
    taken_ms: dict[str, list[float]] = {"a used home": [], "a new home": []}
    with tempfile.TemporaryDirectory(prefix="coop-bench-") as used:
        up(Path(used))
        for _ in range(ROUNDS):
            taken_ms["a used home"].append(up(Path(used)))
            with tempfile.TemporaryDirectory(prefix="coop-bench-") as new:
                taken_ms["a new home"].append(up(Path(new)))
    report(taken_ms)


if __name__ == "__main__":
    main()
