"""Which remote the local platform reads, when a repository gets another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.whole.whole_kit import wait_until, write_service

if TYPE_CHECKING:
    from tests.whole.whole_kit import User


def test_a_repository_that_gets_a_remote_later_is_live_from_there(user: User) -> None:
    user.git("init", "--quiet")
    write_service(user.folder, "one")
    user.git("add", "-A")
    user.git("commit", "--quiet", "-m", "start")
    first = user.start("dev", "--no-logs", "--on-exit", "keep")
    first.until("live")
    first.stop()
    remote = user.folder.parent / "hello.git"
    user.git("init", "--bare", "--quiet", str(remote))
    user.git("remote", "add", "origin", str(remote))
    write_service(user.folder, "two")
    second = user.start("dev", "--no-logs", "--on-exit", "keep")
    second.until("live")
    wait_until(lambda: user.get("hello.dev-ada.localhost") == "two", "the new version answers")
    assert user.git("for-each-ref", "--format=%(refname)", folder=remote) == "refs/heads/env/dev-ada"
