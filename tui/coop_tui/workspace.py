"""Where a command runs: the repository, the service one stands in, the settings, the user."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from coop_core import settings as user_settings
from coop_core.errors import CoopError, ExitCode
from coop_core.paths import Home
from coop_core.spec.reading import NEAR_MISS, rename
from coop_core.text import one_line

if TYPE_CHECKING:
    from coop_core.git.repository import Remote, Repository
    from coop_core.platform.access import Access
    from coop_core.settings import Settings
    from coop_core.spec.service import ServiceSpec

SPEC_FILE = "coop.yaml"


@dataclass(frozen=True, slots=True)
class Workspace:
    """home and settings are the user's; folder is where `coop.yaml` lies, inside repository."""

    home: Home
    settings: Settings
    repository: Repository
    folder: Path

    @property
    def prefix(self) -> str:
        """The service's folder inside the repository, "" for its root."""
        return self.repository.prefix(self.folder)

    def spec(self) -> ServiceSpec:
        """The spec as it is in the working tree now."""
        from coop_core.spec.reading import parse

        return parse((self.folder / SPEC_FILE).read_bytes(), str(self.folder / SPEC_FILE))

    def user(self) -> str:
        from coop_core.platform import owner

        return owner.user(self.home, self.settings, self.folder)

    def remote(self, access: Access) -> Remote:
        """Where deploy commits go."""
        return remote_of(self.home, self.settings, self.repository, is_local=access.is_local)


def remote_of(home: Home, settings: Settings, repository: Repository, *, is_local: bool) -> Remote:
    """Where environment branches are. Without any remote it is a bare repository on the local platform's disk."""
    from coop_core.git import repository as repositories
    from coop_core.platform import remotes

    if is_local and not settings.remote and not repositories.remote_names(repository):
        folder = str(remotes.bare(home, repository))
        return repositories.Remote(folder, folder)
    return repositories.remote(repository, settings.remote or "")


def here(folder: Path | None = None, home: Home | None = None) -> Workspace:
    """The workspace of the service in `folder` or above it, or of the only one below the repository's root.

    home: None for the user's own.
    """
    found = around(folder, home)
    if found.own is not None:
        return found.workspace(found.own)
    if len(found.folders) == 1:
        return found.workspace(found.folders[0])
    shown = [str(place.relative_to(found.repository.root)) for place in found.folders]
    raise CoopError(
        "cannot tell which service you mean",
        f"this repository holds several: {', '.join(shown)}",
        f"cd {shown[0]}",
        ExitCode.CONFIG,
    )


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is around a folder: every service of its repository, and the one that the folder belongs to, if any."""

    home: Home
    settings: Settings
    repository: Repository
    folders: tuple[Path, ...]
    own: Path | None

    def workspace(self, folder: Path) -> Workspace:
        return Workspace(self.home, self.settings, self.repository, folder)

    def workspaces(self) -> dict[str, Workspace]:
        """All services of the repository by their `coop.yaml`, which is named from the root."""
        root = self.repository.root.resolve()
        return {str(folder.relative_to(root) / SPEC_FILE): self.workspace(folder) for folder in self.folders}


def around(folder: Path | None = None, home: Home | None = None) -> Surroundings:
    """Raises CoopError where there is no repository, or no service in it."""
    from coop_core.git import repository as repositories

    start = (folder or Path.cwd()).resolve()
    own_home = home or Home.from_environment()
    settings = user_settings.load(own_home)
    repository = repositories.find(start)
    root = repository.root.resolve()
    paths = repositories.named(repository, SPEC_FILE)
    folders = tuple((root / path).parent for path in paths)
    above = next((place for place in (start, *start.parents) if (place / SPEC_FILE).is_file()), None)
    own = above if above is not None and above.is_relative_to(root) else None
    if own is None and (near := _near_miss(repository, start, is_only=not folders)):
        raise CoopError(
            "cannot find a service here", f"there is {one_line(str(near))}, and coop reads {SPEC_FILE}",
            rename(one_line(str(near))), ExitCode.CONFIG,
        )  # fmt: skip
    if not folders and own is None:
        raise CoopError(
            "cannot find a service here",
            f"there is no {SPEC_FILE} in {start} or above it",
            f'coop init writes one; two lines are enough, "name: {_name_for(root)}" and "run: python app.py"',
            ExitCode.CONFIG,
        )
    return Surroundings(own_home, settings, repository, folders, own)


def _near_miss(repository: Repository, start: Path, *, is_only: bool) -> Path | None:
    """A file that is almost called `coop.yaml`: in `start` or above it, else anywhere if there is nothing else."""
    from coop_core.git import repository as repositories

    root = repository.root.resolve()
    places = [place for place in (start, *start.parents) if place.is_relative_to(root)]
    found = [place / NEAR_MISS for place in places if (place / NEAR_MISS).is_file()]
    found += [root / path for path in repositories.named(repository, NEAR_MISS)] if is_only and not found else []
    return found[0] if found else None


def _name_for(root: Path) -> str:
    from coop_core.git.repository import as_label

    return as_label(root.name) or "hello"
