"""Reads a folder for detection: bounded, no links followed, nothing that Git ignores."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from coop_core.detection.compose import FILES as COMPOSE_FILES
from coop_core.detection.declared import DOCKERFILES, EXAMPLES
from coop_core.detection.tree import CODE, Tree
from coop_core.errors import CoopError
from coop_core.git.runner import Git

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

PATHS_LIMIT = 50_000
TEXTS_LIMIT = 3000
TEXT_LIMIT_BYTES = 128 * 1024
TOTAL_LIMIT_BYTES = 32 * 1024 * 1024
DEPTH_LIMIT = 6

_NAMES = frozenset({
    "Procfile", "Makefile", "Pipfile", "Gemfile", "config.ru", "go.mod", "package.json", "manage.py",
    *DOCKERFILES, *EXAMPLES, *COMPOSE_FILES,
})  # fmt: skip
_ENDINGS = (*CODE, ".toml", ".txt", ".in", ".yaml", ".yml")
_SKIPPED = frozenset({"node_modules", "venv", "__pycache__", "target", "vendor"})


def gather(folder: Path) -> Tree:
    """The files of a folder. Where Git ignores what is made, so does this."""
    paths = [path for path in _paths(folder) if path.count("/") <= DEPTH_LIMIT][:PATHS_LIMIT]
    return Tree(folder.name, frozenset(paths), dict(_texts(folder, paths)))


def _paths(folder: Path) -> list[str]:
    listing = ("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
    try:
        found = Git(folder).attempt(*listing)
    except CoopError:  # no git here; that is for others to say
        return sorted(_walked(folder))
    return sorted(filter(None, found.text.split("\0"))) if found.status == 0 else sorted(_walked(folder))


def _walked(folder: Path) -> Iterator[str]:
    seen = 0
    for here, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in _SKIPPED and not name.startswith(".")]
        for name in files:
            yield os.path.relpath(os.path.join(here, name), folder)
        seen += len(files)
        if seen > PATHS_LIMIT:
            return


def _texts(folder: Path, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Nearest to the root first, so that the limits cut off what tells least."""
    wanted = [path for path in paths if path.rpartition("/")[2] in _NAMES or path.endswith(_ENDINGS)]
    left_bytes = TOTAL_LIMIT_BYTES
    for path in sorted(wanted, key=lambda path: (path.count("/"), path))[:TEXTS_LIMIT]:
        content = _content(folder / path)
        left_bytes -= len(content)
        if left_bytes < 0:
            return
        if content:
            yield path, content.decode("utf-8", "replace")


def _content(path: Path) -> bytes:
    """b"" for what is no plain file, cannot be read, or is longer than what somebody writes."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            about = os.fstat(descriptor)
            is_read = stat.S_ISREG(about.st_mode) and about.st_size <= TEXT_LIMIT_BYTES
            return file.read(TEXT_LIMIT_BYTES) if is_read else b""
    except OSError:
        return b""
