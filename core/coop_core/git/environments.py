"""Environments as Git knows them: which there are, whether they sleep, until when; and putting them to sleep.

An environment sleeps exactly while the head of its branch says so. That commit changes replicas alone, so the one
before it is what runs when the environment wakes: `wake` takes every service's folder from there, and so does the
next deploy commit (`deploying.commit`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from coop_core.cluster import labels
from coop_core.errors import CoopError, ExitCode
from coop_core.git import committing, deploying, failures, messages, refs
from coop_core.git.branches import BRANCHES, SHARED, is_name
from coop_core.git.deploy_request import LIFETIME_S
from coop_core.git.objects import FOLDER, Objects
from coop_core.git.remotes import url_mark
from coop_core.git.runner import REMOTE_LIMIT_S
from coop_core.git.trees import Limits, contents
from coop_core.manifests import sleeping

if TYPE_CHECKING:
    from collections.abc import Callable

    from coop_core.git.objects import Commit
    from coop_core.git.repository import Identity, Remote, Repository

State = Literal["awake", "asleep", "expired"]

_SEEN = "refs/coop/seen/"
_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment, as the head of its branch says. services: names of folders, checked."""

    name: str
    head: Commit
    services: tuple[str, ...]

    @property
    def expires_s(self) -> float | None:
        """Seconds since the epoch; None is never."""
        return messages.expires_s(self.name, self.head.message)

    def state(self, now_s: float) -> State:
        if self.expires_s is not None and self.expires_s <= now_s:
            return "expired"
        return "asleep" if messages.is_asleep(self.head.message) else "awake"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of sleeping or waking. is_new: whether a commit was needed. running: what cannot sleep."""

    environment: Environment
    is_new: bool
    running: tuple[str, ...] = ()


def find_all(repository: Repository, remote: Remote) -> list[Environment]:
    """Every environment that the remote has now, `main` first; branches that name none are left out."""
    kept = f"{_SEEN}{url_mark(remote.url)}/"
    repository.git.run(
        "fetch", "--quiet", "--prune", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--refmap=",
        "--no-recurse-submodules", "--", remote.name, f"+{BRANCHES}*:{kept}*",
        doing="read the environments", limit_s=REMOTE_LIMIT_S,
    )  # fmt: skip
    heads = _refs(repository, kept)
    names = {ref.removeprefix(kept): commit for ref, commit in heads.items() if is_name(ref.removeprefix(kept))}
    with Objects(repository.git) as objects:
        found = [_read(objects, name, commit) for name, commit in names.items()]
    return sorted(found, key=lambda one: (one.name != SHARED, one.name))


def find(repository: Repository, remote: Remote, name: str) -> Environment | None:
    """One environment as the remote has it now."""
    commit = deploying.fetch(repository, remote, _checked(name))
    if commit is None:
        return None
    with Objects(repository.git) as objects:
        return _read(objects, name, commit)


def sleep(repository: Repository, remote: Remote, name: str, author: Identity) -> Outcome:
    """Commits zero replicas for every service of the environment; nothing when it sleeps already.

    A sleeping environment does not expire: it costs nothing, and its volumes stay.
    """
    running: list[str] = []

    def changes(objects: Objects, seen: Environment) -> list[bytes] | None:
        if messages.is_asleep(seen.head.message):
            return None
        running.clear()
        made: list[bytes] = []
        for service in seen.services:
            folder = objects.tree(seen.head.tree, service)
            files = {
                path: body
                for path, body in (contents(objects, folder, Limits()) if folder else {}).items()
                if committing.is_manifest(path)
            }
            running.extend(sleeping.still_running(files))
            for path, body in sleeping.asleep(files).items():
                made += committing.file_of(f"{service}/{path}", body)
        return made

    said = {labels.TRAILER_ENVIRONMENT: name, labels.TRAILER_STATE: labels.STATE_ASLEEP}
    text = messages.compose(f"sleep {name}", said)
    seen, is_new = _move(repository, remote, name, author, text, changes)
    return Outcome(seen, is_new, tuple(running))


def wake(
    repository: Repository,
    remote: Remote,
    name: str,
    author: Identity,
    lifetime_s: float | None = LIFETIME_S,
) -> Outcome:
    """Brings back exactly what ran before the environment slept or expired; nothing when it is awake."""

    def changes(objects: Objects, seen: Environment) -> list[bytes] | None:
        if messages.is_asleep(seen.head.message):
            return deploying.waking(objects, seen.head)
        return [] if seen.state(time.time()) == "expired" else None

    said = {labels.TRAILER_ENVIRONMENT: name, **messages.expiry(name, lifetime_s, time.time())}
    seen, is_new = _move(repository, remote, name, author, messages.compose(f"wake {name}", said), changes)
    return Outcome(seen, is_new)


def _move(
    repository: Repository,
    remote: Remote,
    name: str,
    author: Identity,
    text: str,
    changes: Callable[[Objects, Environment], list[bytes] | None],
) -> tuple[Environment, bool]:
    """Commits the changes on the environment's head and pushes with a lease; again when somebody was quicker."""
    for _ in range(_ATTEMPTS):
        seen = find(repository, remote, name)
        if seen is None:
            raise CoopError(
                f"cannot find the environment {name}", f"{failures.clean(remote.url)} has no branch env/{name}",
                "list what there is: coop env list", ExitCode.GIT,
            )  # fmt: skip
        with committing.start(repository) as writing:
            with Objects(repository.git) as objects:
                wanted = changes(objects, seen)
            if wanted is None:
                committing.no_commit(writing)
                return seen, False
            commit = committing.finish(
                writing,
                repository,
                ref=f"refs/coop/deploys/{name}/_",  # no service is called so
                base=seen.head.id,
                author=author,
                text=text,
                now_s=time.time(),
                changes=wanted,
            )
        try:
            deploying.push(repository, remote, name, commit, seen.head.id)
        except deploying.Moved:
            continue
        with Objects(repository.git) as objects:
            return _read(objects, name, commit), True
    raise CoopError(f"cannot change {name}", "others keep pushing to it", "try again in a moment", ExitCode.BUSY)


def _read(objects: Objects, name: str, commit: str) -> Environment:
    head = objects.commit(commit)
    if head is None:
        raise CoopError(f"cannot read {name}", f"its head {commit[:12]} is no commit", "git fsck", ExitCode.GIT)
    folders = [entry.path for entry in objects.entries(head.tree) if entry.mode == FOLDER]
    return Environment(name, head, tuple(folder for folder in folders if committing.is_service(folder)))


def _refs(repository: Repository, prefix: str) -> dict[str, str]:
    try:
        return refs.under(repository.common_dir, prefix)
    except refs.Unreadable:
        listed = repository.git.run(
            "for-each-ref", "--format=%(objectname) %(refname)", "--", prefix.rstrip("/"), doing="read refs"
        )
        pairs = (line.split(" ", 1) for line in listed.text.split("\n") if line)
        return {ref: commit for commit, ref in pairs}


def _checked(name: str) -> str:
    if not is_name(name):
        raise CoopError(
            "cannot use this environment", f"{failures.clean(name)!r} is no environment's name",
            "environments are called main or dev-<user>: coop env list", ExitCode.USAGE,
        )  # fmt: skip
    return name
