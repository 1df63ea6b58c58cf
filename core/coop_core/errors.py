"""The one error users see, and the exit codes.

Library errors become a `CoopError` at the adapter that met them, with `raise … from`; nothing above an adapter
translates again.
"""

from __future__ import annotations

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
