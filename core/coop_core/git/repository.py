"""The user's repository: where it is, what it pushes to, who works in it."""

from __future__ import annotations

import getpass
import os
import re
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from coop_core.errors import CoopError, ExitCode
from coop_core.git import failures
from coop_core.git.runner import Git, check_url

PERSONAL = "dev-"
"""How the name of a personal environment starts."""

_FIND = ("rev-parse", "--path-format=absolute", "--show-toplevel", "--git-dir", "--git-common-dir")


@dataclass(frozen=True, slots=True)
class Repository:
    """root: the work tree's top folder. git_dir: this work tree's own; common_dir: shared by all its work trees."""

    root: Path
    git_dir: Path
    common_dir: Path

    @property
    def git(self) -> Git:
        return Git(self.root, self.git_dir, self.root)

    @property
    def own_dir(self) -> Path:
        """Where coop keeps its files inside the Git folder, e.g. the private index. May not exist yet."""
        return self.git_dir / "coop"

    def prefix(self, folder: Path) -> str:
        """`folder` relative to the root, with slashes; "" for the root itself."""
        try:
            inside = folder.resolve().relative_to(self.root.resolve())
        except ValueError as error:
            raise CoopError(
                "cannot use this folder", f"{folder} is outside the repository {self.root}",
                f"cd {self.root}", ExitCode.GIT,
            ) from error  # fmt: skip
        return "" if inside == Path() else inside.as_posix()


@dataclass(frozen=True, slots=True)
class Remote:
    """What git is told to push to. `name` is a remote of the repository, or the URL itself; `url` is absolute."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who commits."""

    name: str
    email: str


COOP = Identity("coop", "coop@coop.internal")
"""Commits where the user has given git no name."""


def find(folder: Path) -> Repository:
    """The repository that `folder` lies in."""
    if not folder.is_dir():
        raise CoopError("cannot find a Git repository", f"there is no folder {folder}", "cd to it", ExitCode.GIT)
    result = Git(folder).attempt(*_FIND)
    lines = result.text.split("\n")
    if result.status == 0 and len(lines) == 3:
        return Repository(*(Path(line) for line in lines))
    if "must be run in a work tree" in result.err:
        raise CoopError(
            "cannot work here",
            f"{folder} is a bare Git repository, without files",
            "cd to a clone of it",
            ExitCode.GIT,
        )
    if "not a git repository" in result.err:
        raise CoopError(
            "cannot work here", f"there is no Git repository in {folder} or above it", "git init", ExitCode.GIT
        )
    raise failures.translate("open the Git repository", result.err, folder)


def create_bare(folder: Path) -> None:
    """Makes a bare repository, with all folders above it; of several at once, one makes it."""
    new = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    new.mkdir(parents=True, mode=0o700)
    # Without a template: it would bring the user's hooks along.
    options = ("--quiet", "--bare", "--template=", "--initial-branch=main")
    Git(new).run("init", *options, "--", str(new), doing="create a Git remote")
    try:
        new.rename(folder)
    except OSError:
        shutil.rmtree(new, ignore_errors=True)
        if not (folder / "HEAD").is_file():
            raise


def remote(repository: Repository, wanted: str = "") -> Remote:
    """The remote to deploy through: `wanted` (a name or a URL), else origin, else the only one."""
    names = remote_names(repository)
    if wanted and wanted not in names:
        if re.match(r"[./]|[A-Za-z][A-Za-z0-9+.-]*://|[^/]+:", wanted):
            url = _absolute(repository, check_url(wanted))
            return Remote(url, url)
        raise CoopError(
            "cannot choose a Git remote", f"there is no remote {wanted!r} in this repository",
            f"git remote add {failures.clean(wanted)} <url>", ExitCode.GIT,
        )  # fmt: skip
    name = wanted or ("origin" if "origin" in names else next(iter(names), ""))
    if not name:
        raise CoopError(
            "cannot choose a Git remote", "this repository has none", "git remote add origin <url>", ExitCode.GIT
        )
    if not wanted and name != "origin" and len(names) > 1:
        raise CoopError(
            "cannot choose a Git remote", f"none is called origin and there are {len(names)}: {', '.join(names)}",
            "git remote rename <name> origin, or name one in the settings", ExitCode.GIT,
        )  # fmt: skip
    # Asks for the URL as git will use it, `insteadOf` applied; no network.
    url = repository.git.run("ls-remote", "--get-url", "--", name, doing="read the remote's address").text
    return Remote(name, _absolute(repository, check_url(url)))


def identity(repository: Repository) -> Identity:
    """The user's name and email in git; coop's own for what is not set."""
    found = _config(repository, r"^user\.(name|email)$")
    return Identity(found.get("user.name") or COOP.name, found.get("user.email") or COOP.email)


def user_slug(folder: Path, configured: str = "") -> str:
    """The user as a DNS label: `configured`, else the email's local part, else the name, else the login.

    folder: where git looks for its settings; it need not lie in a repository.
    """
    found = _settings(Git(folder), r"^user\.(name|email)$")
    email = found.get("user.email", "")
    candidates = (configured, email.partition("@")[0], found.get("user.name", ""), _login())
    for candidate in candidates:
        if slug := as_label(candidate):
            return slug
    raise CoopError(
        "cannot name your environment", "git knows neither your email nor your name",
        "git config --global user.email you@example.org", ExitCode.GIT,
    )  # fmt: skip


def personal_environment(slug: str) -> str:
    return f"{PERSONAL}{slug}"


def as_label(text: str, limit: int = 40) -> str:
    """`text` as a DNS label of at most `limit` characters; "" when nothing of it can be kept."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:limit].rstrip("-")


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def named(repository: Repository, name: str) -> list[str]:
    """Files called `name` in the work tree, tracked or new, from the root; what Git ignores is left out."""
    listing = repository.git.run(
        "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", f":(top,glob)**/{name}",
        doing=f"look for {name}",
    )  # fmt: skip
    found = [os.fsdecode(path) for path in listing.out.split(b"\0") if path]
    return sorted(path for path in set(found) if (repository.root / path).is_file())


def ignored_by(repository: Repository, path: Path) -> str:
    """The rule by which Git ignores a file of the work tree, as `file:line: pattern`; "" when it does not."""
    asked = repository.git.attempt("check-ignore", "-z", "-v", "--stdin", stdin=os.fsencode(path) + b"\0")
    fields = os.fsdecode(asked.out).split("\0")
    if asked.status != 0 or len(fields) < 4 or fields[2].startswith("!"):
        return ""
    return f"{fields[0]}:{fields[1]}: {fields[2]}"


def remote_names(repository: Repository) -> list[str]:
    """What `git remote` lists."""
    found = _config(repository, r"^remote\..*\.url$")
    return [key.removeprefix("remote.").removesuffix(".url") for key in found]


def _config(repository: Repository, pattern: str) -> dict[str, str]:
    return _settings(repository.git, pattern)


def _settings(git: Git, pattern: str) -> dict[str, str]:
    """Settings whose key matches; the last value of each counts."""
    result = git.attempt("config", "-z", "--get-regexp", "--", pattern)
    pairs = (item.split("\n", 1) for item in result.text.split("\0") if "\n" in item)
    return {key: value for key, value in pairs}


def _absolute(repository: Repository, url: str) -> str:
    """Relative paths mean the same for every process once they are absolute."""
    is_path = "://" not in url and (url.startswith((".", "/")) or ":" not in url.split("/", 1)[0])
    return str((repository.root / url).resolve()) if is_path else url
