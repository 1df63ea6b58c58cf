"""Which folders hold services of their own. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.detection import declared, other_languages, python
from coop_core.detection.findings import Weight

if TYPE_CHECKING:
    from coop_core.detection.compose import Compose
    from coop_core.detection.tree import Tree

DEPTH = 2
"""Folders below the root that are looked at, as commands look for `coop.yaml`."""

_MARKS = (
    "requirements.txt", "pyproject.toml", "Pipfile", "manage.py", "package.json", "go.mod", "Cargo.toml", 
    "config.ru", "Procfile", "coop.yaml", *declared.DOCKERFILES,
)  # fmt: skip
_ASIDE = re.compile(r"(^|/)(tests?|docs?|examples?|node_modules|vendor|k8s|\.[^/]*)(/|$)")


@dataclass(frozen=True, slots=True)
class Split:
    """Folders from the root, "" for the root itself. others: what may be services beside the first."""

    folders: tuple[str, ...]
    others: tuple[str, ...] = ()


def split(tree: Tree, compose: Compose | None) -> Split:
    """What a compose file builds; else the root, if it starts; else every folder that does."""
    projects = [folder for folder in tree.folders(DEPTH) if not _ASIDE.search(folder) and _is_project(tree, folder)]
    built = sorted({folder for folder in compose.folders.values() if folder in projects} if compose else ())
    if built:
        is_root_built = compose is not None and "" in compose.folders.values()
        return Split(("", *built) if is_root_built else tuple(built))
    starting = tuple(folder for folder in projects if starts(own(tree, folder, projects)))
    if starts(tree.without(projects)) or not starting:
        return Split(("",), starting)
    return Split(starting)


def own(tree: Tree, folder: str, projects: list[str] | tuple[str, ...]) -> Tree:
    """What belongs to the service in `folder`, and to no project inside it."""
    start = f"{folder}/" if folder else ""
    inside = [
        project.removeprefix(start) for project in projects if project != folder and project.startswith(start)
    ]
    return tree.below(folder).without(inside)


def starts(tree: Tree) -> bool:
    """Whether something says, or a framework shows, how it starts."""
    found = [*declared.procfile(tree), *declared.dockerfile(tree), *python.look(tree), *other_languages.look(tree)]
    return bool(other_languages.site(tree)) or any(
        finding.key in ("run", "image") and finding.weight < Weight.GUESSED for finding in found
    )


def _is_project(tree: Tree, folder: str) -> bool:
    return any(tree.has(f"{folder}/{mark}") for mark in _MARKS)
