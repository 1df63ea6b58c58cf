"""Where the Dagger CLI is. coop downloads none: the user's own is used, so that no two tools fight over a cache."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from coop_core.errors import CoopError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Mapping

OLDEST = (0, 21, 8)
"""The first version whose Dockerfile builds are cached by content; older engines build on every save."""

INSTALL = "curl -fsSL https://dl.dagger.io/dagger/install.sh | BIN_DIR=$HOME/.local/bin sh"

_CACHED = re.compile(r"dagger-(\d+)\.(\d+)\.(\d+)")


def find(wished: str | None, environ: Mapping[str, str]) -> Path:
    """The CLI that the settings wish for; else Dagger's own variable, PATH, and the newest in Dagger's cache."""
    named = wished or environ.get("_EXPERIMENTAL_DAGGER_CLI_BIN")
    if named:
        path = Path(named).expanduser()
        if not _runs(path):
            raise _missing(f"the settings or _EXPERIMENTAL_DAGGER_CLI_BIN name {path}, which is no program")
        return path
    on_path = shutil.which("dagger", path=environ.get("PATH", os.defpath))
    if on_path:
        return Path(on_path)
    cached = [
        (tuple(map(int, match.groups())), path)
        for path in _cache(environ).glob("dagger-*")
        if (match := _CACHED.fullmatch(path.name)) and _runs(path)
    ]
    if cached:
        return max(cached)[1]
    raise _missing("the Dagger CLI is neither in the settings, nor on PATH, nor in Dagger's cache")


def _runs(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _cache(environ: Mapping[str, str]) -> Path:
    folder = environ.get("XDG_CACHE_HOME", "")
    if folder.startswith("/"):
        return Path(folder) / "dagger"
    home = Path(environ.get("HOME") or Path.home())
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "dagger"


def _missing(why: str) -> CoopError:
    remedy = f'{INSTALL}; or name it in the settings: [dagger] cli = "/path/to/dagger"'
    return CoopError("cannot build with Dagger", why, remedy, ExitCode.CONFIG)
