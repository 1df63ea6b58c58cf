"""What projects without `requirements.txt` ask for, as pip reads it: uv, Poetry and Pipenv. Pure.

A lock file becomes constraints: pip chooses the versions that it pins, and resolves only what it leaves open.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

PROJECT = "pyproject.toml"
PIPENV = "Pipfile.lock"
LOCKS = ("uv.lock", "poetry.lock")

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_VERSION = re.compile(r"[A-Za-z0-9.!+_-]+")


class Unusable(Exception):
    """path: the file that is wrong; the text says why."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(why)
        self.path = path


@dataclass(frozen=True, slots=True)
class Asked:
    """Lines of a requirements file, and of a constraints file beside it."""

    wanted: tuple[str, ...]
    pinned: tuple[str, ...] = ()


def asked(files: Mapping[str, bytes]) -> Asked:
    """What the project files among `files` ask for; nothing when there is none. Raises Unusable."""
    if PIPENV in files:
        return Asked(tuple(_pipenv(files[PIPENV])))
    if PROJECT not in files:
        return Asked(())
    about = _toml(files, PROJECT)
    project, tool = _table(about, "project"), _table(_table(about, "tool"), "poetry")
    wanted = _listed(project) if "dependencies" in project else _poetry(_table(tool, "dependencies"))
    lock = next((name for name in LOCKS if name in files), "")
    return Asked(tuple(wanted), tuple(_pins(_toml(files, lock)))) if wanted and lock else Asked(tuple(wanted))


def _listed(project: dict[str, Any]) -> list[str]:
    wanted = project["dependencies"]
    if not isinstance(wanted, list) or not all(isinstance(line, str) and "\n" not in line for line in wanted):
        raise Unusable(PROJECT, "project.dependencies is no list of texts")
    return [line for line in wanted if line.strip()]


def _poetry(wanted: dict[str, Any]) -> list[str]:
    found = []
    for name, about in wanted.items():
        entry = about if isinstance(about, dict) else {"version": about}
        if name == "python" or entry.get("optional"):
            continue
        version = entry.get("version")
        if not _NAME.fullmatch(name) or not isinstance(version, str):
            raise Unusable(PROJECT, f"{name!r} has no version, and only versions can be installed")
        extras = ",".join(str(extra) for extra in entry.get("extras", ()))
        marker = f"; {entry['markers']}" if isinstance(entry.get("markers"), str) else ""
        line = f"{name}{f'[{extras}]' if extras else ''}{_specifier(version)}{marker}"
        if "\n" in line:
            raise Unusable(PROJECT, f"what it says of {name!r} is longer than a line")
        found.append(line)
    return found


def _specifier(version: str) -> str:
    """Poetry's `^1.2`, `~1.2`, `1.*` and `1.2` as Python's own notation, which passes as it is."""
    return ",".join(filter(None, (_one(part.strip()) for part in version.split(","))))


def _one(part: str) -> str:
    numbers = re.fullmatch(r"([\^~])(\d+(?:\.\d+)*)(\S*)", part)
    if numbers and not part.startswith("~="):
        given = [int(number) for number in numbers[2].split(".")]
        kept = min(2, len(given)) if numbers[1] == "~" else _first_that_counts(given)
        limit = [*given[: kept - 1], given[kept - 1] + 1]
        return f">={numbers[2]}{numbers[3]},<{'.'.join(map(str, limit))}"
    if part in ("", "*"):
        return ""
    return f"=={part}" if re.match(r"\d", part) else part


def _first_that_counts(numbers: list[int]) -> int:
    """How many leading numbers a caret keeps but for the last: up to the first that is not 0."""
    return next((place for place, number in enumerate(numbers, 1) if number), len(numbers))


def _pins(lock: dict[str, Any]) -> list[str]:
    """`name==version` for each package of an index that is locked at one version for every platform."""
    versions: dict[str, set[str]] = {}
    packages = lock.get("package")
    for package in packages if isinstance(packages, list) else ():
        name, version, source = (package.get(key) for key in ("name", "version", "source"))
        is_elsewhere = isinstance(source, dict) and not (
            "registry" in source or source.get("type") in ("legacy", "pypi")
        )
        if _is(_NAME, name) and _is(_VERSION, version) and not is_elsewhere:
            versions.setdefault(name, set()).add(version)
    return [f"{name}=={found.pop()}" for name, found in sorted(versions.items()) if len(found) == 1]


def _pipenv(text: bytes) -> list[str]:
    try:
        default = json.loads(text)["default"]
        entries = {name: about["version"] for name, about in default.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unusable(PIPENV, "it does not list versions under default") from error
    if not all(_is(_NAME, name) and _is(_VERSION, version.removeprefix("==")) for name, version in entries.items()):
        raise Unusable(PIPENV, "it lists something other than names and versions")
    return [f"{name}=={version.removeprefix('==')}" for name, version in sorted(entries.items())]


def _is(pattern: re.Pattern[str], text: object) -> bool:
    return isinstance(text, str) and pattern.fullmatch(text) is not None


def _table(inside: dict[str, Any], key: str) -> dict[str, Any]:
    found = inside.get(key, {})
    return found if isinstance(found, dict) else {}


def _toml(files: Mapping[str, bytes], path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(files[path].decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise Unusable(path, str(error)) from error
