"""Writes a service's files from Git to disk, as they are in the commit. The working tree is not looked at."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from coop_core.errors import CoopError
from coop_core.git.objects import EXECUTABLE, SUBMODULE, SYMLINK, Entry, Objects, TooLarge
from coop_core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FILES_LIMIT = 50_000
FILE_LIMIT_BYTES = 256 * 1024 * 1024
TOTAL_LIMIT_BYTES = 1024 * 1024 * 1024

_LFS = b"version https://git-lfs.github.com/spec/"


def program(entries: Sequence[Entry]) -> list[Entry]:
    """What the program consists of: all but `coop.yaml` and `k8s/`, which say how it is deployed."""
    return [e for e in entries if e.path != "coop.yaml" and not e.path.startswith("k8s/")]


def present(entries: Sequence[Entry], excluded: Sequence[str] = ()) -> list[Entry]:
    """The entries whose content is in this repository. excluded: lines of a `.dockerignore`.

    Raises CoopError for a submodule that is not excluded: what runs would lack its files, and nobody would know.
    """
    from coop_core.build.dockerignore import DockerIgnore  # deferred: most services have neither

    modules = [entry for entry in entries if entry.mode == SUBMODULE]
    rules = DockerIgnore("\n".join(excluded).encode()) if modules else None
    for entry in modules:
        if rules and not rules.ignoring(entry.path):
            raise _refused(
                entry,
                "it is a Git submodule, and its files are in another repository",
                "bring the files in here (git subtree), or name it in .dockerignore if the service can do without",
            )
    return [entry for entry in entries if entry.mode != SUBMODULE]


def write(objects: Objects, entries: Sequence[Entry], root: Path) -> None:
    """Writes entries below `root`, where nothing lies in their way. Links come last, so that no file is written
    through one.
    """
    files = [_checked(entry) for entry in entries if entry.mode != SYMLINK]
    left_bytes = TOTAL_LIMIT_BYTES
    made: set[str] = set()
    blobs = objects.read_all([e.id for e in files], FILE_LIMIT_BYTES)
    for entry in files:
        try:
            blob = next(blobs)
        except TooLarge as large:
            raise _refused(
                entry,
                f"it has {large.size_bytes} bytes; the limit is {FILE_LIMIT_BYTES}",
                "keep it out of the service's folder, or out of Git (.gitignore)",
            ) from large
        if blob is None:
            raise _refused(entry, "it is missing in the repository", "git fsck")
        if blob.body.startswith(_LFS):
            raise _refused(entry, "it is kept by Git LFS, which coop does not read", "git lfs untrack it")
        left_bytes -= len(blob.body)
        if left_bytes < 0:
            raise _refused(
                entry, f"the service is larger than {TOTAL_LIMIT_BYTES} bytes", "move data out of its folder"
            )
        folder = entry.path.rpartition("/")[0]
        if folder not in made:
            os.makedirs(root / folder, exist_ok=True)
            made.add(folder)
        _write_file(root / entry.path, blob.body, 0o755 if entry.mode == EXECUTABLE else 0o644)
    _write_links(objects, [_checked(entry) for entry in entries if entry.mode == SYMLINK], root)


def _write_file(path: Path, body: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        view = memoryview(body)
        while view:
            view = view[file.write(view) :]


def _write_links(objects: Objects, links: Sequence[Entry], root: Path) -> None:
    for entry, blob in zip(links, objects.read_all([e.id for e in links], 4096), strict=True):
        target = os.fsdecode(blob.body) if blob else ""
        if not target or target.startswith("/") or "\0" in target:
            raise _outside(entry)
        os.makedirs((root / entry.path).parent, exist_ok=True)
        os.symlink(target, root / entry.path)
    check_links(links, root)


def check_links(links: Sequence[Entry], root: Path) -> None:
    """Raises when one leads out of `root`. Where a link leads depends on the others, so all must be there."""
    real_root = os.path.realpath(root)
    for entry in links:
        real = os.path.realpath(root / entry.path)
        if real != real_root and not real.startswith(real_root + os.sep):
            raise _outside(entry)


def _checked(entry: Entry) -> Entry:
    if any(part in ("", ".", "..", ".git") for part in entry.path.split("/")):
        raise _refused(entry, "that is no path for a file", "git fsck")
    return entry


def _outside(entry: Entry) -> CoopError:
    return _refused(entry, "the link leads out of the service's folder", "replace the link by what it leads to")


def _refused(entry: Entry, why: str, remedy: str) -> CoopError:
    return CoopError(f"cannot build {one_line(entry.path, 120)}", why, remedy)
