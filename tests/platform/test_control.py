"""Starting and stopping from outside, when what is on disk tells of a platform that is no more."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from coop_core.errors import CoopError, ExitCode
from coop_core.local.runtime import processes
from coop_core.paths import Home
from coop_core.platform import control, record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home whose platform is starting: somebody holds the lock."""
    home = Home.under(tmp_path)
    home.platform.mkdir(parents=True)
    with record.lock_file(home.platform).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield home


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    yield process
    assert process.stdin is not None
    process.stdin.close()
    process.wait(10)


def of(pid: int, began: str) -> record.Record:
    return record.Record(pid, began, 0.0, "ada", 1, 2, 3)


def test_a_record_speaks_for_its_own_process_alone(home: Home, stranger: subprocess.Popen[bytes]) -> None:
    own = processes.identify(os.getpid())
    assert own is not None
    record.write(home.platform, of(own.pid, own.began))
    assert record.living(home.platform) == of(own.pid, own.began)
    record.write(home.platform, of(stranger.pid, own.began + "0"))
    assert record.living(home.platform) is None


def test_stopping_leaves_a_stranger_with_a_dead_platforms_pid_alone(
    home: Home, stranger: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    record.write(home.platform, of(stranger.pid, "long ago"))
    monkeypatch.setattr(control, "STOP_LIMIT_S", 0.0)
    with pytest.raises(CoopError) as caught:
        control.down(home)
    assert caught.value.exit_code == ExitCode.BUSY
    assert "try again" in caught.value.remedy
    assert stranger.poll() is None


def test_starting_does_not_take_a_dead_platforms_record_for_the_one_that_starts(
    home: Home, stranger: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    record.write(home.platform, of(stranger.pid, "long ago"))
    monkeypatch.setattr(control, "START_LIMIT_S", 0.2)
    with pytest.raises(CoopError) as caught:
        control.up(home, port=0, user="ada")
    assert "another one has been starting" in caught.value.why


@pytest.mark.parametrize("name", ["platform.log", "tls", "pods", "tokens.json"])
def test_what_the_system_refuses_a_starting_platform_is_told(tmp_path: Path, name: str) -> None:
    home = Home.under(tmp_path)
    taken = home.platform / name
    if name in ("tls", "pods"):
        home.platform.mkdir(parents=True)
        taken.write_text("not a folder")
    else:
        taken.mkdir(parents=True)
    with pytest.raises(CoopError) as caught:
        control.up(home, port=0, user="ada")
    assert caught.value.what == "cannot start the local platform"
    assert str(taken) in caught.value.why
    assert "ended before it was ready" not in caught.value.why
    assert not record.is_held(home.platform)
