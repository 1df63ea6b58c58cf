"""`coop demo --no-ui`: the whole story, twice, and what is left of it."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.whole.whole_kit import wait_until

if TYPE_CHECKING:
    from tests.whole.whole_kit import User


@pytest.fixture
def user_with_tmp(user: User, tmp_path: Path) -> User:
    """A user whose temporary folder is seen by nobody else."""
    (tmp_path / "tmp").mkdir()
    user.environ["TMPDIR"] = str(tmp_path / "tmp")
    return user


def left_in_tmp(user: User) -> list[str]:
    return os.listdir(user.environ["TMPDIR"])


def test_it_shows_the_whole_path_and_leaves_nothing_the_second_time_too(user_with_tmp: User) -> None:
    for run in ("first", "second"):
        done = user_with_tmp.coop("demo", "--no-ui")
        assert done.code == 0, f"{run}: {done.out}{done.err}"
        assert "answers 'Hello from a save'" in done.out
        assert "still answers 'Hello from coop'" in done.out
        table = done.out[done.out.index("phase") :]
        for phase in ("platform", "main", "dev-ada", "save", "snapshot", "build", "commit", "push", "rollout"):
            assert phase in table
        assert left_in_tmp(user_with_tmp) == []
        assert demo_processes(user_with_tmp) == []


def test_without_a_terminal_it_narrates_unasked(user_with_tmp: User) -> None:
    done = user_with_tmp.coop("demo")
    assert done.code == 0, done.err
    assert "from the save to the first new answer" in done.out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_it_half_way_leaves_nothing_and_is_no_success(user_with_tmp: User, number: signal.Signals) -> None:
    demo = user_with_tmp.start("demo", "--no-ui")
    demo.until("a local platform")
    assert demo_processes(user_with_tmp) != []
    assert demo.stop(number) != 0
    assert "Traceback" not in demo.text
    assert left_in_tmp(user_with_tmp) == []
    wait_until(lambda: demo_processes(user_with_tmp) == [], "nothing runs any more")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_it_while_the_platform_starts_leaves_nothing(user_with_tmp: User, number: signal.Signals) -> None:
    demo = user_with_tmp.start("demo", "--no-ui")
    wait_until(lambda: list(Path(user_with_tmp.environ["TMPDIR"]).rglob("platform.err")), "the platform starts")
    assert demo.stop(number) != 0
    assert "Traceback" not in demo.text
    wait_until(lambda: demo_processes(user_with_tmp) == [], "nothing runs any more")
    assert left_in_tmp(user_with_tmp) == []


def demo_processes(user: User) -> list[str]:
    """What runs out of the demo's own folder."""
    import psutil

    found = []
    for process in psutil.process_iter():
        try:
            if user.environ["TMPDIR"] in " ".join([process.cwd(), *process.cmdline()]):
                found.append(" ".join(process.cmdline()))
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


def test_the_dashboard_says_what_to_do_where_a_terminal_is_missing(user: User) -> None:
    refused = user.coop("ui")
    assert refused.code == 2
    assert "hint: coop status prints the same once" in refused.err
    assert user.processes() == []
