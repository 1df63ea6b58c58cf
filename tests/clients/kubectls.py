"""The kubectls of this machine: the one on PATH, and the `kubectl.1.N` that lie where it really is."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Kubectl:
    """minor: 32 for version 1.32."""

    path: Path
    minor: int

    def __str__(self) -> str:
        return f"1.{self.minor}"


def at(path: Path) -> Kubectl:
    """Asks the program itself, which may be called anything."""
    asked = [str(path), "version", "--client", "-o", "json"]
    done = subprocess.run(asked, capture_output=True, timeout=30, check=True)
    version = json.loads(done.stdout)["clientVersion"]
    return Kubectl(path, int(version["minor"].rstrip("+")))


def found() -> list[Kubectl]:
    """All of them, one a version, PATH's first."""
    on_path = shutil.which("kubectl")
    if on_path is None:
        return []
    first = at(Path(on_path))
    beside = [
        Kubectl(path, int(path.suffix.removeprefix(".")))
        for path in first.path.resolve().parent.glob("kubectl.1.*")
        if path.suffix.removeprefix(".").isdecimal()
    ]
    return [first, *sorted((one for one in beside if one.minor != first.minor), key=lambda one: one.minor)]


def some() -> list[Kubectl]:
    """PATH's, and of the others the oldest and the newest: what differs between versions, differs between those."""
    first, others = found()[:1], found()[1:]
    return [*first, *dict.fromkeys((*others[:1], *others[-1:]))]
