"""The operator's policy: one file, read again when it changes.

JSON or YAML:

    users:
      "*": [main, coop-ci, "dev-{user}"]
      alice: [dev-bob]

Each user sees the namespaces of "*" and their own; "{user}" stands for the user's name. A file that cannot be read
or understood changes nothing while there is an earlier one that could, and stops the proxy from starting otherwise.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

from coop_core import yamls
from coop_core.errors import CoopError, ExitCode
from coop_core.proxy.policy import Policy

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger("coop.proxy")

_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


class PolicyFile:
    """Call it for the policy as it is now. Raises CoopError when the file is wrong from the start."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._stamp()
        self._policy = read(path)

    def __call__(self) -> Policy:
        stamp = self._stamp()
        if stamp != self._seen:
            self._seen = stamp
            try:
                self._policy = read(self._path)
                log.info("policy read from %s", self._path)
            except CoopError as error:
                log.error("the policy stays as it was: %s", error)
        return self._policy

    def _stamp(self) -> tuple[int, int, int]:
        try:
            found = self._path.stat()
        except OSError:
            return (0, 0, 0)
        return (found.st_mtime_ns, found.st_size, found.st_ino)


def read(path: Path) -> Policy:
    """The policy in a file. Raises CoopError."""
    try:
        content = yamls.load(path.read_bytes(), str(path))
    except OSError as error:
        raise _wrong(path, f"it cannot be read ({error.strerror})") from error
    users = content.get("users") if isinstance(content, dict) else None
    if not isinstance(users, dict):
        raise _wrong(path, "it has no mapping called users")
    return Policy({str(user): _namespaces(path, user, named) for user, named in users.items()})


def _namespaces(path: Path, user: Any, named: Any) -> tuple[str, ...]:
    if not isinstance(named, list):
        raise _wrong(path, f"the namespaces of {user} are not a list")
    for name in named:
        if not isinstance(name, str) or not _NAMESPACE.fullmatch(name.replace("{user}", "user")):
            raise _wrong(path, f"{name!r} is not a namespace")
    return tuple(named)


def _wrong(path: Path, why: str) -> CoopError:
    return CoopError(
        f"cannot use the policy in {path}", why, 'write it as {"users": {"*": ["main", "dev-{user}"]}}',
        ExitCode.CONFIG,
    )  # fmt: skip
