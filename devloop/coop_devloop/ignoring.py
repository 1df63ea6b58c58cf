"""Which changes deploy nothing, and which rule says so.

Git's own rules are not here: what it ignores is in no snapshot. Pure. Paths are relative to the service's folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pathspec import GitIgnoreSpec

from coop_core.spec import extras, reading

if TYPE_CHECKING:
    from collections.abc import Sequence

DOCKERIGNORE = ".dockerignore"


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

    def __init__(self, watch_ignore: Sequence[str] = (), dockerignore: bytes = b"") -> None:
        lines = dockerignore.decode("utf-8", "replace").splitlines()
        self._sources = (
            _Source([(Rule(reading.FILE_NAME, 0, f"watch.ignore {text}"), text) for text in watch_ignore]),
            _Source([(Rule(DOCKERIGNORE, at, text.strip()), _anchored(text)) for at, text in enumerate(lines, 1)]),
        )

    def ignoring(self, path: str) -> Rule | None:
        """The rule that passes over `path`; None when a change of it counts.

        What says how the service is built and deployed always counts.
        """
        if path in (reading.FILE_NAME, "Dockerfile", DOCKERIGNORE) or path.startswith(f"{extras.FOLDER}/"):
            return None
        return next((rule for source in self._sources if (rule := source.ignoring(path))), None)


class _Source:
    """Rules and their patterns in order, of which the last that matches decides; empty patterns are none."""

    def __init__(self, rules: Sequence[tuple[Rule, str]]) -> None:
        self._rules = [rule for rule, pattern in rules if pattern]
        self._patterns = GitIgnoreSpec.from_lines(pattern for _, pattern in rules if pattern)

    def ignoring(self, path: str) -> Rule | None:
        found = self._patterns.check_file(path)
        return self._rules[found.index] if found.include and found.index is not None else None


def _anchored(line: str) -> str:
    """A line of a `.dockerignore` as one of a `.gitignore`: there, every pattern begins at the root."""
    pattern = line.strip()
    if not pattern or pattern.startswith("#"):
        return ""
    mark, pattern = ("!", pattern[1:].strip()) if pattern.startswith("!") else ("", pattern)
    pattern = pattern.removeprefix("./").strip("/")
    return f"{mark}/{pattern}" if pattern not in ("", ".") else ""
