"""A user with a home of their own, and a loopback server that answers as it is told."""

from __future__ import annotations

import http.server
import os
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from coop_core.clock import SystemClock
from coop_core.doctor.case import Case
from coop_core.paths import Home
from coop_core.settings import Cluster, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass
class Answer:
    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)


class Site:
    """Answers by path; what is not told is 404. asked: (method, path, Authorization) of each request."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, str, str]] = []
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def _answer(self) -> None:
                path = self.path.partition("?")[0]
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                site.asked.append((self.command, path, self.headers.get("Authorization", "")))
                answer = site.answers.get(path, Answer(404))
                self.send_response_only(answer.status)
                for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_POST = _answer  # noqa: N815 - the library's names

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.host = f"127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.close()


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    """Nothing is there yet but an empty folder."""
    for name in [name for name in os.environ if name.startswith(("GIT_", "DAGGER_", "COOP_", "DOCKER_"))]:
        monkeypatch.delenv(name)
    user = tmp_path / "user"
    user.mkdir()
    monkeypatch.setenv("HOME", str(user))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(user / "config"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    folder = tmp_path / "work"
    folder.mkdir()
    environ = {"HOME": str(user), "PATH": str(tmp_path / "bin")}
    return Case.of(Home.under(tmp_path / "coop"), folder, environ, SystemClock())


def on_cluster(case: Case, server: str, token: str = "s3cret-token") -> Case:
    """As a user of the cluster whose proxy is `server`."""
    path = case.home.config / "cluster.kubeconfig"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"""\
current-context: c
contexts: [{{name: c, context: {{cluster: c, user: u}}}}]
clusters: [{{name: c, cluster: {{server: 'http://{server}'}}}}]
users: [{{name: u, user: {{token: '{token}'}}}}]
""")
    path.chmod(0o600)
    return replace(case, settings=Settings(cluster=Cluster(kubeconfig=str(path))))
