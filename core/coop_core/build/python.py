"""Python environments for programs: one per interpreter and set of dependencies.

Without dependencies it is a bare venv, made in 3 ms, so that coop's own packages stay invisible. Invariant: an
environment with the file `ready` is whole; one without is made again. It is made where it stays, because the
scripts that pip writes carry its path.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core import children
from coop_core.build import locks
from coop_core.errors import CoopError, ExitCode
from coop_core.git.failures import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

REQUIREMENTS = "requirements.txt"
PROJECT = locks.PROJECT
DESCRIPTIONS = (PROJECT, locks.PIPENV, *locks.LOCKS)
"""What may say which packages a program needs, beside files of requirements."""

_CONSTRAINTS = "constraints.txt"
_INSTALL_LIMIT_S = 900
_INCLUDES = re.compile(r"^\s*(?:-r|-c|--requirement|--constraint)[ =]*(\S+)", re.MULTILINE)
_LOCAL = re.compile(r"^\s*(?:-e|--editable|\.{1,2}(?:/|\s|\[|$)|file:)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Dependencies:
    """files: what pip reads, by path; empty when the program needs nothing."""

    files: tuple[tuple[str, bytes], ...] = ()

    @property
    def key(self) -> str:
        """Names the environment: the interpreter and everything that pip is told."""
        parts = [(path, hashlib.sha256(body).hexdigest()) for path, body in self.files]
        about = [1, sys.version, getattr(sys, "_base_executable", sys.executable), parts]
        return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:32]


def dependencies(files: Mapping[str, bytes]) -> Dependencies:
    """What a program asks for: `requirements.txt` and what it includes, else what its project files say."""
    if REQUIREMENTS in files:
        return Dependencies(tuple(sorted(_with_included(files, REQUIREMENTS).items())))
    try:
        asked = locks.asked(files)
    except locks.Unusable as error:
        raise _unusable(error.path, clean(str(error)), "correct the file") from error
    if not asked.wanted:
        return Dependencies()
    constraints = {_CONSTRAINTS: asked.pinned} if asked.pinned else {}
    lines = {REQUIREMENTS: (*(f"--constraint {path}" for path in constraints), *asked.wanted), **constraints}
    return Dependencies(tuple((path, "\n".join([*found, ""]).encode()) for path, found in sorted(lines.items())))


def ensure(folder: Path, wanted: Dependencies) -> None:
    """Makes the environment `folder/<key>` unless it is ready. Two builders make it once."""
    place = folder / wanted.key
    if (place / "ready").exists() and (place / "bin" / "python").exists():
        os.utime(place)
        return
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / f"{wanted.key}.lock") as lock:
        if (place / "ready").exists() and (place / "bin" / "python").exists():
            return
        shutil.rmtree(place, ignore_errors=True)
        _make(place, wanted, lock)
        (place / "ready").touch()


def _make(place: Path, wanted: Dependencies, lock: int) -> None:
    import venv  # deferred: 11 ms, and only a new set of dependencies pays

    has_pip = importlib.util.find_spec("pip") is not None
    try:
        # 5 s with a pip of its own, so the one beside coop serves where there is one.
        venv.EnvBuilder(symlinks=True, with_pip=bool(wanted.files) and not has_pip).create(place)
    except (OSError, subprocess.SubprocessError) as error:
        raise CoopError(
            "cannot make a Python environment", clean(str(error)), "install Python's venv and ensurepip modules"
        ) from error
    if not wanted.files:
        return
    asked = place / "asked"
    for path, body in wanted.files:
        (asked / path).parent.mkdir(parents=True, exist_ok=True)
        (asked / path).write_bytes(body)
    program = str(place / "bin" / "python")
    ours = [sys.executable, "-I", "-m", "pip", "--python", program]
    _install(ours if has_pip else [program, "-I", "-m", "pip"], asked, lock)


def _install(pip: list[str], asked: Path, lock: int) -> None:
    options = ["--disable-pip-version-check", "--no-input", "--quiet", "--requirement", REQUIREMENTS]
    command = [*pip, "install", *options]
    try:
        # pip inherits the lock, so nobody deletes the environment under it when coop is killed.
        running = subprocess.Popen(
            command, cwd=asked, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            pass_fds=(lock,), start_new_session=True,
        )  # fmt: skip
        with running, children.known(running.pid):
            try:
                out, err = running.communicate(timeout=_INSTALL_LIMIT_S)
            finally:
                if running.returncode is None:
                    children.end(running.pid)
    except subprocess.TimeoutExpired as error:
        raise CoopError(
            "cannot install the dependencies",
            f"pip did not finish within {_INSTALL_LIMIT_S} s",
            "check the network",
        ) from error
    if running.returncode != 0:
        said = (err or out).decode(errors="replace").strip().split("\n")
        last = "; ".join(clean(line, 200) for line in said[-3:] if line.strip())
        raise CoopError(
            "cannot install the dependencies", last or "pip failed", f"correct {REQUIREMENTS} or {PROJECT}"
        )


def _with_included(files: Mapping[str, bytes], path: str) -> dict[str, bytes]:
    """A requirements file and those it includes, however deep."""
    found: dict[str, bytes] = {}
    todo = [path]
    while todo:
        name = todo.pop()
        if name in found:
            continue
        if name not in files:
            raise _unusable(path, f"it includes {clean(name)}, which is not in the service's folder")
        text = files[name].decode(errors="replace")
        if _LOCAL.search(text):
            raise _unusable(name, "it installs a folder; the program already runs from its own", "remove that line")
        found[name] = files[name]
        here = name.rpartition("/")[0]
        todo += [os.path.normpath(f"{here}/{match[1]}" if here else match[1]) for match in _INCLUDES.finditer(text)]
    return found


def _unusable(path: str, why: str, remedy: str = "add the file, or remove the line") -> CoopError:
    return CoopError("cannot install the dependencies", f"{path}: {why}", remedy, ExitCode.CONFIG)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)
