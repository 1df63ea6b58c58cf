from __future__ import annotations

import fcntl
import os
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from coop_core.doctor import git_checks
from coop_core.doctor.checking import Result, Verdict, examine
from coop_core.local.runtime import processes
from coop_core.platform import record as records
from coop_core.settings import Settings
from tests.doctor.conftest import Answer, Site

if TYPE_CHECKING:
    from pathlib import Path

    from coop_core.doctor.case import Case


async def look(case: Case) -> dict[str, Result]:
    return {outcome.name: outcome.result for outcome in await examine(git_checks.checks(case))}


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(case: Case) -> Case:
    """A commit, an identity and a service; no remote."""
    git(case.folder, "config", "--global", "user.name", "Ada")
    git(case.folder, "config", "--global", "user.email", "ada@example.org")
    git(case.folder, "init", "--quiet", "--template=", "--initial-branch=main")
    (case.folder / "coop.yaml").write_text("name: shop\n")
    git(case.folder, "add", "-A")
    git(case.folder, "commit", "--quiet", "-m", "x")
    return case


async def test_an_empty_folder_is_told_what_is_missing(case: Case) -> None:
    found = await look(case)
    assert found["git"].verdict is Verdict.PASSED
    assert (found["identity"].verdict, found["identity"].mend) == (
        Verdict.FAILED, "git config --global user.email you@example.org",
    )  # fmt: skip
    assert (found["repository"].verdict, found["repository"].mend) == (Verdict.FAILED, "git init")
    assert {found[name].verdict for name in ("services", "remote", "push")} == {Verdict.SKIPPED}


async def test_a_repository_without_a_remote_is_fine_on_the_local_platform(repository: Case) -> None:
    found = await look(repository)
    assert {result.verdict for result in found.values()} == {Verdict.PASSED, Verdict.SKIPPED}
    assert found["identity"].says == "Ada <ada@example.org>, whose environment is dev-ada"
    assert found["services"].says == "shop"
    assert found["remote"].says == "none; the local platform keeps one on this disk"


async def test_an_identity_that_would_name_another_environment_is_told_what_stays(repository: Case) -> None:
    folder = repository.home.platform
    folder.mkdir(parents=True)
    process = processes.identify(os.getpid())
    assert process is not None
    records.write(folder, records.Record(process.pid, process.began, 0.0, "bob", 1, 2, 3))
    said = (await look(repository))["identity"].says
    file = repository.home.settings_file
    assert said.endswith(f'whose environment stays dev-bob; user = "ada" in {file} makes it dev-ada')
    with records.lock_file(folder).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = (await look(replace(repository, settings=Settings(user="ada"))))["identity"].says
    assert said.endswith("is dev-ada once the platform that runs for dev-bob has ended: coop platform down")


async def test_a_repository_without_a_service_is_sent_to_init(repository: Case) -> None:
    (repository.folder / "coop.yaml").unlink()
    assert (await look(repository))["services"].mend == "coop init"


async def test_a_file_that_is_almost_called_coop_yaml_is_told_how_to_be_read(repository: Case) -> None:
    (repository.folder / "web").mkdir()
    (repository.folder / "web" / "coop.yml").write_text("name: web\n")
    services = (await look(repository))["services"]
    assert services.says == "coop reads coop.yaml, and not web/coop.yml"
    assert services.mend == "mv web/coop.yml web/coop.yaml"


async def test_a_mistake_in_any_coop_yaml_is_told_with_its_line(repository: Case) -> None:
    (repository.folder / "a" / "b").mkdir(parents=True)
    (repository.folder / "a" / "b" / "coop.yaml").write_text("name: b\nport: eighty\n")
    services = (await look(repository))["services"]
    assert "a/b/coop.yaml:2: port is 'eighty'" in services.says
    assert services.mend == "use a number from 1 to 65535, e.g. port: 8080"


@pytest.mark.parametrize(
    ("spec", "says", "mend"),
    [
        ("name: shop\n", "a/coop.yaml and coop.yaml both say so", "change the name in coop.yaml"),
        ("name: web\nneeds: [db]\n", "web needs db", "use one of these names"),
        ("name: web\nneeds: [api]\n", "api → web → api", "remove api from needs in the coop.yaml of web"),
    ],
)
async def test_services_that_cannot_run_beside_each_other_fail(
    repository: Case, spec: str, says: str, mend: str
) -> None:
    for folder, text in (("a", spec), ("b", "name: api\nneeds: [web]\n" if "api" in spec else "name: api\n")):
        (repository.folder / folder).mkdir()
        (repository.folder / folder / "coop.yaml").write_text(text)
    services = (await look(repository))["services"]
    assert services.verdict is Verdict.FAILED
    assert says in services.says
    assert services.mend.startswith(mend)


async def test_a_remote_that_answers_and_takes_a_push_passes_and_nothing_is_pushed(repository: Case) -> None:
    remote = repository.folder.parent / "shop.git"
    git(repository.folder, "init", "--quiet", "--bare", "--template=", str(remote))
    git(repository.folder, "remote", "add", "origin", str(remote))
    git(repository.folder, "push", "--quiet", "origin", "main:env/dev-ada")
    found = await look(repository)
    assert found["remote"].says == f"origin answers, with 1 environment: {remote}"
    assert found["push"].says == "origin takes a push"
    assert git(remote, "for-each-ref", "--format=%(refname)") == "refs/heads/env/dev-ada"
    assert (
        git(repository.folder, "for-each-ref", "--format=%(refname)", "refs/remotes/origin/env/coop-doctor") == ""
    )


async def test_a_remote_that_is_not_there_is_named_with_what_to_check(repository: Case) -> None:
    git(repository.folder, "remote", "add", "origin", "/nowhere/shop.git")
    found = await look(repository)
    assert {found[name].verdict for name in ("remote", "push")} == {Verdict.FAILED}
    assert found["remote"].mend == "check the remote's address: git remote -v"


async def test_a_remote_that_only_lets_read_fails_the_push_alone(repository: Case, site: Site) -> None:
    head = git(repository.folder, "rev-parse", "HEAD")
    listing = (
        _packet("# service=git-upload-pack\n") + b"0000" + _packet(f"{head} refs/heads/main\0agent=x\n") + b"0000"
    )
    kind = {"Content-Type": "application/x-git-upload-pack-advertisement"}

    site.answers["/shop.git/info/refs"] = Answer(200, listing, kind)
    site.answers["/shop.git/git-receive-pack"] = Answer(403)
    git(repository.folder, "remote", "add", "origin", f"http://ada:hunter2@{site.host}/shop.git")
    found = await look(repository)
    assert found["remote"].verdict is Verdict.PASSED
    assert found["push"].verdict is Verdict.FAILED
    assert "hunter2" not in "".join(result.says + result.mend for result in found.values())


async def test_a_remote_that_wants_a_password_is_a_failure_and_not_a_prompt(repository: Case, site: Site) -> None:
    site.answers["/shop.git/info/refs"] = Answer(401, b"", {"WWW-Authenticate": 'Basic realm="x"'})
    git(repository.folder, "remote", "add", "origin", f"http://{site.host}/shop.git")
    found = await look(repository)
    assert (
        found["remote"].mend
        == found["push"].mend
        == ("check that `git push --dry-run` works in this repository without asking anything")
    )


async def test_a_cluster_needs_a_real_remote(repository: Case) -> None:
    from coop_core.settings import Cluster

    found = await look(replace(repository, settings=Settings(cluster=Cluster(kubeconfig="/x"))))
    assert found["remote"].mend == "git remote add origin <url>"


async def test_git_that_is_too_old_is_told_so(repository: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = repository.folder.parent / "bin"
    folder.mkdir()
    (folder / "git").write_text("#!/bin/sh\necho 'git version 2.20.1'\n")
    (folder / "git").chmod(0o755)
    import os

    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    result = (await look(repository))["git"]
    assert (result.says, result.mend) == ("Git 2.20.1 is too old", "install Git 2.36 or later")


def _packet(line: str) -> bytes:
    return f"{len(line) + 4:04x}{line}".encode()
