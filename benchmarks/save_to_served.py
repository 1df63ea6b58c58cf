"""From an atomic save of one file to the first HTTP answer with the new content: coop dev against uvicorn --reload.

Two pairs, in turns in one run:

- "sample app": coop runs sample-app with its own small server; uvicorn serves the same message.
- "same server": both run the very same ASGI program under uvicorn, so that only the loops differ. It needs uvicorn
  to be installable (pip's cache or network), and is left out with a word where it is not.

For coop, the remote's environment branch must have moved before an answer counts.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from timing import report

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
COOP = str(Path(sys.executable).with_name("coop"))
MESSAGE = "Hello from coop"
LIMIT_S = 60.0
POLL_S = 0.002

ASGI = """\
from hello import MESSAGE


async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": MESSAGE.encode()})
"""


@dataclass
class Contestant:
    """A loop that watches `file` and serves what it says. `branch` must move before an answer counts."""

    name: str
    file: Path
    port: int
    host: str
    remote: Path | None = None
    branch: str = ""
    taken_ms: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.original = self.file.read_text()
        assert MESSAGE in self.original

    def get(self) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/", headers={"Host": self.host})
            return connection.getresponse().read().decode()
        except (OSError, http.client.HTTPException):
            return ""
        finally:
            connection.close()

    def head(self) -> str:
        if self.remote is None:
            return ""
        command = ["git", "-C", str(self.remote), "rev-parse", "--verify", "--quiet", self.branch]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

    def wait_for(self, text: str, *, moved_from: str | None) -> None:
        deadline_s = time.monotonic() + LIMIT_S
        while text not in self.get() or (moved_from is not None and self.head() == moved_from):
            if time.monotonic() > deadline_s:
                sys.exit(f"{self.name}: {text!r} was not served within {LIMIT_S:g} s")
            time.sleep(POLL_S)

    def play(self, number: int) -> None:
        text = f"Round {number} of {self.name}"
        new = self.file.with_name(f".{self.file.name}.new")
        new.write_text(self.original.replace(MESSAGE, text))
        before = self.head() if self.remote else None
        started_s = time.perf_counter()
        new.replace(self.file)
        self.wait_for(text, moved_from=before)
        self.taken_ms.append((time.perf_counter() - started_s) * 1000)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def new_home(stack: contextlib.ExitStack) -> tuple[Path, dict[str, str], int]:
    """A folder that goes with the stack, what makes coop live in it, and the port of its platform."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="coop-bench-")))
    port = free_port()
    homes = {f"XDG_{kind}_HOME": str(folder / kind) for kind in ("CONFIG", "STATE", "CACHE")}
    environ = {**os.environ, **homes}
    settings = folder / "CONFIG" / "coop" / "settings.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text(f'user = "bench"\nport = {port}\n')
    stack.callback(subprocess.run, [COOP, "platform", "down"], env=environ, check=False, capture_output=True)
    return folder, environ, port


@contextlib.contextmanager
def process(command: list[str], folder: Path, environ: dict[str, str]) -> Iterator[None]:
    with (folder.parent / f"{folder.name}.log").open("wb") as log:
        running = subprocess.Popen(
            command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            yield
        finally:
            running.terminate()
            running.wait(30)


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


def copy_of_sample(folder: Path, name: str) -> Path:
    target = folder / name
    shutil.copytree(ROOT / "sample-app", target, ignore=shutil.ignore_patterns("__pycache__"))
    spec = target / "coop.yaml"
    spec.write_text(spec.read_text().replace("name: hello", f"name: {name}"))
    return target


def coop(stack: contextlib.ExitStack, folder: Path, name: str, environ: dict[str, str], port: int) -> Contestant:
    """coop dev in `folder`, with a bare repository beside it as its remote."""
    remote = folder.parent / f"{name}.git"
    git(folder.parent, "init", "--quiet", "--bare", str(remote))
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "-c", "user.name=bench", "-c", "user.email=bench@localhost", "add", "-A")
    git(folder, "-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "-qm", "start")
    git(folder, "remote", "add", "origin", str(remote))
    stack.enter_context(process([COOP, "dev"], folder, environ))
    host = f"{name}.dev-bench.localhost"
    return Contestant(f"coop dev, {name}", message_file(folder), port, host, remote, "refs/heads/env/dev-bench")


def message_file(folder: Path) -> Path:
    return next(path for path in sorted(folder.rglob("*.py")) if MESSAGE in path.read_text())


def uvicorn(stack: contextlib.ExitStack, folder: Path, name: str) -> Contestant:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "asgi:app", "--port", str(port), "--reload"]
    stack.enter_context(process(command, folder, dict(os.environ)))
    return Contestant(f"uvicorn --reload, {name}", message_file(folder), port, "localhost")


def with_asgi(folder: Path, *, for_coop: bool) -> Path:
    """Adds the ASGI program that serves the sample's message; for coop also how to run it."""
    (folder / "asgi.py").write_text(ASGI)
    if for_coop:
        (folder / "requirements.txt").write_text("uvicorn\n")
        kept = [
            line
            for line in (folder / "coop.yaml").read_text().splitlines()
            if not line.startswith(("run:", "health:"))
        ]
        run = 'run: python -m uvicorn asgi:app --port "$PORT" --no-access-log'
        (folder / "coop.yaml").write_text("\n".join([*kept, run]) + "\n")
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--only", choices=["sample", "same-server"])
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder, environ, port = new_home(stack)
        for pair in ("sample", "same-server"):
            if given.only in (None, pair):
                run_pair(folder, pair, environ, port, given.rounds)


def run_pair(folder: Path, pair: str, environ: dict[str, str], port: int, rounds: int) -> None:
    mine, theirs = copy_of_sample(folder, pair), copy_of_sample(folder, f"{pair}-rival")
    with contextlib.ExitStack() as stack:
        with_asgi(theirs, for_coop=False)
        if pair == "same-server":
            with_asgi(mine, for_coop=True)
        contestants = [coop(stack, mine, pair, environ, port), uvicorn(stack, theirs, pair)]
        for contestant in contestants:
            contestant.wait_for(MESSAGE, moved_from=None)
        for number in range(rounds):
            for contestant in contestants:
                contestant.play(number)
        report({contestant.name: contestant.taken_ms for contestant in contestants})


if __name__ == "__main__":
    main()
