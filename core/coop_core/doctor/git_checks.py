"""Git: the program, who commits, the repository, its services, and its remote."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING

from coop_core.doctor.checking import Check, Result, failed, passed, skipped
from coop_core.git import failures, remotes
from coop_core.git import repository as repositories
from coop_core.git.runner import Git
from coop_core.platform import owner
from coop_core.spec.choosing import by_name, chosen
from coop_core.spec.reading import FILE_NAME, NEAR_MISS, parse, rename

if TYPE_CHECKING:
    from coop_core.doctor.case import Case
    from coop_core.git.repository import Remote, Repository

OLDEST = (2, 36)
LIMIT_S = 8.0
"""For what git does over the network; below the bound of a check, so that git is ended and not left behind."""

_NOWHERE = "there is no repository here"
_PROBE = "refs/heads/env/coop-doctor"
"""A branch that a dry run pretends to push to; nobody's environment is called so."""


def checks(case: Case) -> list[Check]:
    return [
        Check("git", lambda: _version(case)),
        Check("identity", lambda: _identity(case)),
        Check("repository", lambda: _repository(case)),
        Check("services", lambda: _services(case)),
        Check("remote", lambda: _remote(case)),
        Check("push", lambda: _push(case)),
    ]


async def _version(case: Case) -> Result:
    said = (await asyncio.to_thread(Git(Path("/")).attempt, "version", limit_s=LIMIT_S)).text
    numbers = re.search(r"(\d+)\.(\d+)[\d.]*", said)
    if not numbers:
        return failed(f"git says {said!r}", "install Git 2.36 or later")
    if (int(numbers[1]), int(numbers[2])) < OLDEST:
        return failed(f"Git {numbers[0]} is too old", "install Git 2.36 or later")
    return passed(f"Git {numbers[0]}")


async def _identity(case: Case) -> Result:
    git = Git(case.folder)
    name, email = await asyncio.gather(*(asyncio.to_thread(_setting, git, key) for key in ("name", "email")))
    if not email:
        return failed("git does not know your email", "git config --global user.email you@example.org")
    if not name:
        return failed("git does not know your name", "git config --global user.name 'Your Name'")
    user = await asyncio.to_thread(owner.user, case.home, case.settings, case.folder)
    wanted = await asyncio.to_thread(owner.wanted, case.settings, case.folder)
    return passed(f"{name} <{email}>, whose environment {_environment(user, wanted, case)}")


def _environment(user: str, wanted: str, case: Case) -> str:
    """wanted: the name that a new platform would take."""
    own, other = map(repositories.personal_environment, (user, wanted))
    if own == other:
        return f"is {own}"
    if case.settings.user:
        return f"is {other} once the platform that runs for {own} has ended: coop platform down"
    return f'stays {own}; user = "{wanted}" in {case.home.settings_file} makes it {other}'


def _setting(git: Git, key: str) -> str:
    return git.attempt("config", "--get", f"user.{key}", limit_s=LIMIT_S).text


async def _repository(case: Case) -> Result:
    found = await asyncio.to_thread(repositories.find, case.folder)
    return passed(str(found.root))


async def _services(case: Case) -> Result:
    """Every `coop.yaml` of the repository is read, not only the one that the user stands beside."""
    repository = await case.repository()
    if repository is None:
        return skipped(_NOWHERE)
    files = await asyncio.to_thread(repositories.named, repository, FILE_NAME)
    near = await asyncio.to_thread(repositories.named, repository, NEAR_MISS)
    if unread := [file for file in near if file.removesuffix(NEAR_MISS) + FILE_NAME not in files]:
        return failed(f"coop reads {FILE_NAME}, and not {unread[0]}", rename(unread[0]))
    if not files:
        return failed(f"there is no {FILE_NAME}", "coop init")
    specs = {file: parse((repository.root / file).read_bytes(), file) for file in files}
    names = by_name({file: spec.name for file, spec in specs.items()})
    chosen({spec.name: spec.needs for spec in specs.values()}, names)
    return passed(", ".join(names))


async def _remote(case: Case) -> Result:
    repository = await case.repository()
    if repository is None:
        return skipped(_NOWHERE)
    remote = await asyncio.to_thread(_chosen, case, repository)
    if remote is None:
        return passed("none; the local platform keeps one on this disk")
    result = await asyncio.to_thread(
        Git(Path("/")).attempt, "ls-remote", "--quiet", "--heads", "--", remotes.REMOTE, "refs/heads/env/*",
        env=remotes.naming(remote.url), limit_s=LIMIT_S,
    )  # fmt: skip
    if result.status != 0:
        raise failures.translate("read the Git remote", result.err, repository.root)
    count = len(result.text.splitlines())
    return passed(f"{remote.name} answers, with {count} environment{'' if count == 1 else 's'}: {remote.url}")


async def _push(case: Case) -> Result:
    repository = await case.repository()
    if repository is None:
        return skipped(_NOWHERE)
    remote = await asyncio.to_thread(_chosen, case, repository)
    if remote is None:
        return skipped("there is no remote but the one on this disk")
    if (await asyncio.to_thread(repository.git.attempt, "rev-parse", "--verify", "--quiet", "HEAD")).status != 0:
        return skipped("there is no commit yet")
    options = (
        "--dry-run",
        "--porcelain",
        "--no-verify",
        "--no-signed",
        "--no-follow-tags",
        "--recurse-submodules=no",
    )
    asked = ("push", *options, "--", remote.name, f"+HEAD:{_PROBE}")
    result = await asyncio.to_thread(repository.git.attempt, *asked, limit_s=LIMIT_S)
    if result.status != 0:
        raise failures.translate(f"push to {failures.clean(remote.name)}", result.err, repository.root)
    return passed(f"{remote.name} takes a push")


def _chosen(case: Case, repository: Repository) -> Remote | None:
    """None when there is none and the local platform makes one. Raises CoopError."""
    wanted = case.settings.remote or ""
    if not wanted and case.settings.cluster is None and not repositories.remote_names(repository):
        return None
    return repositories.remote(repository, wanted)
