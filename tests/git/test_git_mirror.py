from __future__ import annotations

import hashlib
import os
import threading
from typing import TYPE_CHECKING

import pytest

from coop_core.errors import CoopError
from coop_core.git import deploying, remotes, trees
from coop_core.git.mirror import Mirror
from tests.git.git_scene import Scene, files, git, request

if TYPE_CHECKING:
    from pathlib import Path

ENV = "refs/heads/env/dev-ada"


@pytest.fixture
def deployed(scene: Scene) -> Scene:
    found, remote = scene.repository, scene.remote
    first = deploying.commit(found, None, request())
    second = deploying.commit(found, first, request(service="other"))
    assert second
    deploying.push(found, remote, "dev-ada", second, None)
    return scene


@pytest.fixture
def over_ssh(deployed: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The remote as an ssh URL; "ssh" runs the command on this machine and counts its calls."""
    program = tmp_path / "ssh"
    program.write_text(f'#!/bin/sh\necho call >> "{tmp_path}/calls"\nfor last; do :; done\nexec sh -c "$last"\n')
    program.chmod(0o755)
    monkeypatch.setenv("GIT_SSH", str(program))
    monkeypatch.setenv("GIT_SSH_VARIANT", "simple")
    return f"ssh://host{deployed.bare}"


@pytest.fixture(params=["path", "file", "ssh"])
def url(request: pytest.FixtureRequest, deployed: Scene, over_ssh: str) -> str:
    return {"path": str(deployed.bare), "file": f"file://{deployed.bare}", "ssh": over_ssh}[request.param]


def test_a_mirror_reads_a_branch_without_a_checkout(url: str, deployed: Scene, tmp_path: Path) -> None:
    mirror = Mirror(tmp_path / "mirror")
    sha = mirror.resolve(url, ENV)
    assert sha == git(deployed.bare, "rev-parse", ENV)
    assert sha
    assert mirror.files(url, sha, "hello") == {"deployment-hello.yaml": b"kind: Deployment\n"}
    assert mirror.files(url, sha, "nothing") == {}
    ((commit, folders),) = mirror.heads(url, [sha]).values()
    assert commit.subject == "deploy other to dev-ada"
    assert folders == ["hello", "other"]


def test_a_mirror_follows_pushes_and_sees_a_branch_go(url: str, deployed: Scene, tmp_path: Path) -> None:
    mirror = Mirror(tmp_path / "mirror")
    mirror.resolve(url, ENV)
    done = deploying.deploy(deployed.repository, deployed.remote, request(files={"b.yaml": b"2\n"}))
    assert mirror.resolve(url, ENV) == done.commit
    assert mirror.files(url, done.commit, "hello") == {"b.yaml": b"2\n"}
    deploying.delete(deployed.repository, deployed.remote, "dev-ada")
    assert mirror.resolve(url, ENV) is None


def test_heads_lists_the_branches_below_a_prefix(url: str, deployed: Scene) -> None:
    expected = git(deployed.bare, "rev-parse", ENV)
    git(deployed.bare, "update-ref", "refs/heads/environment", "refs/heads/main")
    assert remotes.heads(url, "refs/heads/env/") == {ENV: expected}
    assert set(remotes.heads(url)) == {ENV, "refs/heads/main", "refs/heads/environment"}


def test_what_was_read_once_is_not_read_again(over_ssh: str, tmp_path: Path) -> None:
    mirror = Mirror(tmp_path / "mirror")
    sha = mirror.resolve(over_ssh, ENV)
    assert sha
    first = mirror.files(over_ssh, sha, "hello")
    calls = (tmp_path / "calls").read_text()
    first["mine.yaml"] = b""
    assert mirror.files(over_ssh, sha, "hello") == {"deployment-hello.yaml": b"kind: Deployment\n"}
    assert (tmp_path / "calls").read_text() == calls


def test_several_threads_fetch_one_repository(over_ssh: str, deployed: Scene, tmp_path: Path) -> None:
    mirror = Mirror(tmp_path / "mirror")
    found: list[str | None] = []
    threads = [threading.Thread(target=lambda: found.append(mirror.resolve(over_ssh, ENV))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [git(deployed.bare, "rev-parse", ENV)] * 4


def test_a_cache_keeps_no_hook_no_tag_and_no_file(over_ssh: str, deployed: Scene, tmp_path: Path) -> None:
    git(deployed.bare, "tag", "v1", ENV)
    template = tmp_path / "home" / "template" / "hooks"
    template.mkdir(parents=True)
    (template / "reference-transaction").write_text(f"#!/bin/sh\ntouch '{tmp_path}/hook-ran'\n")
    (template / "reference-transaction").chmod(0o755)
    git(deployed.work, "config", "--global", "init.templateDir", str(template.parent))
    Mirror(tmp_path / "mirror").resolve(over_ssh, ENV)
    cache = next((tmp_path / "mirror").iterdir())
    assert not (cache / "hooks").exists()
    assert not (tmp_path / "hook-ran").exists()
    assert git(cache, "for-each-ref", "refs/tags", "refs/heads") == ""


def test_a_url_with_a_password_stays_out_of_messages_and_file_names(tmp_path: Path) -> None:
    url = "http://ada:hunter2@127.0.0.1:1/x.git"
    with pytest.raises(CoopError) as caught:
        Mirror(tmp_path / "mirror").resolve(url, ENV)
    with pytest.raises(CoopError) as listing:
        remotes.heads(url)
    assert "hunter2" not in f"{caught.value}{caught.value.remedy}{listing.value}"
    found = [path for path in (tmp_path / "mirror").rglob("*") if path.is_file()]
    assert found
    assert not any(b"hunter2" in path.read_bytes() for path in found)


def test_a_commit_that_is_not_at_hand_is_an_error(deployed: Scene, tmp_path: Path) -> None:
    with pytest.raises(CoopError, match="is not in the repository"):
        Mirror(tmp_path / "mirror").files(str(deployed.bare), "0" * 40, "hello")


def test_no_repository_at_a_path_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(CoopError) as caught:
        remotes.heads(str(tmp_path / "none"))
    assert caught.value.remedy == f"git init --bare '{tmp_path / 'none'}'"


def test_links_and_submodules_are_left_out_and_odd_names_kept(scene: Scene) -> None:
    for name in ("with space", "ünï", "new\nline", "a\udcff"):
        scene.write(f"hello/{name}", "x")
    (scene.work / "hello" / "loop").symlink_to("loop")
    (scene.work / "hello" / "out").symlink_to("/etc/passwd")
    sha = scene.commit()
    found = files(scene.work / ".git", sha, "hello")
    assert list(found) == sorted(["a\udcff", "app.py", "new\nline", "with space", "ünï"])


def test_what_is_read_has_limits(scene: Scene) -> None:
    scene.write("hello/big.bin", "x" * 5000)
    sha = scene.commit()
    for limits in (trees.Limits(file_bytes=4999), trees.Limits(total_bytes=5000), trees.Limits(files=1)):
        with pytest.raises(CoopError) as caught:
            files(scene.work / ".git", sha, "hello", limits=limits)
        assert caught.value.remedy
    assert len(files(scene.work / ".git", sha, "hello")) == 2


def test_some_reads_only_what_is_asked_for(scene: Scene) -> None:
    scene.write("hello/coop.yaml", "name: hello\n")
    scene.write("hello/k8s/main/a.yaml", "a")
    sha = scene.commit()
    found = trees.some(scene.repository, sha, "hello", ("coop.yaml", "k8s", "none"))
    assert found == {"coop.yaml": b"name: hello\n", "k8s/main/a.yaml": b"a"}
    assert trees.some(scene.repository, sha, "none", ("coop.yaml",)) == {}


def test_many_large_answers_do_not_block_each_other(scene: Scene) -> None:
    for number in range(300):
        scene.write(f"many/{number:03}.bin", hashlib.sha256(str(number).encode()).hexdigest() * 2000)
    sha = scene.commit()
    found = files(scene.work / ".git", sha, "many")
    assert len(found) == 300
    assert all(len(body) == 128_000 for body in found.values())


def test_a_repository_of_another_kind_of_id_works_as_well(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--object-format=sha256", "work")
    git(tmp_path, "init", "--quiet", "--bare", "--object-format=sha256", "bare.git")
    scene = Scene(tmp_path / "work", tmp_path / "bare.git")
    scene.git("remote", "add", "origin", str(scene.bare))
    scene.write("hello/app.py", "x")
    scene.commit()
    done = deploying.deploy(scene.repository, scene.remote, request())
    assert len(done.commit) == 64
    assert Mirror(tmp_path / "m").files(str(scene.bare), done.commit, "hello")
    assert os.listdir(scene.work) == [".git", "hello"] or os.listdir(scene.work) == ["hello", ".git"]
