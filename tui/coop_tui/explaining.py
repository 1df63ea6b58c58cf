"""`coop dev --explain PATH`: whether a save of a file deploys, and which rule says so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from watchfiles import Change, DefaultFilter

from coop_core.errors import CoopError, ExitCode
from coop_core.git import repository as repositories
from coop_core.spec import extras, reading
from coop_core.text import one_line
from coop_devloop import service as services

if TYPE_CHECKING:
    from coop_tui.workspace import Surroundings, Workspace


def explained(surroundings: Surroundings, workspaces: list[Workspace], wanted: str) -> str:
    """One line a service. Raises CoopError when a `coop.yaml` cannot be read, and for what is no file."""
    path = Path(wanted).absolute()
    if not path.is_symlink() and not path.is_file():
        raise CoopError(
            "cannot explain what a save would do",
            f"{one_line(wanted)} is {'no regular file' if path.exists() else 'not there'}",
            "name a file that you would save",
            ExitCode.USAGE,
        )
    return "\n".join(f"{one_line(wanted)}: {_for_service(surroundings, each, path)}" for each in workspaces)


def _for_service(surroundings: Surroundings, workspace: Workspace, path: Path) -> str:
    service = services.of_folder(workspace.folder)
    name = service.spec.name
    # Links in the last part are files of their own; in the folders above they are the way.
    real = path.parent.resolve() / path.name
    folder = workspace.folder.resolve()
    if not real.is_relative_to(folder) or real == folder:
        return f"deploys nothing of {name}, which is in {folder}"
    inside = real.relative_to(folder).as_posix()
    if ".git" in real.parts:
        return "deploys nothing: it is Git's own"
    if rule := repositories.ignored_by(surroundings.repository, real):
        return f"deploys nothing: Git ignores it ({one_line(rule)})"
    if passing := service.rules.ignoring(inside):
        return f"deploys nothing: passed over by {one_line(str(passing))}"
    if inside == reading.FILE_NAME or inside.startswith(f"{extras.FOLDER}/"):
        return f"deploys {name}, and builds nothing: it says how it is deployed"
    late = "" if DefaultFilter()(Change.modified, str(real)) else "; it wakes nobody, so with the next look or save"
    return f"builds and deploys {name}{late}"
