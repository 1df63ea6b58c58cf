"""Whether anything grows: `coop dev` on the sample app, a save every few seconds, for an hour or as long as asked.

Prints, every minute, what the platform and the loop hold: memory, descriptors, threads, child processes; and what
lies in Git: loose refs and objects of the user's repository and of the remote. The last table compares the second
quarter of the time with the last one, when everything that is only filled once is full.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import time
from typing import TYPE_CHECKING

import psutil
from save_to_served import MESSAGE, Contestant, coop, copy_of_sample, new_home

if TYPE_CHECKING:
    from pathlib import Path

MINUTE_S = 60.0


def held(process: psutil.Process) -> dict[str, int]:
    return {
        "rss MB": process.memory_info().rss // 2**20,
        "fds": process.num_fds(),
        "threads": process.num_threads(),
        "children": len(process.children(recursive=True)),
    }


def in_git(git_dir: Path) -> dict[str, int]:
    refs = sum(path.is_file() for path in (git_dir / "refs").rglob("*"))
    objects = sum(path.is_file() for path in (git_dir / "objects").glob("??/*"))
    return {"refs": refs, "objects": objects}


def sample(loop: psutil.Process, platform: psutil.Process, contestant: Contestant) -> dict[str, int]:
    assert contestant.remote is not None
    found = {f"dev {key}": value for key, value in held(loop).items()}
    found |= {f"platform {key}": value for key, value in held(platform).items()}
    work = contestant.file.parent.parent / ".git"
    found |= {f"work {key}": value for key, value in in_git(work).items()}
    return found | {f"remote {key}": value for key, value in in_git(contestant.remote).items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--every", type=float, default=5, help="seconds between two saves")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder, environ, port = new_home(stack)
        contestant = coop(stack, copy_of_sample(folder, "soak"), "soak", environ, port)
        contestant.wait_for(MESSAGE, moved_from=None)
        soak(contestant, environ, given.minutes * MINUTE_S, given.every)


def soak(contestant: Contestant, environ: dict[str, str], length_s: float, every_s: float) -> None:
    loop, platform = started(environ)
    began_s = next_sample_s = time.monotonic()
    samples: list[dict[str, int]] = []
    number = 0
    while (now_s := time.monotonic()) < began_s + length_s:
        if now_s >= next_sample_s:
            next_sample_s += min(MINUTE_S, length_s / 8)
            samples.append(sample(loop, platform, contestant))
            if len(samples) == 1:
                print("minute saves ", "  ".join(samples[0]))
            figures = "  ".join(f"{samples[-1][key]:>{len(key)}}" for key in samples[0])
            print(f"{(now_s - began_s) / MINUTE_S:6.1f} {number:5}  {figures}", flush=True)
        contestant.play(number)
        number += 1
        time.sleep(max(0.0, began_s + number * every_s - time.monotonic()))
    quarter = len(samples) // 4
    print(f"\n{number} saves, each served; p50 {statistics.median(contestant.taken_ms):.0f} ms\n")
    print(f"{'':20} second quarter  last quarter")
    for key in samples[0]:
        early = statistics.median(row[key] for row in samples[quarter : 2 * quarter])
        late = statistics.median(row[key] for row in samples[-quarter:])
        print(f"{key:20} {early:14.0f} {late:13.0f}")


def started(environ: dict[str, str]) -> tuple[psutil.Process, psutil.Process]:
    """The loop's process and the platform's, by the home they work in."""
    found: dict[str, psutil.Process] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("XDG_STATE_HOME") == environ["XDG_STATE_HOME"]:
                words = process.cmdline()
                if words[-1:] == ["dev"]:
                    found["loop"] = process
                elif "coop_core.platform" in words:
                    found["platform"] = process
    if len(found) != 2:
        sys.exit("cannot find the processes to look at")
    return found["loop"], found["platform"]


if __name__ == "__main__":
    main()
