"""The local builder: a copy of the service's files, and a language environment to run them in.

Nothing is compiled and nothing is run but pip. The digest stands for what goes in: the program's files, the
environment's key and this builder's version.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING

from coop_core.build import python, staging
from coop_core.build.images import ImageStore, Manifest, reference
from coop_core.build.request import Image
from coop_core.errors import CoopError, ExitCode
from coop_core.git.objects import SYMLINK, Entry, Objects
from coop_core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from coop_core.build.request import BuildRequest

VERSION = 2

# Present in a service's folder: what language it is. The first that matches wins.
_MARKS = (
    ("python", (python.REQUIREMENTS, "setup.py", "Pipfile", *python.DESCRIPTIONS)), ("node", ("package.json",)),
)  # fmt: skip

_SITES = ("", "public/", "dist/", "site/")
"""Where the first page of a folder of static files may lie."""

_DESCRIPTION_LIMIT_BYTES = 8 * 1024 * 1024


class LocalBuilder:
    """images, environments: the folders of `Home` that bear these names."""

    def __init__(self, images: Path, environments: Path) -> None:
        self._store = ImageStore(images, environments)
        self._environments = environments

    def prepare(self) -> None:
        """There is nothing to prepare."""

    async def close(self) -> None:
        """There is nothing kept open."""

    async def build(self, request: BuildRequest) -> Image:
        return await asyncio.to_thread(self._build, request)

    def _build(self, request: BuildRequest) -> Image:
        with Objects(request.repository.git) as objects:
            tree = objects.tree(request.commit, request.prefix)
            if tree is None:
                raise CoopError(
                    f"cannot build {request.spec.name}", f"the commit has no folder {one_line(request.prefix)!r}",
                    "commit the service's files", ExitCode.CONFIG,
                )  # fmt: skip
            entries = staging.present(_kept(objects, staging.program(objects.walk(tree)), request.spec.name))
            wanted, command = _program(objects, request, entries)
            if wanted:
                python.ensure(self._environments, wanted)
            key = wanted.key if wanted else ""
            digest = _digest(entries, key)
            name = reference(request.spec.name, digest)
            if self._store.has(digest):
                return Image(name, was_cached=True)
            manifest = Manifest(request.spec.name, key, command)
            self._store.add(digest, manifest, lambda root: staging.write(objects, entries, root))
            return Image(name, was_cached=False)


def _kept(objects: Objects, entries: list[Entry], name: str) -> list[Entry]:
    """What `.dockerignore` leaves, as in the image that a cluster runs."""
    rules = next((entry for entry in entries if entry.path == ".dockerignore" and entry.mode != SYMLINK), None)
    blob = objects.read(rules.id, _DESCRIPTION_LIMIT_BYTES) if rules else None
    if blob:
        from coop_core.build.dockerignore import DockerIgnore  # deferred: most services have no such file

        ignored = DockerIgnore(blob.body)
        entries = [entry for entry in entries if not ignored.ignoring(entry.path)]
    if len(entries) > staging.FILES_LIMIT:
        raise CoopError(
            f"cannot build {name}", f"it holds more than {staging.FILES_LIMIT} files",
            "name what it does not need in .dockerignore", ExitCode.CONFIG,
        )  # fmt: skip
    return entries


def language(entries: Sequence[Entry]) -> str:
    """What a program is written in, by what lies in its folder: python, node, static, or "" for unknown."""
    paths = {entry.path for entry in entries}
    for name, marks in _MARKS:
        if paths.intersection(marks):
            return name
    if any(path.endswith(".py") for path in paths):
        return "python"
    return "" if site(entries) is None else "static"


def site(entries: Sequence[Entry]) -> str | None:
    """The folder of static files, with a slash at its end; "" is the program's own, None means there is none."""
    paths = {entry.path for entry in entries}
    return next((folder for folder in _SITES if f"{folder}index.html" in paths), None)


def _program(
    objects: Objects, request: BuildRequest, entries: Sequence[Entry]
) -> tuple[python.Dependencies | None, tuple[str, ...]]:
    """What it needs installed, None when it runs with what the machine has; how it starts, () when that is said."""
    found = language(entries)
    if found == "static" and not request.spec.run:
        return python.Dependencies(), _serving(site(entries) or ".")
    if not request.spec.run:
        which = {"node": "a Node program", "python": "a Python program"}.get(found, "a program")
        raise CoopError(
            f"cannot build {request.spec.name}",
            f"nothing says how {which} starts; the local builder reads no Dockerfile",
            "write how it starts in coop.yaml, e.g. run: python -m hello, or let `coop init` look", ExitCode.CONFIG,
        )  # fmt: skip
    if found != "python":
        return None, ()
    return packages(objects, entries), ()


def packages(objects: Objects, entries: Sequence[Entry]) -> python.Dependencies:
    """What a Python program needs installed, by the files in its folder."""
    described = [e for e in entries if e.path.endswith((".txt", ".in")) or e.path in python.DESCRIPTIONS]
    bodies = objects.read_all([e.id for e in described], _DESCRIPTION_LIMIT_BYTES)
    return python.dependencies({e.path: blob.body for e, blob in zip(described, bodies, strict=True) if blob})


def _serving(folder: str) -> tuple[str, ...]:
    options = ("--bind", "$(HOST)", "--protocol", "HTTP/1.1", "--directory", folder)
    return ("python", "-m", "http.server", *options, "$(PORT)")


def _digest(entries: Sequence[Entry], environment: str) -> str:
    lines = [f"coop-local-{VERSION}", environment, *(f"{e.mode} {e.id} {e.path}" for e in entries)]
    return hashlib.sha256("\0".join(lines).encode(errors="surrogateescape")).hexdigest()
