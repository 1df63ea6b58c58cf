"""What `coop dev` and the local platform take of a core while nothing happens, beside a tree of many files.

Counts the processes and the git processes that they start. Prints shares of one core, and the memory held;
the loop's target is 0.5 %, the platform's 1 % and 120 MB.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from typing import TYPE_CHECKING

from save_to_served import MESSAGE, coop, copy_of_sample, new_home
from soak import started

if TYPE_CHECKING:
    from pathlib import Path

    import psutil


def spent_s(process: psutil.Process) -> float:
    """Processor seconds of a process and of all its children that ended."""
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def fill(folder: Path, files: int) -> None:
    for number in range(files):
        path = folder / "data" / f"{number // 500:03d}" / f"{number}.txt"
        if number % 500 == 0:
            path.parent.mkdir(parents=True)
        path.write_text(f"{number}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--seconds", type=float, default=90)
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder, environ, port = new_home(stack)
        service = copy_of_sample(folder, "idle")
        fill(service, given.files)
        (service / ".dockerignore").write_text("data\n")
        contestant = coop(stack, service, "idle", environ, port)
        contestant.wait_for(MESSAGE, moved_from=None)
        contestant.play(0)  # what the first save warms is no part of idling
        time.sleep(5)
        processes = dict(zip(("coop dev", "the platform"), started(environ), strict=True))
        before = {name: spent_s(process) for name, process in processes.items()}
        time.sleep(given.seconds)
        for name, process in processes.items():
            share = (spent_s(process) - before[name]) / given.seconds
            resident_mb = process.memory_info().rss / 2**20
            print(
                f"{name}: {share:.2%} of a core over {given.seconds:g} s, beside {given.files} files; "
                f"{resident_mb:.0f} MB resident"
            )


if __name__ == "__main__":
    main()
