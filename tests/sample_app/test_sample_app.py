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


def get(port: int, path: str = "/") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def test_its_own_tests_pass(sample: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "unittest"], cwd=sample, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def test_it_answers_with_the_message_and_the_greeting(sample: Path) -> None:
    with running(sample, GREETING="good day") as (_, port):
        assert get(port) == (200, "Hello from coop\ngood day\n")
        assert get(port, "/healthz?x=1") == (200, "ok\n")
        assert get(port, "/nothing")[0] == 404


def test_it_stops_cleanly_when_it_is_asked_to(sample: Path) -> None:
    with running(sample) as (process, port):
        assert get(port)[0] == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
        assert process.stdout is not None
        assert process.stdout.read() == "stopped\n"


def test_a_request_under_way_is_answered_before_it_stops(sample: Path) -> None:
    answers = sample / "hello" / "answers.py"
    slow = 'print("asked", flush=True)\n    import time; time.sleep(0.3)\n    if path == "/healthz"'
    answers.write_text(answers.read_text().replace('if path == "/healthz"', slow))
    with running(sample) as (process, port), socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert process.stdout is not None
        assert process.stdout.readline() == "asked\n"
        process.send_signal(signal.SIGTERM)
        with client.makefile("rb") as lines:
            assert lines.read().startswith(b"HTTP/1.0 200 OK\r\n")
        assert process.wait(5) == 0


def test_its_spec_and_resources_render() -> None:
    from coop_core.manifests import Target, render
    from coop_core.spec import parse, parse_extras

    files = {str(path.relative_to(SAMPLE)): path.read_bytes() for path in SAMPLE.rglob("*.yaml")}
    found = render(parse(files["coop.yaml"]), Target("main", "a" * 40), "image", parse_extras(files))
    assert "configmap-hello-notes.yaml" in found
