"""What a `.dockerignore` leaves out. Pure. Paths are relative to the folder that it lies in."""

from __future__ import annotations

from dataclasses import dataclass

from pathspec import GitIgnoreSpec

FILE_NAME = ".dockerignore"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the file: its number, from 1, and its text."""

    number: int
    text: str


class DockerIgnore:
    """The rules of one file, of which the last that matches decides."""

    def __init__(self, body: bytes) -> None:
        lines = body.decode("utf-8", "replace").removeprefix("\ufeff").splitlines()
        pairs = [(Line(number, text.strip()), _anchored(text)) for number, text in enumerate(lines, 1)]
        self._lines = [line for line, pattern in pairs if pattern]
        self._patterns = GitIgnoreSpec.from_lines(pattern for _, pattern in pairs if pattern)

    def ignoring(self, path: str) -> Line | None:
        """The line that leaves `path` out; None when it stays."""
        found = self._patterns.check_file(path)
        return self._lines[found.index] if found.include and found.index is not None else None


def _anchored(line: str) -> str:
    """A line as one of a `.gitignore`: in a `.dockerignore`, every pattern begins at the root."""
    pattern = line.strip()
    if not pattern or pattern.startswith("#"):
        return ""
    mark, pattern = ("!", pattern[1:].strip()) if pattern.startswith("!") else ("", pattern)
    pattern = pattern.removeprefix("./").strip("/")
    return f"{mark}/{pattern}" if pattern not in ("", ".") else ""
