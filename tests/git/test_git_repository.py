from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from coop_core.errors import CoopError, ExitCode
from coop_core.git import failures, repository
from coop_core.git.runner import Git, check_ref, check_url
from tests.git.git_scene import Scene, git

if TYPE_CHECKING:
    from pathlib import Path


def test_a_repository_is_found_from_a_folder_inside_it(scene: Scene) -> None:
    found = repository.find(scene.work / "hello")
    assert found.root == scene.work
    assert found.prefix(scene.work / "hello") == "hello"
    assert found.prefix(scene.work) == ""


def test_no_repository_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(CoopError, match="no Git repository") as caught:
        repository.find(tmp_path)
    assert (caught.value.remedy, caught.value.exit_code) == ("git init", ExitCode.GIT)


def test_a_bare_repository_is_not_a_place_to_work_in(scene: Scene) -> None:
    with pytest.raises(CoopError, match="without files"):
        repository.find(scene.bare)


def test_somebody_elses_repository_needs_their_consent(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # git's own switch
    with pytest.raises(CoopError, match="dubious ownership") as caught:
        repository.find(scene.work)
    assert caught.value.remedy == f"git config --global --add safe.directory '{scene.work}'"


def test_no_git_is_an_error_with_a_remedy(scene: Scene) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom coop_core.errors import CoopError\n"
        "from coop_core.git import repository\n"
        "try:\n    repository.find(Path(sys.argv[1]))\n"
        "except CoopError as error:\n    print(error, '|', error.remedy)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(scene.work)],
        env={**os.environ, "PATH": "/nowhere"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "cannot run git: there is no git program on the PATH | install Git 2.36 or later\n"


def test_origin_is_the_remote_unless_another_is_named(scene: Scene) -> None:
    scene.git("remote", "add", "backup", "https://example.org/x.git")
    assert repository.remote(scene.repository).name == "origin"
    named = repository.remote(scene.repository, "backup")
    assert named == repository.Remote("backup", "https://example.org/x.git")
    by_url = repository.remote(scene.repository, "git@example.org:x.git")
    assert by_url.name == by_url.url == "git@example.org:x.git"


def test_the_only_remote_will_do_and_two_strangers_will_not(scene: Scene) -> None:
    scene.git("remote", "rename", "origin", "upstream")
    assert repository.remote(scene.repository).name == "upstream"
    scene.git("remote", "add", "backup", "https://example.org/x.git")
    with pytest.raises(CoopError, match="none is called origin"):
        repository.remote(scene.repository)


def test_no_remote_is_an_error_with_a_remedy(scene: Scene) -> None:
    scene.git("remote", "remove", "origin")
    with pytest.raises(CoopError) as caught:
        repository.remote(scene.repository)
    assert caught.value.remedy == "git remote add origin <url>"
    with pytest.raises(CoopError, match="there is no remote 'backup'"):
        repository.remote(scene.repository, "backup")


def test_the_remotes_address_is_what_git_will_use(scene: Scene) -> None:
    scene.git("remote", "set-url", "origin", "../remote.git")
    assert repository.remote(scene.repository).url == str(scene.bare)
    scene.git("config", "url.https://example.org/.insteadOf", "short:")
    scene.git("remote", "set-url", "origin", "short:hello.git")
    assert repository.remote(scene.repository).url == "https://example.org/hello.git"


def test_the_user_has_a_slug_made_of_what_git_knows(scene: Scene) -> None:
    assert repository.user_slug(scene.work) == "ada"
    assert repository.user_slug(scene.work, "Grace Hopper!") == "grace-hopper"
    scene.git("config", "user.email", "Ada.Lovelace+work@example.org")
    assert repository.user_slug(scene.work) == "ada-lovelace-work"
    assert repository.personal_environment("ada") == "dev-ada"


def test_a_slug_is_a_label_whatever_the_name(scene: Scene) -> None:
    assert repository.as_label("--" + "x" * 80 + "--") == "x" * 40
    assert repository.as_label("日本") == ""
    scene.git("config", "user.email", "日本@example.org")
    assert repository.user_slug(scene.work) == "ada-lovelace"


def test_who_has_no_name_in_git_commits_as_coop(scene: Scene, tmp_path: Path) -> None:
    assert repository.identity(scene.repository) == repository.Identity("Ada Lovelace", "ada@example.org")
    (tmp_path / "home" / ".gitconfig").write_text("")
    assert repository.identity(scene.repository) == repository.COOP


def test_a_bare_repository_is_made_once(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "x.git"
    repository.create_bare(folder)
    head = (folder / "HEAD").stat().st_mtime_ns
    repository.create_bare(folder)
    assert (folder / "HEAD").stat().st_mtime_ns == head
    assert list(folder.parent.iterdir()) == [folder]
    assert git(folder, "rev-parse", "--is-bare-repository") == "true"


@pytest.mark.parametrize("ref", [
    "main", "-x", "refs/heads/", "refs/heads/a b", "refs/heads/a..b", "refs/heads/a~1", "refs/heads/.a",
    "refs/heads/a.lock", "refs/heads/a.lock/b", "refs/heads//a", "refs/heads/a@{1}", "refs/heads/a\\b",
    "refs/heads/a:b", "refs/heads/a.", "refs/heads/a\n", "refs/heads/a*", "refs/heads/a[b", f"refs/{'a' * 600}",
])  # fmt: skip
def test_a_malformed_ref_is_refused(ref: str) -> None:
    with pytest.raises(CoopError, match="not a full, well-formed ref"):
        check_ref(ref)


@pytest.mark.parametrize(
    "ref", ["refs/heads/main", "refs/heads/env/dev-ada", "refs/heads/1.0", "refs/heads/@", "refs/heads/ü"]
)
def test_a_ref_that_git_takes_is_taken(ref: str, tmp_path: Path) -> None:
    assert check_ref(ref) == ref
    git(tmp_path, "check-ref-format", ref)


@pytest.mark.parametrize("url", [
    "", "-oProxyCommand=x", "--upload-pack=x", "ext::sh -c x", "fd::7", "git://example.org/x", "ftp://example.org/x",
    "https://example.org/\nx", "EXT::x",
])  # fmt: skip
def test_a_url_that_could_run_something_is_refused(url: str) -> None:
    with pytest.raises(CoopError, match="not a URL"):
        check_url(url)


def test_git_itself_refuses_protocols_that_run_commands(scene: Scene, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    scene.git("config", "protocol.ext.allow", "always")
    scene.git("remote", "set-url", "origin", f"ext::touch {marker}")
    with pytest.raises(CoopError):
        scene.repository.git.run("fetch", "origin", doing="fetch")
    assert not marker.exists()


def test_a_git_that_hangs_is_ended(scene: Scene) -> None:
    with pytest.raises(failures.Unreachable, match="did not finish within"):
        Git(scene.work).run("-c", "alias.wait=!sleep 60", "wait", doing="wait", limit_s=0.2)


@pytest.mark.parametrize(("said", "shown"), [
    ("https://ada:secret@example.org/x", "https://example.org/x"),
    ("https://ghp_token@example.org/x", "https://example.org/x"),
    ("ssh://git@example.org/x", "ssh://git@example.org/x"),
    ("fatal: 'http://a:p%40ss@h/' and 'https://b:q@h/'", "fatal: 'http://h/' and 'https://h/'"),
    ("\x1b[31mred\x1b[0m", "red"),
])  # fmt: skip
def test_secrets_and_escapes_never_show(said: str, shown: str) -> None:
    assert failures.clean(said) == shown
