"""The files of a folder as detection sees them: all paths, and the texts that may tell something. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

CODE = (".py", ".js", ".mjs", ".cjs", ".ts", ".tsx", ".go", ".rb", ".rs", ".php", ".java", ".kt", ".ex")

_ASIDE = re.compile(
    r"(^|/)(tests?|__tests__|spec|docs?|examples?|samples?|benchmarks?|migrations|scripts|node_modules|vendor)/"
    r"|(^|/)(test_[^/]*|conftest|[^/]*_test|[^/]*\.(test|spec|config|d))\.\w+$"
)


@dataclass(frozen=True, slots=True)
class Hit:
    """A line that matched. where: `file:line`."""

    path: str
    line: int
    match: re.Match[str]

    @property
    def where(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Tree:
    """paths: of all files, from the folder, with slashes. texts: contents of those that were worth reading."""

    name: str
    paths: frozenset[str]
    texts: Mapping[str, str]

    def has(self, path: str) -> bool:
        return path in self.paths

    def text(self, path: str) -> str:
        """ "" for a file that is not there or was not read."""
        return self.texts.get(path, "")

    def below(self, folder: str) -> Tree:
        """The folder alone, seen from inside; "" is the tree itself."""
        if not folder:
            return self
        start = f"{folder}/"
        return Tree(
            folder.rpartition("/")[2],
            frozenset(path.removeprefix(start) for path in self.paths if path.startswith(start)),
            {path.removeprefix(start): text for path, text in self.texts.items() if path.startswith(start)},
        )

    def without(self, folders: Iterable[str]) -> Tree:
        starts = tuple(f"{folder}/" for folder in folders)
        if not starts:
            return self
        kept = frozenset(path for path in self.paths if not path.startswith(starts))
        return Tree(self.name, kept, {path: text for path, text in self.texts.items() if path in kept})

    def code(self, *endings: str) -> list[str]:
        """Read source files that make the program, those nearest to the root first: no tests, no examples."""
        wanted = endings or CODE
        found = [path for path in self.texts if path.endswith(wanted) and not _ASIDE.search(path)]
        return sorted(found, key=lambda path: (path.count("/"), path))

    def search(self, pattern: re.Pattern[str], paths: Iterable[str]) -> Iterator[Hit]:
        """Matches line by line, in order."""
        for path in paths:
            for number, line in enumerate(self.text(path).splitlines(), 1):
                # A longer line is no line that somebody wrote.
                if len(line) <= 500 and (match := pattern.search(line)):
                    yield Hit(path, number, match)

    def folders(self, depth: int) -> list[str]:
        """Folders that hold files, up to `depth` levels down."""
        parents = {parent for path in self.paths for parent in PurePosixPath(path).parents}
        return sorted(str(parent) for parent in parents if 0 < len(parent.parts) <= depth)
