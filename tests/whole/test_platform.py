"""`coop platform`: starting, finding, stopping, and dying."""

from __future__ import annotations

import os
import pty
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from coop_core.platform import record as records
from tests.whole.whole_kit import COOP, wait_until

if TYPE_CHECKING:
    from tests.whole.whole_kit import User


def test_it_comes_up_once_and_goes_down_without_a_trace(user: User) -> None:
    first = user.coop("platform", "up")
    assert first.code == 0, first.err
    assert "is ready after" in first.out
    again = user.coop("platform", "up")
    assert "runs already" in again.out
    status = user.coop("platform", "status")
    assert status.code == 0
    assert "dev-ada" in status.out
    assert user.coop("platform", "down").out == "The local platform is stopped.\n"
    assert user.processes() == []
    assert user.coop("platform", "down").out == "The local platform was not running.\n"
    down = user.coop("platform", "status")
    assert down.code == 1
    assert "coop platform up" in down.out


def test_a_taken_port_is_named_with_the_way_out(user: User) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = user.coop("platform", "up", "--port", str(port))
    assert refused.code == 6
    assert str(port) in refused.err
    assert "hint: coop platform up --port" in refused.err
    assert user.processes() == []


@pytest.mark.parametrize("command", ["dev", "kubeconfig", "ui"])
def test_a_taken_port_is_named_by_every_command_that_starts_a_platform(service: User, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        service.home.settings_file.write_text(f'user = "ada"\nport = {port}\n')
        terminal, line = pty.openpty()
        refused = subprocess.run(
            [COOP, command],
            cwd=service.folder,
            env=service.environ,
            stdin=line,
            stdout=line,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
        os.close(line)
        os.close(terminal)
    assert refused.returncode == 6, refused.stderr
    assert str(port) in refused.stderr
    assert "hint: coop platform up --port" in refused.stderr
    assert service.processes() == []


def test_commands_that_start_at_once_share_one_platform(user: User) -> None:
    commands = [("platform", "up"), ("platform", "up"), ("kubeconfig",)]
    starting = [user.start(*arguments) for arguments in commands]
    codes = [one.process.wait(60) for one in starting]
    assert codes == [0, 0, 0], [one.text for one in starting]
    platforms = [line for line in user.processes() if "coop_core.platform" in line]
    assert len(platforms) == 1


def test_after_kill_9_a_new_one_takes_over_the_same_home_and_ports(user: User) -> None:
    assert user.coop("platform", "up").code == 0
    before = user.platform()
    os.kill(before.pid, signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(before.pid), "the platform is dead")
    assert user.coop("platform", "status").code == 1
    assert user.coop("platform", "up").code == 0
    after = user.platform()
    assert after.pid != before.pid
    assert (after.api_port, after.proxy_port) == (before.api_port, before.proxy_port)


def test_a_platform_bound_to_its_starter_dies_with_it(user: User) -> None:
    program = (
        "import os, signal\nfrom coop_core.paths import Home\nfrom coop_core.platform import control\n"
        "control.up(Home.from_environment(), port=0, user='ada', bound_to_caller=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    starter = subprocess.run([sys.executable, "-c", program], env=user.environ, check=False, timeout=60)
    assert starter.returncode == -signal.SIGKILL
    wait_until(lambda: not records.is_held(user.home.platform), "the platform noticed")
    wait_until(lambda: user.processes() == [], "nothing is left")


def test_status_starts_nothing(user: User) -> None:
    seen = user.coop("status")
    assert (seen.code, seen.out) == (5, "")
    assert "the local platform is not running" in seen.err
    assert "hint: coop platform up" in seen.err
    assert user.processes() == []


def test_a_mistake_in_the_settings_names_file_and_keys(user: User) -> None:
    user.home.settings_file.write_text("porrt = 1\n")
    refused = user.coop("platform", "up")
    assert refused.code == 3
    assert str(user.home.settings_file) in refused.err
    assert 'hint: did you mean "port"? The keys are user, remote, ' in refused.err


def test_secrets_stay_in_files_that_only_their_owner_reads(user: User) -> None:
    assert user.coop("platform", "up").code == 0
    path = user.coop("kubeconfig").out.strip()
    assert oct(os.stat(path).st_mode)[-3:] == "600"
    assert oct(os.stat(user.home.platform).st_mode)[-3:] == "700"
    token = next(line.split()[1] for line in Path(path).read_text().splitlines() if "token:" in line)
    log = (user.home.platform / "platform.log").read_text()
    assert token not in log
    assert token not in " ".join(user.processes())


def test_a_platform_that_was_stopped_comes_back_where_it_was(user: User) -> None:
    user.home.settings_file.write_text('user = "n"\nport = 0\n')
    assert user.coop("platform", "up").code == 0
    before = user.platform()
    assert user.coop("platform", "down").code == 0
    assert user.coop("platform", "up").code == 0
    after = user.platform()
    assert after.process != before.process
    assert (after.proxy_port, after.api_port) == (before.proxy_port, before.api_port)
    # To kubectl's YAML, a plain n is false.
    assert "user: 'n'" in (user.home.platform / "kubeconfig").read_text()
