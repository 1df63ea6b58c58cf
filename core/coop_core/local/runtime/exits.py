"""Exit codes that outlive the platform: kept by a shell around programs whose code decides something.

A program that runs for ever needs none of this. One that is to run once does: with its code lost in a crash of the
platform, work that was done would be done again.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_SHELL = "/bin/sh"
# The traps keep the shell alive to note how the program ended; in the program they are at their defaults again.
_SCRIPT = 'trap : HUP INT QUIT TERM USR1 USR2 ALRM; "$@"; code=$?; echo $code >"$0"; exit $code'


@dataclass(frozen=True, slots=True)
class ExitFile:
    """Where the exit code of one run of a container is written. folder: the pod's."""

    folder: Path
    container: str
    number: int

    @property
    def path(self) -> Path:
        return self.folder / f"{self.container}-{self.number}.exit"

    def around(self, argv: Sequence[str], env: Mapping[str, str]) -> list[str]:
        """The command line that runs `argv` and notes its exit code. Raises FileNotFoundError."""
        # By its path: a bare word could be one of the shell's own commands.
        program = shutil.which(argv[0], path=env.get("PATH")) if "/" not in argv[0] else argv[0]
        if program is None:
            raise FileNotFoundError(2, "No such file or directory")
        return [_SHELL, "-c", _SCRIPT, str(self.path), program, *argv[1:]]

    def read(self) -> int | None:
        """The code, 128 and the number for a signal; None when nobody noted it."""
        try:
            text = self.path.read_text("ascii").strip()
        except (OSError, ValueError):
            return None
        return int(text) if text.isdecimal() else None

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
