"""The sample app in a repository of its own, with a bare remote beside it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import coop_tui
from coop_core.errors import CoopError
from coop_core.git import repository
from coop_core.git.runner import Git

NAME = "hello"
MESSAGE = "Hello from coop"
NEW_MESSAGE = "Hello from a save"
_IDENTITY = ("-c", "user.name=coop demo", "-c", "user.email=demo@coop.internal")


@dataclass(frozen=True, slots=True)
class Sample:
    """folder: the clone one works in; remote: the bare repository that both sides push to and read from."""

    folder: Path
    remote: Path

    def edit(self) -> tuple[Path, str]:
        """Saves one changed line, as editors do; returns the file and the line."""
        for path in sorted(self.folder.rglob("*.py")):
            text = path.read_text("utf-8")
            if f'"{MESSAGE}"' in text:
                changed = text.replace(f'"{MESSAGE}"', f'"{NEW_MESSAGE}"')
                new = path.with_name(f".{path.name}.new")
                new.write_text(changed, "utf-8")
                new.replace(path)
                return path, next(line for line in changed.splitlines() if NEW_MESSAGE in line)
        raise CoopError(
            "cannot edit the sample app", f"no file says {MESSAGE!r}", "install coop again: it ships with it"
        )


def source() -> Path:
    """Where the sample app lies: inside the installed package, or beside it in a checkout."""
    package = Path(coop_tui.__file__).parent
    installed = package / "sample_app"
    return installed if installed.is_dir() else package.parent.parent / "sample-app"


def prepare(folder: Path) -> Sample:
    """Copies the sample app, commits it and pushes `main` to a new bare remote. Blocks."""
    work, remote = folder / NAME, folder / f"{NAME}.git"
    repository.create_bare(remote)
    shutil.copytree(source(), work, ignore=shutil.ignore_patterns("__pycache__"))
    git = Git(work)
    doing = "prepare the sample app"
    git.run("init", "--quiet", "--initial-branch=main", doing=doing)
    git.run("remote", "add", "origin", str(remote), doing=doing)
    git.run("add", "--all", doing=doing)
    git.run(*_IDENTITY, "commit", "--quiet", "--message", "Hello", doing=doing)
    git.run("push", "--quiet", "origin", "main", doing=doing)
    return Sample(work, remote)
