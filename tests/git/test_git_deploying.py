from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from coop_core.clock import rfc3339
from coop_core.cluster import labels
from coop_core.errors import CoopError, ExitCode
from coop_core.git import deploying, messages, repository, snapshot
from coop_core.git.deploy_request import LIFETIME_S
from coop_core.git.repository import Identity, Remote
from tests.git.git_scene import Scene, add_hook, files, git, request

if TYPE_CHECKING:
    from pathlib import Path

BRANCH = "refs/heads/env/dev-ada"


def remote_files(scene: Scene, environment: str = "dev-ada") -> dict[str, bytes]:
    return files(scene.bare, f"refs/heads/env/{environment}")


def log(scene: Scene, environment: str = "dev-ada") -> list[str]:
    return git(scene.bare, "log", "--format=%s", f"refs/heads/env/{environment}").split("\n")


def pod(source: str, image: str = "one") -> dict[str, bytes]:
    text = (
        f"kind: Deployment\nspec:\n  template:\n    metadata:\n      annotations:\n"
        f"        {labels.SOURCE_COMMIT}: {source}\n    spec: {image}\n"
    )
    return {"deployment-hello.yaml": text.encode()}


def test_a_deploy_makes_the_branch_with_the_services_folder(scene: Scene) -> None:
    done = deploying.deploy(scene.repository, scene.remote, request())
    assert done.is_new
    assert remote_files(scene) == {"hello/deployment-hello.yaml": b"kind: Deployment\n"}
    assert git(scene.bare, "rev-parse", BRANCH) == done.commit
    assert log(scene) == ["deploy hello to dev-ada"]


def test_a_deploy_replaces_its_own_folder_and_no_other(scene: Scene) -> None:
    deploying.deploy(scene.repository, scene.remote, request(service="other"))
    deploying.deploy(scene.repository, scene.remote, request(files={"a.yaml": b"1\n", "b.yaml": b"2\n"}))
    done = deploying.deploy(scene.repository, scene.remote, request(files={"b.yaml": b"3\n"}))
    assert remote_files(scene) == {"hello/b.yaml": b"3\n", "other/deployment-hello.yaml": b"kind: Deployment\n"}
    assert git(scene.bare, "rev-list", "--count", "--max-parents=1", done.commit) == "3"
    assert git(scene.bare, "fsck", "--strict") == ""


def test_no_files_take_the_service_out(scene: Scene) -> None:
    deploying.deploy(scene.repository, scene.remote, request(service="other"))
    deploying.deploy(scene.repository, scene.remote, request())
    deploying.deploy(scene.repository, scene.remote, request(files={}))
    assert list(remote_files(scene)) == ["other/deployment-hello.yaml"]
    assert log(scene)[0] == "remove hello from dev-ada"


def test_the_trailers_lead_back_to_the_source(scene: Scene) -> None:
    taken = snapshot.take(scene.repository, "dev-ada")
    asked = request(
        source_commit=taken.commit,
        reference=taken.head,
        source_url="https://ada:secret@example.org/hello.git",
        author=Identity("Ada <x>\n", "ada@example.org"),
    )
    done = deploying.deploy(scene.repository, scene.remote, asked)
    text = git(scene.bare, "log", "-1", "--format=%B", done.commit)
    committed_s = int(git(scene.bare, "log", "-1", "--format=%ct", done.commit))
    ends_s = messages.expires_s("dev-ada", text)
    assert ends_s
    assert 0 <= ends_s - committed_s - LIFETIME_S + 1 <= 2
    assert messages.trailers(text) == {
        "Coop-Service": "hello",
        "Coop-Environment": "dev-ada",
        "Coop-Source-Commit": taken.commit,
        "Coop-Image": asked.image,
        "Coop-Expires": rfc3339(ends_s),
        "Argocd-reference-commit-author": "Ada Lovelace <ada@example.org>",
        "Argocd-reference-commit-sha": scene.git("rev-parse", "HEAD"),
        "Argocd-reference-commit-subject": "first",
        "Argocd-reference-commit-repourl": "https://example.org/hello.git",
        "Argocd-reference-commit-date": scene.git(
            "log", "-1", "--date=format-local:%Y-%m-%dT%H:%M:%SZ", "--format=%ad"
        ),
    }
    parsed = git(scene.bare, "log", "-1", "--format=%(trailers:key=Coop-Image,valueonly)", done.commit)
    assert parsed.strip() == asked.image
    assert git(scene.bare, "log", "-1", "--format=%an <%ae>", done.commit) == "Ada x <ada@example.org>"


def test_nothing_of_the_users_is_touched(scene: Scene) -> None:
    scene.write("hello/app.py", "staged\n")
    scene.git("add", "--all")
    add_hook(scene.work / ".git", "pre-push", "exit 1")
    before = scene.user_state()
    deploying.deploy(scene.repository, scene.remote, request())
    deploying.deploy(scene.repository, scene.remote, request(files={"b.yaml": b"2\n"}))
    assert scene.user_state() == before


def test_the_same_manifests_make_no_commit(scene: Scene) -> None:
    first = deploying.deploy(scene.repository, scene.remote, request())
    again = deploying.deploy(scene.repository, scene.remote, request(source_commit="b" * 40))
    assert (again.commit, again.is_new) == (first.commit, False)
    assert len(log(scene)) == 1


def test_another_source_commit_alone_makes_no_commit(scene: Scene) -> None:
    deploying.deploy(scene.repository, scene.remote, request(files=pod("a" * 40)))
    assert not deploying.deploy(scene.repository, scene.remote, request(files=pod("b" * 40))).is_new
    assert deploying.deploy(scene.repository, scene.remote, request(files=pod("b" * 40, "two"))).is_new


def test_no_commit_is_decided_by_what_the_remote_has_now(scene: Scene) -> None:
    deploying.deploy(scene.repository, scene.remote, request())
    git(scene.bare, "update-ref", "-d", BRANCH)
    again = deploying.deploy(scene.repository, scene.remote, request())
    assert again.is_new
    assert list(remote_files(scene)) == ["hello/deployment-hello.yaml"]


def test_a_push_whose_lease_is_lost_says_so_and_changes_nothing(scene: Scene) -> None:
    done = deploying.deploy(scene.repository, scene.remote, request())
    made = deploying.commit(scene.repository, done.commit, request(files={"b.yaml": b"2\n"}))
    assert made
    with pytest.raises(deploying.Moved):
        deploying.push(scene.repository, scene.remote, "dev-ada", made, None)
    assert git(scene.bare, "rev-parse", BRANCH) == done.commit
    deploying.push(scene.repository, scene.remote, "dev-ada", made, done.commit)
    assert deploying.known(scene.repository, scene.remote, "dev-ada") == made


def test_a_deploy_lands_on_top_of_whoever_was_quicker(scene: Scene, tmp_path: Path) -> None:
    deploying.deploy(scene.repository, scene.remote, request())
    git(tmp_path, "clone", "--quiet", str(scene.bare), "other")
    other = repository.find(tmp_path / "other")
    deploying.deploy(other, repository.remote(other), request(service="other"))
    done = deploying.deploy(scene.repository, scene.remote, request(files={"b.yaml": b"2\n"}))
    assert done.attempts == 2
    assert list(remote_files(scene)) == ["hello/b.yaml", "other/deployment-hello.yaml"]
    assert len(log(scene)) == 3


def test_many_deploys_at_once_all_survive_on_one_line(scene: Scene, tmp_path: Path) -> None:
    clones = []
    for number in range(3):
        git(tmp_path, "clone", "--quiet", str(scene.bare), f"clone{number}")
        clones.append(repository.find(tmp_path / f"clone{number}"))
    problems: list[BaseException] = []

    def work(worker: int) -> None:
        clone = clones[worker % len(clones)]
        try:
            for turn in range(3):
                files = {"turn.yaml": f"{turn}\n".encode()}
                asked = request(service=f"service-{worker}", files=files, subject=f"{worker}-{turn}")
                deploying.deploy(clone, repository.remote(clone), asked)
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert sorted(log(scene)) == sorted(f"{worker}-{turn}" for worker in range(6) for turn in range(3))
    assert git(scene.bare, "rev-list", "--min-parents=2", BRANCH) == ""
    assert remote_files(scene) == {f"service-{worker}/turn.yaml": b"2\n" for worker in range(6)}


def test_a_hook_that_refuses_is_quoted_without_its_escapes(scene: Scene) -> None:
    script = "printf 'deploys are \\033[31mfrozen\\033[0m until monday\\n' >&2; exit 1"
    hook = add_hook(scene.bare, "pre-receive", script)
    with pytest.raises(CoopError) as caught:
        deploying.deploy(scene.repository, scene.remote, request())
    assert "deploys are frozen until monday" in caught.value.why
    assert caught.value.remedy == "ask whoever runs the Git server"
    assert caught.value.exit_code == ExitCode.GIT
    hook.unlink()
    assert deploying.deploy(scene.repository, scene.remote, request()).is_new


def test_a_remote_that_is_not_there_is_named(scene: Scene) -> None:
    gone = str(scene.bare.with_name("gone.git"))
    with pytest.raises(CoopError) as caught:
        deploying.deploy(scene.repository, Remote(gone, gone), request())
    assert "gone.git" in caught.value.why
    assert caught.value.remedy == "check the remote's address: git remote -v"


def test_a_remote_that_does_not_answer_may_answer_later(scene: Scene) -> None:
    away = "http://127.0.0.1:1/hello.git"
    with pytest.raises(CoopError) as caught:
        deploying.deploy(scene.repository, Remote(away, away), request())
    assert type(caught.value).__name__ == "Unreachable"
    assert caught.value.remedy == "check the network and the remote's address: git remote -v"


def test_a_password_in_the_remote_is_never_told(scene: Scene) -> None:
    url = "http://ada:hunter2@127.0.0.1:1/hello.git"
    scene.git("remote", "set-url", "origin", url)
    with pytest.raises(CoopError) as caught:
        deploying.deploy(scene.repository, scene.remote, request())
    assert "hunter2" not in f"{caught.value}{caught.value.remedy}"


def test_fetch_follows_the_remote_and_forgets_a_branch_that_is_gone(scene: Scene) -> None:
    assert deploying.fetch(scene.repository, scene.remote, "dev-ada") is None
    done = deploying.deploy(scene.repository, scene.remote, request())
    assert deploying.fetch(scene.repository, scene.remote, "dev-ada") == done.commit
    git(scene.bare, "update-ref", "-d", BRANCH)
    assert deploying.fetch(scene.repository, scene.remote, "dev-ada") is None
    assert deploying.known(scene.repository, scene.remote, "dev-ada") is None


def test_delete_takes_the_branch_away(scene: Scene) -> None:
    deploying.deploy(scene.repository, scene.remote, request())
    assert deploying.delete(scene.repository, scene.remote, "dev-ada")
    assert git(scene.bare, "for-each-ref", "refs/heads/env") == ""
    assert not deploying.delete(scene.repository, scene.remote, "dev-ada")


@pytest.mark.parametrize("environment", ["", "--force", "a b", "../../heads/main", "x.lock", "a\nb", "x" * 600])
def test_an_environment_cannot_be_an_option_or_leave_its_place(scene: Scene, environment: str) -> None:
    before = scene.git("for-each-ref")
    if environment == "--force":  # well-formed inside a ref, where it is no option
        deploying.deploy(scene.repository, scene.remote, request(environment=environment))
        assert list(remote_files(scene, environment)) == ["hello/deployment-hello.yaml"]
        return
    with pytest.raises(CoopError):
        deploying.deploy(scene.repository, scene.remote, request(environment=environment))
    assert scene.git("for-each-ref") == before


@pytest.mark.parametrize(
    "name", ["../x.yaml", "a/b.yaml", "x.yaml\nM 100644 inline evil", "-x.yaml", ".yaml", '"a".yaml']
)
def test_a_file_name_cannot_leave_the_services_folder(scene: Scene, name: str) -> None:
    with pytest.raises(CoopError, match="no file name"):
        deploying.commit(scene.repository, None, request(files={name: b""}))


def test_content_cannot_end_its_own_file(scene: Scene) -> None:
    body = b"x\nM 100644 inline evil.yaml\ndata 1\nx\ndone\n\0\xff"
    deploying.deploy(scene.repository, scene.remote, request(files={"a.yaml": body}))
    assert remote_files(scene) == {"hello/a.yaml": body}


def test_a_branch_named_like_an_option_is_nothing_special(scene: Scene) -> None:
    scene.git("update-ref", "refs/heads/--upload-pack=touch x", "HEAD", fails=True)
    scene.git("update-ref", "refs/heads/--all", "HEAD")
    scene.git("checkout", "--quiet", "--detach")
    assert deploying.deploy(scene.repository, scene.remote, request()).is_new
    assert snapshot.take(scene.repository, "dev-ada").head
