"""Files and folders of any commit, without a checkout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.errors import CoopError, ExitCode
from coop_core.git.objects import FOLDER, SUBMODULE, SYMLINK, Objects

if TYPE_CHECKING:
    from coop_core.git.repository import Repository


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is taken into memory."""

    file_bytes: int = 8 * 1024 * 1024
    total_bytes: int = 64 * 1024 * 1024
    files: int = 10_000


def some(repository: Repository, tree_ish: str, prefix: str, names: tuple[str, ...]) -> dict[str, bytes]:
    """Contents by path of the files and folders called `names` directly at `prefix`.

    Symbolic links and submodules are left out. Empty when there is no such folder; CoopError when it is too much.
    """
    limits = Limits()
    found: dict[str, bytes] = {}
    with Objects(repository.git) as objects:
        tree = objects.tree(tree_ish, prefix)
        for entry in objects.entries(tree) if tree else ():
            if entry.path not in names or entry.mode in (SYMLINK, SUBMODULE):
                continue
            if entry.mode == FOLDER:
                below = contents(objects, entry.id, limits)
                found |= {f"{entry.path}/{path}": body for path, body in below.items()}
            elif blob := objects.read(entry.id, limits.file_bytes):
                found[entry.path] = blob.body
    return found


def contents(objects: Objects, tree: str, limits: Limits) -> dict[str, bytes]:
    """The regular files below a tree."""
    entries = [e for e in objects.walk(tree, limits.files) if e.mode not in (SYMLINK, SUBMODULE)]
    found: dict[str, bytes] = {}
    left_bytes = limits.total_bytes
    for entry, blob in zip(entries, objects.read_all([e.id for e in entries], limits.file_bytes), strict=True):
        if blob is None:
            raise CoopError(
                "cannot read this folder from Git", f"{entry.path} is missing", "git fsck", ExitCode.GIT
            )
        left_bytes -= len(blob.body)
        if left_bytes < 0:
            raise CoopError(
                "cannot read this folder from Git", f"it holds more than {limits.total_bytes} bytes",
                "keep large files out of it", ExitCode.GIT,
            )  # fmt: skip
        found[entry.path] = blob.body
    return found
