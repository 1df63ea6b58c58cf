"""The installed `coop`, run as a person runs it: its own home, a bare environment, real processes."""

from __future__ import annotations

import http.client
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from coop_core.platform import record as records

if TYPE_CHECKING:
    from collections.abc import Callable

    from coop_core.paths import Home

LIMIT_S = 30.0
COOP = str(Path(sys.executable).with_name("coop"))


def wait_until(true: Callable[[], object], what: str | Callable[[], str], limit_s: float = LIMIT_S) -> None:
    """Returns once `true()` is; fails the test with `what` as it is then, when that takes too long."""
    deadline_s = time.monotonic() + limit_s
    while not true():
        if time.monotonic() > deadline_s:
            pytest.fail(f"after {limit_s:g} s still not: {what if isinstance(what, str) else what()}")
        time.sleep(0.02)


@dataclass
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass
class Running:
    """A command that goes on, and what it has printed so far."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                self.lines.append(line.rstrip("\n"))

    def close(self) -> None:
        """Kills it if it still runs, and reads what it said to the end."""
        self.process.kill()
        self.process.wait()
        self._reader.join(LIMIT_S)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def until(self, *wanted: str) -> None:
        """Waits until one of `wanted` was printed."""
        wait_until(
            lambda: any(text in self.text for text in wanted) or self.process.poll() is not None,
            lambda: f"{wanted} in\n{self.text}",
        )
        assert any(text in self.text for text in wanted), self.text

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(LIMIT_S)


@dataclass
class User:
    """Somebody at a terminal, in `folder`."""

    home: Home
    folder: Path
    environ: dict[str, str]
    running: list[Running] = field(default_factory=list)

    def coop(self, *arguments: str, folder: Path | None = None) -> Done:
        done = subprocess.run(
            [COOP, *arguments],
            cwd=folder or self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str, folder: Path | None = None) -> Running:
        process = subprocess.Popen(
            [COOP, *arguments],
            cwd=folder or self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        running = Running(process)
        self.running.append(running)
        return running

    def git(self, *arguments: str, folder: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=folder or self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def platform(self) -> records.Record:
        record = records.living(self.home.platform)
        assert record is not None
        return record

    def get(self, host: str) -> str:
        """What answers at `/` for a host; "" when nobody does, or with anything but 200."""
        connection = http.client.HTTPConnection("127.0.0.1", self.platform().http_port, timeout=5)
        try:
            connection.request("GET", "/", headers={"Host": host})
            response = connection.getresponse()
            text = response.read().decode()
            return text if response.status == 200 else ""
        except (OSError, http.client.HTTPException):
            return ""
        finally:
            connection.close()

    def processes(self) -> list[str]:
        """Command lines of everything that runs out of this user's home."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("XDG_STATE_HOME") == str(self.home.state.parent) or str(
                    self.home.cache
                ) in " ".join([process.cwd(), *process.cmdline()]):
                    found.append(" ".join(process.cmdline()))
            except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                continue
        return found


PROGRAM = """\
import http.server, os

MESSAGE = "{message}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = MESSAGE.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


print("listening with", MESSAGE, flush=True)
http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""


DYING = {
    "syntax error": ("def oops(:\n", "SyntaxError"),
    "crash at start": ("raise SystemExit('the database is on fire')\n", "the database is on fire"),
}
"""Programs that do not live, and what is in their last words."""


def write_service(folder: Path, message: str) -> None:
    (folder / "coop.yaml").write_text("name: hello\nrun: python app.py\nhealth: /\n")
    save(folder / "app.py", PROGRAM.format(message=message))


def save(path: Path, text: str) -> None:
    """As editors do: a new file in the place of the old one."""
    new = path.with_name(f".{path.name}.new")
    new.write_text(text)
    new.replace(path)
