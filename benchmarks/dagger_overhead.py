"""coop's own time around a build with Dagger: from a commit to the image's name; the engine answers at once.

The session's server runs in a process of its own and checks nothing, so that what is measured is coop and the SDK:
reading the commit, staging what changed, the queries, and the answers. What a real engine takes comes on top.
It also prints what the first build would have waited for the session, had that not been started ahead.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from timing import report

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from coop_core.build.dagger.builder import Configuration, DaggerBuilder  # noqa: E402  # needs the path above
from coop_core.build.dagger.registry import registry  # noqa: E402
from coop_core.build.request import BuildRequest  # noqa: E402
from coop_core.git import repository  # noqa: E402
from coop_core.spec import ServiceSpec  # noqa: E402
from tests.build_dagger import fake_cli  # noqa: E402

ROUNDS = 40
FILES = 500
TARGET_MS = 150


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder: Path) -> str:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "change")
    return git(folder, "rev-parse", "HEAD")


async def rounds(folder: Path) -> dict[str, list[float]]:
    work = folder / "work"
    work.mkdir()
    git(work, "init", "--quiet", "-b", "main")
    for number in range(FILES):
        (work / f"module_{number}.py").write_text(f"print({number})\n")
    (work / "requirements.txt").write_text("flask\n")
    program = fake_cli.write(folder / "bin", ROOT)
    fake_cli.plan(folder / "dagger", {"checks": False, "spans": False})
    environ = {**os.environ, "FAKE_DAGGER": str(folder / "dagger"), "HOME": str(folder)}
    configuration = Configuration(registry("registry.example.org/team", None), folder / "staging", str(program))
    builder = DaggerBuilder(configuration, environ)
    taken: dict[str, list[float]] = {"commit to image": [], "the same again": [], "first build": []}
    spec, found = ServiceSpec("hello", run="python -m hello"), repository.find(work)
    try:
        started_s = time.perf_counter()
        async with builder._sessions.open():
            print(
                f"starting a session and loading the SDK, ahead: {(time.perf_counter() - started_s) * 1000:.0f} ms"
            )
        for number in range(ROUNDS + 1):
            (work / "module_7.py").write_text(f"print('round {number}')\n")
            request = BuildRequest(found, commit(work), "", spec)
            for row in ("first build" if number == 0 else "commit to image", "the same again"):
                started_s = time.perf_counter()
                await builder.build(request)
                taken[row].append((time.perf_counter() - started_s) * 1000)
    finally:
        await builder.close()
    return taken


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        taken = asyncio.run(rounds(Path(folder)))
    print(f"the first build, which stages {FILES} files: {taken.pop('first build')[0]:.0f} ms")
    report(taken)
    median_ms = sorted(taken["commit to image"])[ROUNDS // 2]
    word = "within" if median_ms <= TARGET_MS else "above"
    print(f"coop's own time around a build: {median_ms:.0f} ms, {word} the target of {TARGET_MS} ms")


if __name__ == "__main__":
    main()
