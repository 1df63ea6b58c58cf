"""The folder that is uploaded: always one commit, changed by what differs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from coop_core.build import folder, staging
from coop_core.errors import CoopError
from coop_core.git import repository
from coop_core.git.objects import Objects

if TYPE_CHECKING:
    from pathlib import Path

    from tests.build_dagger.kit import Kit


class Stage:
    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.held = folder.claim(kit.folder / "staged")

    def bring(self, stops_after: int | None = None) -> None:
        commit = self.kit.commit()
        asked = 0

        def is_stopped() -> bool:
            nonlocal asked
            asked += 1
            return stops_after is not None and asked > stops_after

        with Objects(repository.find(self.kit.work).git) as objects:
            entries = staging.program(objects.walk(objects.tree(commit) or ""))
            self.held.bring(objects, entries, is_stopped)

    def files(self) -> dict[str, str]:
        root = self.held.root
        return {p.relative_to(root).as_posix(): p.read_text() for p in sorted(root.rglob("*")) if p.is_file()}


@pytest.fixture
def stage(kit: Kit) -> Stage:
    return Stage(kit)


def test_files_come_change_and_go_and_those_that_stay_keep_their_times(stage: Stage) -> None:
    stage.kit.write("keep.txt", "x")
    stage.kit.write("deep/er/gone.txt", "x")
    stage.bring()
    os.utime(stage.held.root / "keep.txt", (1, 1))
    stage.kit.write("hello.py", "two")
    stage.kit.write("new/file.txt", "x")
    (stage.kit.work / "deep" / "er" / "gone.txt").unlink()
    stage.bring()
    assert stage.files() == {"hello.py": "two", "keep.txt": "x", "new/file.txt": "x"}
    assert (stage.held.root / "keep.txt").stat().st_mtime == 1
    assert not (stage.held.root / "deep").exists()


def test_a_file_may_become_a_folder_a_link_and_a_file_again(stage: Stage) -> None:
    here, there = stage.kit.work / "thing", stage.held.root / "thing"
    stage.kit.write("thing", "a file")
    stage.bring()
    here.unlink()
    stage.kit.write("thing/inside.txt", "x")
    stage.bring()
    assert (there / "inside.txt").read_text() == "x"
    (here / "inside.txt").unlink()
    here.rmdir()
    here.symlink_to("hello.py")
    stage.bring()
    assert os.readlink(there) == "hello.py"
    here.unlink()
    stage.kit.write("thing", "a file").chmod(0o755)
    stage.bring()
    assert there.read_text() == "a file"
    assert os.access(there, os.X_OK)


def test_one_that_was_stopped_halfway_is_whole_the_next_time(stage: Stage) -> None:
    for number in range(450):
        stage.kit.write(f"many/{number}.txt", str(number))
    with pytest.raises(folder.Stopped):
        stage.bring(stops_after=1)
    assert 0 < len(stage.files()) < 450
    (stage.held.root / "many" / "0.txt").unlink(missing_ok=True)
    stage.bring()
    assert len(stage.files()) == 451


def test_a_link_that_comes_to_lead_outside_by_another_is_refused(stage: Stage, tmp_path: Path) -> None:
    stage.kit.write("a/b/file.txt", "x")
    (stage.kit.work / "to").symlink_to("a/b/../../hello.py")
    stage.bring()
    (stage.kit.work / "a" / "b" / "file.txt").unlink()
    (stage.kit.work / "a" / "b").rmdir()
    (stage.kit.work / "a" / "b").symlink_to("..")
    with pytest.raises(CoopError, match="leads out of the service's folder"):
        stage.bring()


def test_what_nobody_stages_any_more_is_emptied_and_what_is_held_is_not(stage: Stage) -> None:
    stage.bring()
    lock = stage.held.root.parent / "lock"
    os.utime(lock, (1, 1))
    folder.collect(stage.kit.folder, 60.0)
    assert stage.files() == {"hello.py": "print('one')\n"}
    stage.held.release()
    folder.collect(stage.kit.folder, 1e12)
    assert stage.files() == {"hello.py": "print('one')\n"}
    folder.collect(stage.kit.folder, 60.0)
    assert not stage.held.root.exists()
    stage.held = folder.claim(stage.kit.folder / "staged")
    stage.bring()
    assert stage.files() == {"hello.py": "print('one')\n"}


def test_each_process_has_a_folder_of_its_own_and_finds_it_again(tmp_path: Path) -> None:
    first, second = folder.claim(tmp_path), folder.claim(tmp_path)
    assert first.root != second.root
    first.release()
    again = folder.claim(tmp_path)
    assert again.root == first.root
    again.release()
    second.release()
