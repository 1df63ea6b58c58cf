"""This machine: the settings, the disk, who can read coop's files, and how many files can be watched."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
import shutil
import stat
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from coop_core import settings as user_settings
from coop_core.doctor.checking import Check, Result, failed, passed, skipped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coop_core.doctor.case import Case

FREE_LEAST_BYTES = 1 << 30
_LIMITS = Path("/proc/sys/fs/inotify")
_RAISE = "echo 'fs.inotify.{name}={value}' | sudo tee -a /etc/sysctl.d/60-coop.conf && sudo sysctl --system"


def checks(case: Case) -> list[Check]:
    return [
        Check("settings", lambda: _settings(case)),
        Check("disk", lambda: _disk(case)),
        Check("private files", lambda: _private(case)),
        Check("file watching", lambda: _watches(case)),
    ]


async def _settings(case: Case) -> Result:
    user_settings.load(case.home)
    path = case.home.settings_file
    return passed(str(path) if path.exists() else f"all defaults; {path} would change them")


async def _disk(case: Case) -> Result:
    folder = next(place for place in (case.home.state, *case.home.state.parents) if place.exists())
    if not os.access(folder, os.W_OK):
        return failed(f"{folder} cannot be written to", f"ls -ld '{folder}'")
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < FREE_LEAST_BYTES:
        return failed(
            f"{free_bytes >> 20} MiB are free in {folder}", f"rm -r '{case.home.cache}' frees coop's cache"
        )
    return passed(f"{free_bytes / (1 << 30):.0f} GiB are free")


async def _private(case: Case) -> Result:
    """Tokens and keys are for their owner alone."""
    platform = case.home.platform
    wanted = [case.home.state / "kubeconfig", platform / "tokens.json", *platform.glob("*kubeconfig"), platform]
    wanted += sorted((platform / "tls").glob("*.key"))
    open_ones = [path for path in wanted if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077]
    if open_ones:
        names = " ".join(f"'{path}'" for path in open_ones)
        return failed("others can read what holds tokens", f"chmod go-rwx {names}", partial(_close, open_ones))
    return passed("only you can read tokens and keys")


def _close(paths: Iterable[Path]) -> None:
    for path in paths:
        path.chmod(stat.S_IMODE(path.stat().st_mode) & 0o700)


async def _watches(case: Case) -> Result:
    if not sys.platform.startswith("linux"):
        return skipped("this system has no limit to look at")
    limit = _number("max_user_watches")
    if _instance() == errno.EMFILE:
        most = _number("max_user_instances")
        mend = _RAISE.format(name="max_user_instances", value=max(512, 2 * most))
        return failed(f"all {most} watchers of your user are taken", mend)
    repository = await case.repository()
    if repository is None:
        return passed(f"up to {limit} folders can be watched")
    listing = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    found = await asyncio.to_thread(repository.git.attempt, *listing, limit_s=8.0)
    folders = len({path.rpartition("/")[0] for path in found.text.split("\0")})
    if folders > limit // 2:
        mend = _RAISE.format(name="max_user_watches", value=max(524_288, 4 * folders))
        return failed(f"the repository has {folders} folders, and {limit} can be watched by all programs", mend)
    return passed(f"{folders} folders here, of {limit} that can be watched")


def _number(name: str) -> int:
    try:
        return int((_LIMITS / name).read_text())
    except (OSError, ValueError):
        return sys.maxsize


def _instance() -> int:
    """The error of making one more watcher; 0 when that works."""
    library = ctypes.CDLL(None, use_errno=True)
    descriptor = library.inotify_init1(os.O_CLOEXEC)
    if descriptor < 0:
        return ctypes.get_errno()
    os.close(descriptor)
    return 0
