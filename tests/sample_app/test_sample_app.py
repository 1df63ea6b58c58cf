from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLE = Path(__file__).parents[2] / "sample-app"


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAMPLE, tmp_path / "app", ignore=shutil.ignore_patterns("__pycache__")))


@contextmanager
def running(folder: Path, **env: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The program and its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "hello"], cwd=folder, stdout=subprocess.PIPE, text=True,
        env={"PATH": os.environ["PATH"], "PORT": "0", "HOST": "127.0.0.1", **env},
    )  # fmt: skip
    assert process.stdout is not None
    with process.stdout:
        try:
            yield process, int(process.stdout.readline().removeprefix("listening on port "))
        finally:
            process.kill()
            process.wait()


def get(connection: http.client.HTTPConnection, path: str = "/", method: str = "GET") -> tuple[int, str]:
    connection.request(method, path)
    response = connection.getresponse()
    return response.status, response.read().decode()


def test_its_own_tests_pass(sample: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "unittest"], cwd=sample, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def test_it_answers_with_the_message_and_the_greeting(sample: Path) -> None:
    with running(sample, GREETING="good day") as (_, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        assert get(connection) == (200, "Hello from coop\ngood day\n")
        assert connection.sock is not None  # kept alive
        assert get(connection, "/healthz?x=1") == (200, "ok\n")
        assert get(connection, "/nothing")[0] == 404
        assert get(connection, "/", "HEAD") == (200, "")
        assert get(connection, "/", "POST")[0] == 405
        connection.close()


@pytest.mark.parametrize("raw", [
    b"nonsense\r\n\r\n", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
])  # fmt: skip
def test_a_request_it_does_not_understand_is_refused_and_the_connection_closed(sample: Path, raw: bytes) -> None:
    with running(sample) as (_, port), socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(raw)
        with client.makefile("rb") as lines:
            assert lines.read().startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_it_stops_at_once_and_cleanly_with_idle_clients(sample: Path) -> None:
    with running(sample) as (process, port), socket.create_connection(("127.0.0.1", port), timeout=5) as idle:
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
        assert idle.recv(1) == b""


def test_a_request_under_way_is_answered_before_it_stops(sample: Path) -> None:
    answers = sample / "hello" / "answers.py"
    slow = "import sys\n    print('asked', flush=True)\n    import time; time.sleep(0.3)\n    if method not in"
    answers.write_text(answers.read_text().replace("if method not in", slow))
    with running(sample) as (process, port), socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert process.stdout is not None
        assert process.stdout.readline() == "asked\n"
        process.send_signal(signal.SIGTERM)
        with client.makefile("rb") as lines:
            answer = lines.read()
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"Connection: close" in answer
        assert process.wait(5) == 0


def test_its_spec_and_resources_render() -> None:
    from coop_core.manifests import Target, render
    from coop_core.spec import parse, parse_extras

    files = {str(path.relative_to(SAMPLE)): path.read_bytes() for path in SAMPLE.rglob("*.yaml")}
    found = render(parse(files["coop.yaml"]), Target("main", "a" * 40), "image", parse_extras(files))
    assert "configmap-hello-notes.yaml" in found
