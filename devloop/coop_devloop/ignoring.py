"""Which changes deploy nothing, and which rule says so.

Git's own rules are not here: what it ignores is in no snapshot. Pure. Paths are relative to the service's folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pathspec import GitIgnoreSpec

from coop_core.build import dockerignore
from coop_core.build.dockerignore import DockerIgnore
from coop_core.spec import extras, reading

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a file of rules: `.dockerignore:3: docs/`."""

    file: str
    line: int
    pattern: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.pattern}"


class Rules:
    """What one snapshot says should be passed over."""

    def __init__(self, watch_ignore: Sequence[str] = (), docker: bytes = b"") -> None:
        self._watch_lines = list(watch_ignore)
        self._watch = GitIgnoreSpec.from_lines(self._watch_lines)
        self._docker = DockerIgnore(docker)

    def ignoring(self, path: str) -> Rule | None:
        """The rule that passes over `path`; None when a change of it counts.

        What says how the service is built and deployed always counts.
        """
        if path in (reading.FILE_NAME, "Dockerfile", dockerignore.FILE_NAME) or path.startswith(
            f"{extras.FOLDER}/"
        ):
            return None
        watched = self._watch.check_file(path)
        if watched.include and watched.index is not None:
            return Rule(reading.FILE_NAME, 0, f"watch.ignore {self._watch_lines[watched.index]}")
        line = self._docker.ignoring(path)
        return Rule(dockerignore.FILE_NAME, line.number, line.text) if line else None
