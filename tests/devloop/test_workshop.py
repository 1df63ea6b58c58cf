"""The loop's hands: real repositories, the real builder, a bare remote beside them."""

from __future__ import annotations

import asyncio
import dataclasses
import subprocess
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from coop_core.build.local import LocalBuilder
from coop_core.build.request import BuildFailed, BuildRequest, Image, Pushing
from coop_core.build.request import Step as BuildStep
from coop_core.git import repository
from coop_devloop import events as e
from coop_devloop.decide import Build, Commit, Push, TakeSnapshot
from coop_devloop.workshop import Branch, Place, Workshop

if TYPE_CHECKING:
    from pathlib import Path

ENVIRONMENT = "dev-ada"
BRANCH = f"refs/heads/env/{ENVIRONMENT}"
PROGRAM = "name: hello\nrun: python -m app\n"


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    return subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    repository.create_bare(tmp_path / "hello.git")
    return tmp_path / "hello.git"


@pytest.fixture
def clone(tmp_path: Path, remote: Path) -> Path:
    return make_clone(tmp_path / "ada", remote)


def make_clone(folder: Path, remote: Path) -> Path:
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    git(folder, "remote", "add", "origin", str(remote))
    (folder / "coop.yaml").write_text(PROGRAM)
    (folder / "app.py").write_text("print('one')\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "start")
    return folder


def workshop(folder: Path, tmp_path: Path) -> Workshop:
    found = repository.find(folder)
    place = Place(found, "", "hello", ENVIRONMENT, repository.remote(found), "localhost")
    return Workshop(place, LocalBuilder(tmp_path / "images", tmp_path / "environments"))


async def up_to_commit(shop: Workshop) -> e.DeployCommitted | e.NothingToDeploy:
    taken = await shop.work(TakeSnapshot())
    assert isinstance(taken, e.SnapshotTaken), taken
    built = await shop.work(Build(taken.commit))
    assert isinstance(built, e.BuildFinished), built
    committed = await shop.work(Commit(taken.commit, built.image))
    assert isinstance(committed, (e.DeployCommitted, e.NothingToDeploy)), committed
    return committed


async def deploy(shop: Workshop) -> e.Event:
    committed = await up_to_commit(shop)
    assert isinstance(committed, e.DeployCommitted)
    return await shop.work(Push(committed.commit, committed.base))


async def test_a_dirty_tree_reaches_the_remotes_environment_branch(
    tmp_path: Path, remote: Path, clone: Path
) -> None:
    (clone / "app.py").write_text("print('two')\n")
    pushed = await deploy(workshop(clone, tmp_path))
    assert isinstance(pushed, e.Pushed)
    assert git(remote, "rev-parse", BRANCH) == pushed.commit
    files = git(remote, "ls-tree", "-r", "--name-only", BRANCH).splitlines()
    assert files == ["hello/deployment-hello.yaml", "hello/ingress-hello.yaml", "hello/service-hello.yaml"]
    message = git(remote, "log", "-1", "--format=%B", BRANCH)
    assert "Coop-Service: hello" in message
    assert git(clone, "status", "--porcelain") == "M app.py"


async def test_the_same_files_again_deploy_nothing(tmp_path: Path, remote: Path, clone: Path) -> None:
    pushed = await deploy(workshop(clone, tmp_path))
    assert isinstance(pushed, e.Pushed)
    assert await up_to_commit(workshop(clone, tmp_path)) == e.NothingToDeploy(pushed.commit)


async def test_a_commit_that_changes_no_file_deploys_nothing(tmp_path: Path, clone: Path) -> None:
    shop = workshop(clone, tmp_path)
    pushed = await deploy(shop)
    assert isinstance(pushed, e.Pushed)
    git(clone, "commit", "--allow-empty", "-qm", "empty")
    assert await up_to_commit(shop) == e.NothingToDeploy(pushed.commit)


async def test_being_overtaken_is_noticed_and_the_next_try_goes_on_top(
    tmp_path: Path, remote: Path, clone: Path
) -> None:
    mine, theirs = workshop(clone, tmp_path), workshop(make_clone(tmp_path / "bob", remote), tmp_path)
    assert isinstance(await deploy(mine), e.Pushed)
    (tmp_path / "bob" / "app.py").write_text("print('bob')\n")
    overtaking = await deploy(theirs)
    assert isinstance(overtaking, e.Pushed)
    (clone / "app.py").write_text("print('ada')\n")
    assert await deploy(mine) == e.PushOvertaken()
    pushed = await deploy(mine)
    assert isinstance(pushed, e.Pushed)
    assert git(remote, "rev-parse", f"{pushed.commit}^") == overtaking.commit


async def test_a_hook_that_refuses_is_quoted_and_will_not_pass(tmp_path: Path, remote: Path, clone: Path) -> None:
    hook = remote / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'environments are frozen' >&2\nexit 1\n")
    hook.chmod(0o755)
    failed = await deploy(workshop(clone, tmp_path))
    assert isinstance(failed, e.PushFailed)
    assert "environments are frozen" in failed.problem.why
    assert "whoever runs the Git server" in failed.problem.remedy
    assert not failed.problem.can_pass


async def test_a_network_that_is_away_may_come_back(tmp_path: Path, clone: Path) -> None:
    git(clone, "remote", "set-url", "origin", "http://127.0.0.1:1/hello.git")
    shop = workshop(clone, tmp_path)
    taken = await shop.work(TakeSnapshot())
    assert isinstance(taken, e.SnapshotTaken)
    built = await shop.work(Build(taken.commit))
    assert isinstance(built, e.BuildFinished)
    stuck = await shop.work(Commit(taken.commit, built.image))
    assert isinstance(stuck, e.DeployFailed)
    assert stuck.problem.can_pass
    assert "git remote -v" in stuck.problem.remedy


async def test_a_mistake_in_coop_yaml_names_the_line_and_leaves_the_remote_alone(
    tmp_path: Path, remote: Path, clone: Path
) -> None:
    (clone / "coop.yaml").write_text("name: hello\nrun: python -m app\nport: eighty\n")
    shop = workshop(clone, tmp_path)
    taken = await shop.work(TakeSnapshot())
    assert isinstance(taken, e.SnapshotTaken)
    failed = await shop.work(Build(taken.commit))
    assert isinstance(failed, e.BuildFailed)
    assert "coop.yaml:3" in f"{failed.problem.what} {failed.problem.why}"
    assert not git(remote, "for-each-ref")


async def test_a_service_in_a_subfolder_names_its_own_files(tmp_path: Path, clone: Path) -> None:
    folder = clone / "services" / "web"
    folder.mkdir(parents=True)
    (folder / "coop.yaml").write_text("name: web\nrun: python -m app\n")
    found = repository.find(folder)
    place = Place(found, "services/web", "web", ENVIRONMENT, repository.remote(found), "localhost")
    shop = Workshop(place, LocalBuilder(tmp_path / "images", tmp_path / "environments"))
    assert isinstance(await deploy(shop), e.Pushed)
    (folder / "app.py").write_text("print('web')\n")
    (clone / "app.py").write_text("print('other')\n")
    taken = await shop.work(TakeSnapshot())
    assert isinstance(taken, e.SnapshotTaken)
    assert taken.changed == ("app.py",)


async def test_what_somebody_else_deployed_meanwhile_is_never_taken_for_ones_own(
    tmp_path: Path, remote: Path, clone: Path
) -> None:
    mine, theirs = workshop(clone, tmp_path), workshop(make_clone(tmp_path / "bob", remote), tmp_path)
    assert isinstance(await deploy(mine), e.Pushed)
    (tmp_path / "bob" / "app.py").write_text("print('bob')\n")
    assert isinstance(await deploy(theirs), e.Pushed)
    again = await up_to_commit(mine)
    assert isinstance(again, e.DeployCommitted)
    assert again.base == git(remote, "rev-parse", BRANCH)


async def test_two_services_of_one_loop_go_on_top_of_each_other_without_asking_the_remote(
    tmp_path: Path, remote: Path, clone: Path
) -> None:
    folder = clone / "web"
    folder.mkdir()
    (folder / "coop.yaml").write_text("name: web\nrun: python -m app\n")
    found, branch = repository.find(clone), Branch()
    builder = LocalBuilder(tmp_path / "images", tmp_path / "environments")
    hello, web = (
        Workshop(Place(found, prefix, name, ENVIRONMENT, repository.remote(found), "localhost"), builder, branch)
        for prefix, name in (("", "hello"), ("web", "web"))
    )
    first, second = await up_to_commit(hello), await up_to_commit(web)
    assert isinstance(first, e.DeployCommitted)
    assert isinstance(second, e.DeployCommitted)
    assert isinstance(await hello.work(Push(first.commit, first.base)), e.Pushed)
    assert await web.work(Push(second.commit, second.base)) == e.PushOvertaken()
    assert branch == Branch(first.commit, is_known=True)
    assert isinstance(await deploy(web), e.Pushed)
    assert git(remote, "ls-tree", "--name-only", BRANCH).split() == ["hello", "web"]


async def test_a_change_that_is_ignored_is_none_and_one_beside_it_counts(tmp_path: Path, clone: Path) -> None:
    (clone / "coop.yaml").write_text(f"{PROGRAM}watch: {{ignore: ['*.md']}}\n")
    (clone / ".dockerignore").write_text("tests\n")
    shop = workshop(clone, tmp_path)
    await shop.work(TakeSnapshot())
    (clone / "README.md").write_text("hello")
    (clone / "tests").mkdir()
    (clone / "tests" / "test_app.py").write_text("")
    ignored = await shop.work(TakeSnapshot())
    assert isinstance(ignored, e.SnapshotTaken)
    assert (ignored.changed, ignored.is_same) == ((), True)
    (clone / "README.md").write_text("more")
    (clone / "app.py").write_text("print('two')\n")
    counted = await shop.work(TakeSnapshot())
    assert isinstance(counted, e.SnapshotTaken)
    assert (counted.changed, counted.is_same) == (("app.py",), False)
    assert counted.saved_s == (clone / "app.py").stat().st_mtime


async def test_a_snapshot_that_another_command_took_hides_no_change(tmp_path: Path, clone: Path) -> None:
    shop = workshop(clone, tmp_path)
    await shop.work(TakeSnapshot())
    (clone / "app.py").write_text("print('two')\n")
    await workshop(clone, tmp_path).work(TakeSnapshot())
    taken = await shop.work(TakeSnapshot())
    assert isinstance(taken, e.SnapshotTaken)
    assert not taken.is_same


async def test_a_service_that_is_renamed_meanwhile_is_not_deployed_under_its_old_name(
    tmp_path: Path, clone: Path
) -> None:
    shop = workshop(clone, tmp_path)
    (clone / "coop.yaml").write_text(PROGRAM.replace("hello", "hullo"))
    taken = await shop.work(TakeSnapshot())
    assert isinstance(taken, e.SnapshotTaken)
    failed = await shop.work(Build(taken.commit))
    assert isinstance(failed, e.BuildFailed)
    assert "hullo" in failed.problem.why


async def test_names_of_files_are_fit_for_the_event_log_and_the_terminal(tmp_path: Path, clone: Path) -> None:
    shop = workshop(clone, tmp_path)
    await shop.work(TakeSnapshot())
    (clone / "b\udcffad\x1b[31m").write_text("")
    taken = await shop.work(TakeSnapshot())
    assert isinstance(taken, e.SnapshotTaken)
    assert taken.changed == ("bad",)


class FailingBuilder:
    """Tells a step and then fails, as a builder with a Dockerfile does."""

    def prepare(self) -> None: ...

    async def close(self) -> None: ...

    async def build(self, request: BuildRequest) -> Image:
        request.progress(BuildStep("run make", was_cached=False, took_ms=3.0, has_failed=True))
        raise BuildFailed("cannot build hello", "`make` ended with 2", "correct it and save", ("no input",))


async def test_a_builds_steps_and_its_last_lines_become_events(clone: Path, tmp_path: Path) -> None:
    shop = Workshop(workshop(clone, tmp_path).place, FailingBuilder())
    taken = await shop.work(TakeSnapshot())
    assert isinstance(taken, e.SnapshotTaken)
    failed = await shop.work(Build(taken.commit))
    problem = e.Problem("cannot build hello", "`make` ended with 2", "correct it and save")
    assert failed == e.BuildFailed(problem, ("no input",))
    async with aclosing(shop.progress()) as told:
        assert await anext(told) == e.BuildStepped("run make", was_cached=False, took_ms=3.0, has_failed=True)


class PushingBuilder(FailingBuilder):
    """Needs some time to make an image, and some to push it."""

    async def build(self, request: BuildRequest) -> Image:
        await asyncio.sleep(0.01)
        request.progress(Pushing())
        await asyncio.sleep(0.02)
        return Image("registry.example.org/hello@sha256:" + "0" * 64, was_cached=False)


async def test_the_push_of_an_image_has_its_own_time_beside_the_builds(clone: Path, tmp_path: Path) -> None:
    shop = Workshop(workshop(clone, tmp_path).place, PushingBuilder())
    taken = await shop.work(TakeSnapshot())
    assert isinstance(taken, e.SnapshotTaken)
    built = await shop.work(Build(taken.commit))
    assert isinstance(built, e.BuildFinished)
    assert built.took_ms >= 10
    assert built.push_ms >= 20
    async with aclosing(shop.progress()) as told:
        assert await anext(told) == e.ImageBuilt(taken.commit, built.took_ms)


async def test_where_no_image_is_pushed_no_time_goes_into_it(clone: Path, tmp_path: Path) -> None:
    shop = workshop(clone, tmp_path)
    taken = await shop.work(TakeSnapshot())
    assert isinstance(taken, e.SnapshotTaken)
    built = await shop.work(Build(taken.commit))
    assert isinstance(built, e.BuildFinished)
    assert built.took_ms > 0
    assert built.push_ms == 0


@pytest.mark.parametrize(("lifetime_s", "expires"), [(3600.0, True), (None, False)])
async def test_how_long_the_environment_stays_is_written_into_git(
    tmp_path: Path, remote: Path, clone: Path, lifetime_s: float | None, expires: bool
) -> None:
    shop = workshop(clone, tmp_path)
    shop.place = dataclasses.replace(shop.place, lifetime_s=lifetime_s)
    assert isinstance(await deploy(shop), e.Pushed)
    assert ("Coop-Expires:" in git(remote, "log", "-1", "--format=%B", BRANCH)) is expires


async def test_a_commit_that_somebody_put_on_top_proves_ones_own_also_before_it_was_fetched(
    tmp_path: Path, remote: Path, clone: Path
) -> None:
    mine, theirs = workshop(clone, tmp_path), workshop(make_clone(tmp_path / "bob", remote), tmp_path)
    first = await deploy(mine)
    assert isinstance(first, e.Pushed)
    (tmp_path / "bob" / "app.py").write_text("print('bob')\n")
    second = await deploy(theirs)
    assert isinstance(second, e.Pushed)
    assert await mine.comes_after(first.commit, second.commit)
    assert not await mine.comes_after(second.commit, first.commit)
    assert not await mine.comes_after(first.commit, "0" * 40)
    assert not await mine.comes_after(first.commit, "--help")
