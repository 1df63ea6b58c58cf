"""The one error users see, and the exit codes.

Library errors become a `CoopError` at the adapter that met them, with `raise … from`; nothing above an adapter
translates again.
"""

from __future__ import annotations

import errno
from enum import IntEnum


class ExitCode(IntEnum):
    """What the shell sees. Part of the command line's contract."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CONFIG = 3
    """`coop.yaml` or the settings are wrong."""
    GIT = 4
    """Git is missing, or it refused."""
    PLATFORM = 5
    """The platform cannot be started or reached."""
    BUSY = 6
    """Somebody else holds what is needed: a port, an environment."""
    INTERRUPTED = 130


class CoopError(Exception):
    """Something the user can act upon.

    what: what coop could not do; why: the reason, cut and free of secrets; remedy: a command or an edit that helps.
    """

    def __init__(self, what: str, why: str, remedy: str, exit_code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(f"{what}: {why}")
        self.what = what
        self.why = why
        self.remedy = remedy
        self.exit_code = exit_code


_FULL = "free space on the disk"
_REMEDIES = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: "use a folder that can be written to",
    errno.EACCES: "ls -ld shows whose it is",
    errno.EPERM: "ls -ld shows whose it is",
    errno.EMFILE: "ulimit -n 4096",
    errno.ENFILE: "close programs that hold many files open",
}


def of_system(what: str, error: OSError) -> CoopError:
    """What the operating system refused, for a step that has no better words for it."""
    # A path comes from the user or from coop; repr() keeps what it holds off the terminal.
    where = f" ({error.filename!r})" if error.filename else ""
    why = f"{error.strerror or type(error).__name__}{where}"
    return CoopError(what, why, _REMEDIES.get(error.errno or 0, "see what the message names"))


def users_own(group: BaseExceptionGroup[BaseException]) -> CoopError | None:
    """The first CoopError in a tree of exceptions, as task groups raise them."""
    for error in group.exceptions:
        if isinstance(error, CoopError):
            return error
        if isinstance(error, BaseExceptionGroup) and (found := users_own(error)):
            return found
    return None
