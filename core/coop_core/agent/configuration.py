"""The agent's configuration file: which repositories have environment branches.

A JSON file: {"repositories": [{"url": "https://…"}, …]}. Unknown keys are ignored, so that an older agent reads a
newer file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from coop_core.errors import CoopError, ExitCode
from coop_core.text import one_line

if TYPE_CHECKING:
    from pathlib import Path

SIZE_LIMIT_BYTES = 1024 * 1024


class Repository(msgspec.Struct, frozen=True):
    """One Git remote, as a URL or an absolute path."""

    url: str


class Configuration(msgspec.Struct, frozen=True):
    repositories: tuple[Repository, ...] = ()

    @property
    def urls(self) -> tuple[str, ...]:
        """Each once, in the order given."""
        return tuple(dict.fromkeys(repository.url for repository in self.repositories if repository.url))


def version(path: Path) -> tuple[int, ...] | None:
    """Differs whenever the file may; None while it cannot be seen."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def read(path: Path) -> Configuration:
    """The file's content; no file is no repositories. Raises CoopError when it cannot be understood."""
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(SIZE_LIMIT_BYTES), type=Configuration)
    except FileNotFoundError:
        return Configuration()
    except (OSError, msgspec.DecodeError) as error:
        raise CoopError(
            f"cannot read {path}", one_line(str(error)),
            'write it as {"repositories": [{"url": "https://git.example.org/team/service.git"}]}', ExitCode.CONFIG,
        ) from error  # fmt: skip
