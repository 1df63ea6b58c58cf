"""What a remote has, without fetching it. A repository on this machine is read where it is."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

from coop_core.errors import CoopError, ExitCode
from coop_core.git import failures, refs
from coop_core.git.runner import REMOTE_LIMIT_S, Git, check_ref, check_url, with_config

REMOTE = "coop"
"""What a URL is called in the configuration that git gets by environment, where no process list shows it."""


def heads(url: str, prefix: str = "refs/heads/") -> dict[str, str]:
    """Full ref to commit id, for the branches whose ref starts with `prefix`, e.g. "refs/heads/env/"."""
    check_ref(f"{prefix}x")
    local = local_git(url)
    if local:
        with suppress(refs.Unreadable):
            return refs.under(local.git_dir or local.folder, prefix)
        arguments = ["for-each-ref", "--format=%(objectname) %(refname)", "--", prefix.rstrip("/")]
        result = local.run(*arguments, doing="read the branches of the remote")
    else:
        result = Git(Path("/")).run(
            "ls-remote", "--quiet", "--refs", "--heads", "--", REMOTE, f"{prefix}*",
            doing=f"read the branches of {failures.clean(url)}", env=naming(url), limit_s=REMOTE_LIMIT_S,
        )  # fmt: skip
    pairs = (line.split(maxsplit=1) for line in result.text.split("\n") if line)
    return {ref: commit for commit, ref in pairs if ref.startswith(prefix)}


def naming(url: str) -> dict[str, str]:
    """Environment in which the remote `REMOTE` is this URL."""
    return with_config(**{f"remote__{REMOTE}__url": check_url(url)})


def local_path(url: str) -> Path | None:
    """The folder that a URL names, when it is one on this machine."""
    if url.startswith("file://"):
        return Path(unquote(url.removeprefix("file://").removeprefix("localhost")))
    return Path(url) if url.startswith("/") else None


def local_git(url: str) -> Git | None:
    """git in the repository that a local URL names; None for every other URL."""
    folder = local_path(url)
    if folder is None:
        return None
    git_dir = next(
        (place for place in (folder, folder / ".git", Path(f"{folder}.git")) if _is_git_dir(place)), None
    )
    if git_dir is None:
        raise CoopError(
            "cannot read the Git remote", f"there is no repository in {failures.clean(str(folder))}",
            f"git init --bare '{failures.clean(str(folder))}'", ExitCode.GIT,
        )  # fmt: skip
    # Naming the Git folder skips git's own check of who owns it, so it is made here.
    if git_dir.stat().st_uid not in (os.geteuid(), 0):
        raise failures.translate("read the Git remote", f"fatal: detected dubious ownership in {git_dir}", git_dir)
    return Git(git_dir, git_dir)


def url_mark(url: str) -> str:
    """A short name for a URL that is safe as a file name and tells nothing of what is in it."""
    return hashlib.sha256(url.encode(errors="surrogateescape")).hexdigest()[:16]


def _is_git_dir(folder: Path) -> bool:
    return (folder / "HEAD").is_file() and (folder / "objects").is_dir()
