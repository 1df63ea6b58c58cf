"""The platform's view of many repositories: refs, and files of a commit, without a checkout.

A repository on this machine is read where it is. Any other is fetched, one ref at a time, into a bare cache that
holds no work tree, tags or hooks. Contents of a commit never change, so they are kept by its id.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from coop_core.errors import CoopError, ExitCode
from coop_core.git import failures, remotes
from coop_core.git.objects import FOLDER, Commit, Objects
from coop_core.git.repository import create_bare
from coop_core.git.runner import REMOTE_LIMIT_S, Git, check_id, check_ref
from coop_core.git.trees import Limits, contents

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

UPDATE_LIMIT_S = 30.0
"""How long asking for all branches may take; who polls asks again anyway."""

_KEPT = 256
_KEPT_BYTES = 1024 * 1024
"""Larger results are read again rather than kept."""


class Mirror:
    """Safe to use from several threads and, over one folder, from several processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, str, str], dict[str, bytes]] = OrderedDict()

    def resolve(self, url: str, ref: str) -> str | None:
        """The commit a full ref names now, with its objects at hand; None when the ref is gone."""
        check_ref(ref)
        local = remotes.local_git(url)
        found = _commit(local, ref) if local else self._fetch(url, ref)
        return found.id if found else None

    def update(self, url: str, prefix: str) -> dict[str, str]:
        """Full ref to commit for every ref below `prefix` ("refs/heads/…/"), with their objects at hand."""
        if remotes.local_git(url):
            return remotes.heads(url, prefix)
        git = self._cache(url)
        kept = f"refs/mirror/{prefix.removeprefix('refs/')}"
        # A pattern, so that the remote is asked for these refs alone; and nobody waits for a remote that trickles.
        slow = ("-c", "http.lowSpeedLimit=1", "-c", f"http.lowSpeedTime={UPDATE_LIMIT_S:.0f}")
        with _one_fetch(git.folder / "coop.lock"):
            git.run(
                *slow, "fetch", "--quiet", "--prune", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance",
                "--no-recurse-submodules", "--", remotes.REMOTE, f"+{check_ref(f'{prefix}x')[:-1]}*:{kept}*",
                doing=f"fetch from {failures.clean(url)}", env=remotes.naming(url), limit_s=UPDATE_LIMIT_S,
            )  # fmt: skip
            found = remotes.heads(str(git.folder), kept)
        return {f"refs/{ref.removeprefix('refs/mirror/')}": commit for ref, commit in found.items()}

    def heads(self, url: str, commits: Iterable[str]) -> dict[str, tuple[Commit, list[str]]]:
        """What each commit says, and the folders at its root; one that is not at hand is left out."""
        found: dict[str, tuple[Commit, list[str]]] = {}
        with Objects(self._git(url)) as objects:
            for sha in commits:
                if commit := objects.commit(check_id(sha)):
                    entries = objects.entries(commit.tree)
                    found[sha] = commit, [entry.path for entry in entries if entry.mode == FOLDER]
        return found

    def files(self, url: str, sha: str, path: str = "", *, limits: Limits | None = None) -> dict[str, bytes]:
        """Contents by path below `path` of a resolved commit; empty when there is no such folder."""
        key = (url, check_id(sha), path)
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return dict(self._known[key])
        with Objects(self._git(url)) as objects:
            _tree(objects, sha)
            folder = objects.tree(sha, path)
            found = contents(objects, folder, limits or Limits()) if folder else {}
        if sum(map(len, found.values())) <= _KEPT_BYTES:
            with self._lock:
                self._known[key] = found
                while len(self._known) > _KEPT:
                    self._known.popitem(last=False)
        return dict(found)

    def _git(self, url: str) -> Git:
        return remotes.local_git(url) or self._cache(url)

    def _cache(self, url: str) -> Git:
        """The bare cache of a URL, made when it is not there."""
        place = self._folder / f"{remotes.url_mark(url)}.git"
        if not (place / "HEAD").is_file():
            create_bare(place)
        return Git(place, place)

    def _fetch(self, url: str, ref: str) -> Commit | None:
        git = self._cache(url)
        kept = f"refs/mirror/{ref.removeprefix('refs/')}"
        with _one_fetch(git.folder / "coop.lock"):
            result = git.attempt(
                "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance",
                "--no-recurse-submodules", "--", remotes.REMOTE, f"+{ref}:{kept}",
                env=remotes.naming(url), limit_s=REMOTE_LIMIT_S,
            )  # fmt: skip
            if result.status == 0:
                return _commit(git, kept)
        if "couldn't find remote ref" in result.err:
            return None
        raise failures.translate(f"fetch {ref} from {failures.clean(url)}", result.err, git.folder)


def _commit(git: Git, name: str) -> Commit | None:
    with Objects(git) as objects:
        return objects.commit(name)


def _tree(objects: Objects, sha: str) -> str:
    tree = objects.tree(check_id(sha))
    if tree is None:
        raise CoopError(
            "cannot read this commit", f"{sha[:12]} is not in the repository", "push its branch again",
            ExitCode.GIT,
        )  # fmt: skip
    return tree


@contextlib.contextmanager
def _one_fetch(path: Path) -> Iterator[None]:
    """Lets one fetch run at a time, over threads and processes."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
