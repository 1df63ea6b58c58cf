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

_NO_SERVICE = re.compile(rf"{_ASIDE.pattern}|(^|/)(src|scripts|samples?)(/|$)")


@dataclass(frozen=True, slots=True)
class Split:
    """Folders from the root, "" for the root itself. others: what is left out and may be services as well."""

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
    if starts(tree.without(projects)):
        return Split(("",), starting)
    return Split(starting or ("",), _programs(tree, starting))


def _programs(tree: Tree, taken: tuple[str, ...]) -> tuple[str, ...]:
    """Folders outside of those that are taken which hold a program by its file's name alone."""
    found: list[str] = []
    for folder in tree.folders(DEPTH):
        is_inside = folder.startswith(tuple(f"{outer}/" for outer in (*taken, *found))) or folder in taken
        if not is_inside and not _NO_SERVICE.search(folder) and _is_program(tree, folder):
            found.append(folder)
    return tuple(found)


def _is_program(tree: Tree, folder: str) -> bool:
    """A package belongs to a program elsewhere; beside a `coop.yaml` nothing is left to do."""
    is_settled = tree.has(f"{folder}/__init__.py") or tree.has(f"{folder}/coop.yaml")
    return not is_settled and any(tree.has(f"{folder}/{name}") for name in (*python.PLAIN, "server.js"))


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
