"""Names for the shell to complete: services and environments, from files alone.

Runs at every press of the key, so it starts no process, reads no network and no settings, and never fails: where
something cannot be read there are fewer names.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import click

    Names = Callable[[click.Context, click.Parameter, str], list[str]]

NAMES_LIMIT = 500
_READ_BYTES = 64 * 1024

_SPECS = ("coop.yaml", "*/coop.yaml", "*/*/coop.yaml")
_NAME = re.compile(r"^name:[ \t]*['\"]?([a-z][a-z0-9-]{0,62})", re.MULTILINE)
_ENVIRONMENT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_URL = re.compile(r"^\s*url\s*=\s*(?:file://)?\"?(/[^\s\"]+)", re.MULTILINE)
# Where a repository remembers environment branches: the remote's own, and what coop saw of them.
_PLACES = (
    re.compile(r"refs/remotes/[^/]+/env/([^/]+)"),
    re.compile(r"refs/coop/(?:env|seen)/([^/]+)/.*"),
    re.compile(r"refs/heads/env/([^/]+)"),
)


@dataclass(frozen=True, slots=True)
class Places:
    """root: of the work tree. git_dir: what all its work trees share."""

    root: Path
    git_dir: Path


def complete_environments(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """For `shell_complete`: `main`, and every environment that this repository has heard of."""
    return _matching(lambda: {"main", *environments(Path.cwd())}, incomplete)


def complete_services(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """For `shell_complete`: the services of this repository that are not named yet."""
    named = context.params.get(parameter.name or "") if parameter.multiple or parameter.nargs == -1 else ()
    return _matching(lambda: {*services(Path.cwd())} - {*(named or ())}, incomplete)


def environments(folder: Path) -> set[str]:
    places = find(folder)
    if places is None:
        return set()
    found = _branches(places.git_dir)
    for remote in (*_local_remotes(places), *_own_remotes(places.root)):
        found |= _branches(remote)
    return found


def services(folder: Path) -> set[str]:
    places = find(folder)
    root = places.root if places else folder
    paths = [path for pattern in _SPECS for path in root.glob(pattern)]
    return {match[1] for path in paths[:NAMES_LIMIT] if (match := _NAME.search(_text(path)))}


def find(folder: Path) -> Places | None:
    """The repository around `folder`, without asking git."""
    for place in (folder, *folder.parents):
        found = place / ".git"
        if found.is_dir():
            return Places(place, found)
        if found.is_file():
            own = place / _text(found).strip().removeprefix("gitdir: ")
            shared = _text(own / "commondir").strip()
            return Places(place, own / shared if shared else own)
    return None


def _branches(git_dir: Path) -> set[str]:
    from coop_core.git import refs

    names: set[str] = set()
    for prefix in ("refs/remotes/", "refs/coop/env/", "refs/coop/seen/", "refs/heads/env/"):
        with suppress(refs.Unreadable, OSError):
            for ref in refs.under(git_dir, prefix):
                names |= {match[1] for place in _PLACES if (match := place.fullmatch(ref))}
    return {name for name in names if _ENVIRONMENT.fullmatch(name)}


def _local_remotes(places: Places) -> Iterator[Path]:
    """Remotes on this disk know more than what was fetched of them."""
    for match in _URL.finditer(_text(places.git_dir / "config")):
        folder = Path(match[1])
        yield from (place for place in (folder, folder / ".git") if (place / "HEAD").is_file())


def _own_remotes(root: Path) -> Iterator[Path]:
    """The bare repository that the local platform keeps for one without any remote."""
    from coop_core.paths import Home

    folder = Home.from_environment().platform / "git"
    yield from (place for place in folder.glob("*.git") if place.name.rpartition("-")[0] == root.name)


def _text(path: Path) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            return file.read(_READ_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def _matching(names: Callable[[], Iterable[str]], incomplete: str) -> list[str]:
    with suppress(Exception):  # a door: whatever is wrong here, a shell wants names and not a traceback
        return sorted(name for name in names() if name.startswith(incomplete))[:NAMES_LIMIT]
    return []
