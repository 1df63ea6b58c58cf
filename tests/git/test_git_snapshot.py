from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from coop_core.errors import CoopError
from coop_core.git import repository, snapshot
from tests.git.git_scene import Scene, add_hook, git

if TYPE_CHECKING:
    from pathlib import Path


def test_a_snapshot_holds_the_work_tree_as_it_is(scene: Scene) -> None:
    scene.write(".gitignore", "*.log\n")
    scene.write("gone.txt", "x")
    scene.write("staged.txt", "first")
    scene.commit()
    scene.write("hello/app.py", "changed\n")
    scene.write("new.txt", "new")
    scene.write("noise.log", "ignored")
    scene.write("staged.txt", "staged")
    scene.git("add", "staged.txt")
    scene.write("staged.txt", "changed after staging")
    (scene.work / "gone.txt").unlink()
    scene.write("run.sh", "#!/bin/sh\n").chmod(0o755)
    (scene.work / "link").symlink_to("new.txt")
    taken = snapshot.take(scene.repository, "dev-ada")
    paths = scene.paths(taken.commit)
    assert paths == [".gitignore", "hello/app.py", "link", "new.txt", "run.sh", "staged.txt"]
    assert scene.git("show", f"{taken.commit}:hello/app.py") == "changed"
    assert scene.git("show", f"{taken.commit}:staged.txt") == "changed after staging"
    assert scene.git("ls-tree", taken.commit, "run.sh").startswith("100755")
    assert scene.git("ls-tree", taken.commit, "link").startswith("120000")


def test_nothing_of_the_users_is_touched(scene: Scene) -> None:
    scene.write("hello/app.py", "staged\n")
    scene.git("add", "--all")
    scene.write("hello/app.py", "dirty\n")
    scene.write("new.txt", "new")
    before = scene.user_state()
    snapshot.take(scene.repository, "dev-ada")
    assert scene.user_state() == before
    assert scene.git("status", "--porcelain") == "MM hello/app.py\n?? new.txt"


def test_the_users_hooks_do_not_run(scene: Scene) -> None:
    marker = scene.work.parent / "hook-ran"
    for name in ("post-index-change", "reference-transaction", "pre-commit", "post-commit"):
        add_hook(scene.work / ".git", name, f"touch '{marker}'")
    scene.write("new.txt", "new")
    snapshot.take(scene.repository, "dev-ada")
    assert not marker.exists()


def test_the_same_tree_on_the_same_head_is_the_same_commit(scene: Scene, tmp_path: Path) -> None:
    scene.write("new.txt", "new")
    first = snapshot.take(scene.repository, "dev-ada")
    scene.write("new.txt", "other")
    second = snapshot.take(scene.repository, "dev-ada")
    scene.write("new.txt", "new")
    assert snapshot.take(scene.repository, "dev-ada").commit == first.commit != second.commit
    git(tmp_path, "clone", "--quiet", str(scene.bare), "other")
    (tmp_path / "other" / "new.txt").write_text("new")
    assert snapshot.take(repository.find(tmp_path / "other"), "dev-bob").commit == first.commit


def test_a_snapshot_says_what_changed_since_the_one_before(scene: Scene) -> None:
    first = snapshot.take(scene.repository, "dev-ada")
    assert (first.previous, first.changed) == (None, None)
    again = snapshot.take(scene.repository, "dev-ada")
    assert (again.commit, again.previous, again.changed) == (first.commit, first.commit, ())
    scene.write("hello/app.py", "changed\n")
    scene.write("new.txt", "new")
    later = snapshot.take(scene.repository, "dev-ada")
    assert (later.previous, later.changed) == (first.commit, ("hello/app.py", "new.txt"))


def test_a_snapshot_stands_on_head(scene: Scene) -> None:
    taken = snapshot.take(scene.repository, "dev-ada")
    assert taken.head is not None
    assert taken.head.id == scene.git("rev-parse", "HEAD") == scene.git("rev-parse", f"{taken.commit}^")
    assert (taken.head.subject, taken.head.author) == ("first", "Ada Lovelace <ada@example.org>")


def test_a_repository_without_commits_can_be_deployed(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "new")
    scene = Scene(tmp_path / "new", tmp_path / "none.git")
    empty = snapshot.take(scene.repository, "dev-ada")
    assert (empty.head, scene.paths(empty.commit)) == (None, [])
    scene.write("app.py", "1")
    assert scene.paths(snapshot.take(scene.repository, "dev-ada").commit) == ["app.py"]
    assert scene.git("rev-list", "--count", snapshot.take(scene.repository, "dev-ada").commit) == "1"


def test_a_linked_work_tree_has_snapshots_of_its_own(scene: Scene, tmp_path: Path) -> None:
    scene.git("worktree", "add", "--quiet", str(tmp_path / "linked"))
    (tmp_path / "linked" / "linked.txt").write_text("x")
    scene.write("main.txt", "x")
    linked = snapshot.take(repository.find(tmp_path / "linked"), "dev-ada")
    assert scene.paths(linked.commit) == ["hello/app.py", "linked.txt"]
    assert scene.paths(snapshot.take(scene.repository, "dev-ada").commit) == ["hello/app.py", "main.txt"]
    assert git(tmp_path / "linked", "status", "--porcelain") == "?? linked.txt"


def test_a_merge_conflict_is_taken_with_its_marks(scene: Scene) -> None:
    snapshot.take(scene.repository, "dev-ada")
    scene.git("checkout", "--quiet", "-b", "theirs")
    scene.write("hello/app.py", "theirs\n")
    scene.commit()
    scene.git("checkout", "--quiet", "main")
    scene.write("hello/app.py", "ours\n")
    scene.commit()
    scene.git("merge", "theirs", fails=True)
    before = scene.user_state()
    taken = snapshot.take(scene.repository, "dev-ada")
    assert "<<<<<<<" in scene.git("show", f"{taken.commit}:hello/app.py")
    assert scene.user_state() == before
    assert scene.git("status", "--porcelain") == "UU hello/app.py"


def test_a_submodule_stays_a_pointer(scene: Scene, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", str(scene.bare), "library")
    scene.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(tmp_path / "library"), "lib")
    taken = snapshot.take(scene.repository, "dev-ada")
    assert scene.git("ls-tree", taken.commit, "lib").startswith("160000 commit")
    assert scene.git("fsck", "--strict") == ""


def test_what_a_sparse_checkout_left_out_is_kept(scene: Scene) -> None:
    scene.write("other/big.txt", "x")
    scene.commit()
    scene.git("sparse-checkout", "set", "hello")
    assert not (scene.work / "other").exists()
    scene.write("hello/app.py", "changed\n")
    assert "other/big.txt" in scene.paths(snapshot.take(scene.repository, "dev-ada").commit)


def test_a_file_that_is_tracked_though_ignored_is_found_once_the_user_adds_it(scene: Scene) -> None:
    scene.write(".gitignore", "*.secret\n")
    scene.write("a.secret", "x")
    assert "a.secret" not in scene.paths(snapshot.take(scene.repository, "dev-ada").commit)
    scene.git("add", "--force", "a.secret")
    assert "a.secret" in scene.paths(snapshot.take(scene.repository, "dev-ada").commit)
    scene.git("rm", "--quiet", "--cached", "a.secret")
    assert "a.secret" not in scene.paths(snapshot.take(scene.repository, "dev-ada").commit)


@pytest.mark.parametrize(
    "name", ["with space", "-n", "--all", "ünïcode", 'quo"te', "tab\tnew\nline", ":(top)x", "a\udcff"]
)
def test_any_file_name_is_taken(scene: Scene, name: str) -> None:
    (scene.work / os.fsencode(name).decode("utf-8", "surrogateescape")).write_text("x")
    first = snapshot.take(scene.repository, "dev-ada")
    assert scene.paths(first.commit) == sorted([name, "hello/app.py"], key=os.fsencode)
    scene.write(name, "y")
    assert snapshot.take(scene.repository, "dev-ada").changed == (name,)


def test_a_few_snapshots_stay_reachable_and_no_more(scene: Scene) -> None:
    for number in range(snapshot.KEPT + 3):
        scene.write("number.txt", str(number))
        last = snapshot.take(scene.repository, "dev-ada")
    kept = scene.git("for-each-ref", "--format=%(objectname)", "refs/coop/snapshots/dev-ada").split("\n")
    assert len(kept) == snapshot.KEPT
    assert last.commit in kept


def test_what_git_collected_is_made_again(scene: Scene) -> None:
    scene.write("new.txt", "new")
    first = snapshot.take(scene.repository, "dev-ada")
    scene.git("update-ref", "-d", "refs/coop/snapshots/dev-ada/1")
    scene.git("prune", "--expire=now")
    scene.write("more.txt", "more")
    second = snapshot.take(scene.repository, "dev-ada")
    assert scene.paths(second.commit) == ["hello/app.py", "more.txt", "new.txt"]
    (scene.work / "more.txt").unlink()
    assert snapshot.take(scene.repository, "dev-ada").commit == first.commit
    assert scene.git("fsck", "--strict", "--no-dangling") == ""


def test_a_lock_and_a_half_index_of_a_crash_do_not_matter(scene: Scene) -> None:
    snapshot.take(scene.repository, "dev-ada")
    own = scene.work / ".git" / "coop"
    (own / "index.lock").write_bytes(b"")
    (own / "index").write_bytes(b"DIRC\0\0")
    (own / "dev-ada.json").write_text("{")
    scene.write("new.txt", "new")
    assert scene.paths(snapshot.take(scene.repository, "dev-ada").commit) == ["hello/app.py", "new.txt"]


def test_a_hook_that_runs_coop_does_not_lead_it_astray(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.write("new.txt", "new")
    monkeypatch.setenv("GIT_INDEX_FILE", str(scene.work.parent / "nowhere"))
    monkeypatch.setenv("GIT_DIR", str(scene.bare))
    monkeypatch.setenv("GIT_WORK_TREE", str(scene.work.parent))
    taken = snapshot.take(repository.find(scene.work), "dev-ada")
    monkeypatch.undo()
    assert scene.paths(taken.commit) == ["hello/app.py", "new.txt"]


def test_several_at_once_all_get_the_same(scene: Scene) -> None:
    scene.write("new.txt", "new")
    found = scene.repository
    commits: list[str] = []
    threads = [
        threading.Thread(target=lambda: commits.append(snapshot.take(found, "dev-ada").commit)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(commits) == 4
    assert len(set(commits)) == 1


def test_a_folder_that_is_an_empty_repository_is_named_in_the_error(scene: Scene) -> None:
    git(scene.work, "init", "--quiet", "inner")
    with pytest.raises(CoopError) as caught:
        snapshot.take(scene.repository, "dev-ada")
    assert "inner" in caught.value.why
    assert caught.value.remedy == "add that folder to .gitignore"


@pytest.mark.parametrize("name", ["", "a b", "../x", "a/../b", "x.lock", "a..b"])
def test_a_bad_environment_is_refused(scene: Scene, name: str) -> None:
    with pytest.raises(CoopError, match="not a full, well-formed ref"):
        snapshot.take(scene.repository, name)


_TAKING = """
import sys
from pathlib import Path
from coop_core.git import repository, snapshot
found = repository.find(Path(sys.argv[1]))
print("ready", flush=True)
for number in range(10**6):
    (found.root / "number.txt").write_text(str(number))
    snapshot.take(found, "dev-ada")
"""


def test_kill_9_at_any_moment_leaves_a_sound_repository(scene: Scene) -> None:
    for pause_ms in (0, 7, 15, 23, 31):
        process = subprocess.Popen(
            [sys.executable, "-c", _TAKING, str(scene.work)], stdout=subprocess.PIPE, start_new_session=True
        )
        assert process.stdout is not None
        process.stdout.readline()
        # The point of the test is to strike at different moments of the loop.
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.05 + pause_ms / 1000)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert scene.git("fsck", "--strict", "--no-dangling") == ""
        scene.write("number.txt", f"after {pause_ms}")
        taken = snapshot.take(scene.repository, "dev-ada")
        assert scene.git("show", f"{taken.commit}:number.txt") == f"after {pause_ms}"
