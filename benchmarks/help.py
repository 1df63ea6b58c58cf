"""`coop --help` against `kubectl version --client`, each as a whole process, in turns."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

from timing import report

ROUNDS = 20


def once(command: list[str]) -> float:
    started_s = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return (time.perf_counter() - started_s) * 1000


def main() -> None:
    commands = {"coop --help": [str(Path(sys.executable).with_name("coop")), "--help"]}
    if shutil.which("kubectl"):
        commands["kubectl version --client"] = ["kubectl", "version", "--client"]
    else:
        print("kubectl is not on PATH: no rival in this run")
    for command in commands.values():
        once(command)  # the first run of each reads from the disk
    taken_ms: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            taken_ms[name].append(once(command))
    report(taken_ms)


if __name__ == "__main__":
    main()
