"""Deploy commits: rendered manifests onto an environment branch, without a checkout, pushed with a lease.

Owns the branch contract: `<service>/<file>`, linear history, one service's folder per commit, trailers. What the
remote's branch was at last is kept in `refs/coop/env/<environment>/<remote>`, so the common path fetches nothing.
"""

from __future__ import annotations

import random
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.errors import CoopError, ExitCode
from coop_core.git import committing, failures, messages
from coop_core.git.objects import FOLDER, Commit, Objects
from coop_core.git.remotes import url_mark
from coop_core.git.runner import REMOTE_LIMIT_S, check_id, check_ref
from coop_core.git.trees import Limits, contents
from coop_core.manifests.comparing import is_same_deployment

if TYPE_CHECKING:
    from coop_core.git.deploy_request import DeployRequest
    from coop_core.git.repository import Remote, Repository

_ATTEMPTS = 40

# Somebody was quicker; said by our own git, or by a remote that was writing the same ref.
_LOST_RACE = re.compile(
    r"stale info|fetch first|non-fast-forward|incorrect old value|failed to update ref|failed to lock"
    r"|cannot lock ref|reference already exists|ref updated since checkout"
)


@dataclass(frozen=True, slots=True)
class Deployed:
    """commit: the environment branch's head on the remote, ours or one that said the same already."""

    commit: str
    is_new: bool
    attempts: int


class Moved(Exception):
    """The remote branch is not where the lease says: fetch, commit on top, push again."""


def branch(environment: str) -> str:
    """The full ref of an environment branch."""
    return check_ref(f"refs/heads/env/{environment}")


def deploy(repository: Repository, remote: Remote, request: DeployRequest) -> Deployed:
    """Commits on the environment branch and pushes, again on top of whoever was quicker."""
    base = known(repository, remote, request.environment)
    for attempt in range(1, _ATTEMPTS + 1):
        made = commit(repository, base, request)
        if made is None:
            # Nothing to say on top of what we remember; the remote decides whether that is still so.
            seen = fetch(repository, remote, request.environment)
            if seen == base:
                return Deployed(base or "", is_new=False, attempts=attempt)
            base = seen
            continue
        try:
            push(repository, remote, request.environment, made, base)
            return Deployed(made, is_new=True, attempts=attempt)
        except Moved:
            _pause(attempt)
            base = fetch(repository, remote, request.environment)
    raise CoopError(
        f"cannot deploy to {request.environment}", f"others pushed to it {_ATTEMPTS} times in between",
        "try again in a moment", ExitCode.BUSY,
    )  # fmt: skip


def commit(repository: Repository, base: str | None, request: DeployRequest) -> str | None:
    """Makes the deploy commit on top of `base` (None: the branch is new), and pushes nothing.

    None when the branch says the same already, but for the source commit, and does not expire soon. On an
    environment that sleeps, the commit wakes every service of it.
    """
    _check(request)
    if base is None and not request.files:
        return None
    now_s = time.time()
    # Started before the branch is read: two starts beside each other.
    with committing.start(repository) as writing:
        restored: list[bytes] = []
        if base:
            with Objects(repository.git) as objects:
                before = objects.commit(check_id(base))
                text = before.message if before else ""
                if before and messages.is_asleep(text):
                    restored = waking(objects, before)
                elif _is_fresh(request, text, now_s) and _says_the_same(objects, base, request):
                    committing.no_commit(writing)
                    return None
        own = committing.folder_of(request.service, request.files, is_new=base is None)
        return committing.finish(
            writing,
            repository,
            ref=f"refs/coop/deploys/{request.environment}/{request.service}",
            base=base,
            author=request.author,
            text=messages.message(request, now_s),
            now_s=now_s,
            changes=[*restored, *own],
        )


def waking(objects: Objects, asleep: Commit) -> list[bytes]:
    """The changes that bring every service back to what it was before the commit that put it to sleep."""
    before = objects.tree(asleep.parents[0]) if asleep.parents else None
    entries = objects.entries(before) if before else []
    services = [entry for entry in entries if entry.mode == FOLDER and committing.is_service(entry.path)]
    return [part for entry in services for part in committing.folder_from(entry.path, entry.id)]


def _is_fresh(request: DeployRequest, text: str, now_s: float) -> bool:
    """Whether the environment lives long enough: one that is worked in must not expire for want of a change."""
    ends_s = messages.expires_s(request.environment, text)
    if ends_s is None:
        return True
    return request.lifetime_s is not None and ends_s - now_s > request.lifetime_s / 2


def _says_the_same(objects: Objects, base: str, request: DeployRequest) -> bool:
    folder = objects.tree(check_id(base), request.service)
    present = contents(objects, folder, Limits()) if folder else {}
    return is_same_deployment(present, request.files)


def push(repository: Repository, remote: Remote, environment: str, commit: str, base: str | None) -> None:
    """Moves the remote's branch from `base` (None: it must not exist) to `commit`, or raises Moved."""
    ref = branch(environment)
    # One thread: there are a handful of objects to pack.
    result = repository.git.attempt(
        "-c", "pack.threads=1", "push", "--porcelain", "--no-verify", "--no-follow-tags", "--no-signed",
        "--recurse-submodules=no", f"--force-with-lease={ref}:{base or ''}",
        "--", remote.name, f"{check_id(commit)}:{ref}",
        limit_s=REMOTE_LIMIT_S,
    )  # fmt: skip
    if result.status == 0:
        _remember(repository, remote, environment, commit)
        return
    refusal = next((line for line in result.text.split("\n") if line.startswith("!")), "")
    if _LOST_RACE.search(refusal):
        raise Moved
    raise failures.translate(f"push to {environment}", f"{result.err}\n{_words(refusal)}", repository.root)


def fetch(repository: Repository, remote: Remote, environment: str) -> str | None:
    """Where the remote's branch is, with its objects here; None when there is no such branch."""
    wanted = f"+{branch(environment)}:{_cached_ref(remote, environment)}"
    for attempt in range(1, _ATTEMPTS + 1):
        result = repository.git.attempt(
            "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--refmap=",
            "--no-recurse-submodules", "--", remote.name, wanted, limit_s=REMOTE_LIMIT_S,
        )  # fmt: skip
        if result.status == 0:
            return known(repository, remote, environment)
        if "couldn't find remote ref" in result.err:
            _remember(repository, remote, environment, None)
            return None
        if not _LOST_RACE.search(result.err):  # another coop in this repository noted the same at once
            break
        _pause(attempt)
    raise failures.translate(f"fetch {environment}", result.err, repository.root)


def comes_after(repository: Repository, remote: Remote, environment: str, commit: str, revision: str) -> bool:
    """Whether `revision` holds `commit`, as when somebody deployed another service on top of it.

    Asks the remote when `revision` is not known here; False when it is not known there either.
    """
    asked = ("merge-base", "--is-ancestor", check_id(commit), check_id(revision))
    found = repository.git.attempt(*asked)
    if found.status not in (0, 1):
        fetch(repository, remote, environment)
        found = repository.git.attempt(*asked)
    return found.status == 0


def known(repository: Repository, remote: Remote, environment: str) -> str | None:
    """Where the remote's branch was when we last saw it; None when we never did, or it did not exist."""
    name = _cached_ref(remote, environment)
    result = repository.git.attempt("rev-parse", "--quiet", "--verify", "--end-of-options", name)
    return check_id(result.text) if result.status == 0 else None


def delete(repository: Repository, remote: Remote, environment: str, expected: str = "") -> bool:
    """Removes the environment's branch from the remote, as it is now; False when there was none.

    expected: the commit that it must be at, or nothing is removed and Moved is raised; "" for any.
    """
    for _ in range(_ATTEMPTS):
        seen = fetch(repository, remote, environment)
        if seen is None:
            return False
        if expected and seen != expected:
            raise Moved
        ref = branch(environment)
        result = repository.git.attempt(
            "push", "--porcelain", "--no-verify", f"--force-with-lease={ref}:{seen}", "--", remote.name, f":{ref}",
            limit_s=REMOTE_LIMIT_S,
        )  # fmt: skip
        if result.status == 0:
            _remember(repository, remote, environment, None)
            return True
        if not _LOST_RACE.search(result.text):
            raise failures.translate(f"delete {environment}", f"{result.err}\n{result.text}", repository.root)
    raise CoopError(f"cannot delete {environment}", "others keep pushing to it", "try again", ExitCode.BUSY)


def _pause(attempt: int) -> None:
    # At random, or those who met once meet again.
    time.sleep(random.uniform(0, 0.02 * min(attempt, 10)))


def _remember(repository: Repository, remote: Remote, environment: str, commit: str | None) -> None:
    name = _cached_ref(remote, environment)
    change = ["update-ref", name, commit] if commit else ["update-ref", "-d", name]
    # Only a memory: when it cannot be written the next push is refused and fetches.
    repository.git.attempt(*change)


def _cached_ref(remote: Remote, environment: str) -> str:
    return check_ref(f"refs/coop/env/{environment}/{url_mark(remote.url)}")


def _check(request: DeployRequest) -> None:
    branch(request.environment)
    names = [] if committing.is_service(request.service) else [request.service]
    names += [name for name in request.files if not committing.is_manifest(name)]
    if names:
        raise CoopError(
            f"cannot deploy {failures.clean(request.service)}", f"{failures.clean(names[0])!r} is no file name",
            "use lower-case letters, digits and dashes", ExitCode.CONFIG,
        )  # fmt: skip


def _words(refusal: str) -> str:
    """The reason in a porcelain line: `!\\t<from>:<to>\\t[remote rejected] (reason)`."""
    return f"error: {refusal.rsplit(chr(9), 1)[-1]}" if refusal else ""
