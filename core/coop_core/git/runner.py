"""Runs git, through GitPython's command runner and in no other way.

Owns the environment that git gets, time limits, and the check of names that reach its command line. Invariant:
nothing a repository or a user says can become an option, start another program or ask on the terminal.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from coop_core import children
from coop_core.errors import CoopError, ExitCode
from coop_core.git import failures

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PROTOCOLS = ("file", "http", "https", "ssh")
"""What a remote may speak. Never `ext`, which runs commands, and never `git`, which proves nobody's identity."""

LOCAL_LIMIT_S = 60.0
REMOTE_LIMIT_S = 120.0

# A hook or `git rebase --exec` that runs coop hands these down; they would point git at another repository.
_INHERITED = (
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_PREFIX", "GIT_SHALLOW_FILE", "GIT_GRAFT_FILE", "GIT_REPLACE_REF_BASE",
    "GIT_QUARANTINE_PATH", "GIT_IMPLICIT_WORK_TREE", "GIT_LITERAL_PATHSPECS", "GIT_ICASE_PATHSPECS",
    "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_EXTERNAL_DIFF", "GIT_REFLOG_ACTION",
)  # fmt: skip

# On every call: no housekeeping beside our writes, no hooks of the repository, no daemon started by a scan.
_ALWAYS = ("-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "core.hooksPath=/dev/null",
           "-c", "core.fsmonitor=false")  # fmt: skip

_BAD_IN_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|//|@\{|/\.|\.lock(/|$)|\.$|/$|^/|^\.|^-|^@$")


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended. `err` is for people, `out` for programs."""

    status: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        """Output without the line break at its end; bytes that are not UTF-8 survive as surrogates."""
        return os.fsdecode(self.out).removesuffix("\n")


def check_ref(name: str) -> str:
    """`name` when it is a full, well-formed ref (`refs/…`), as `git check-ref-format` judges; else CoopError."""
    if not name.startswith("refs/") or len(name) > 512 or _BAD_IN_REF.search(name):
        raise CoopError(
            "cannot use this Git ref", f"{failures.clean(name)!r} is not a full, well-formed ref name",
            "give a name like refs/heads/main", ExitCode.GIT,
        )  # fmt: skip
    return name


def check_id(name: str) -> str:
    """`name` when it is a whole object id, SHA-1 or SHA-256."""
    if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", name):
        raise CoopError(
            "cannot use this Git object", f"{failures.clean(name)!r} is not a whole object id",
            "give all 40 characters of the commit", ExitCode.GIT,
        )  # fmt: skip
    return name


def check_url(url: str) -> str:
    """`url` when git may be given it: not empty, no option, no control character, no remote helper."""
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)(::|://)", url)
    is_foreign = scheme is not None and (scheme[2] == "::" or scheme[1].lower() not in PROTOCOLS)
    if not url or url.startswith("-") or re.search(r"[\x00-\x1f\x7f]", url) or is_foreign:
        raise CoopError(
            "cannot use this Git remote", f"{failures.clean(url)!r} is not a URL that coop hands to git",
            f"use a path or a URL that starts with one of: {', '.join(PROTOCOLS)}", ExitCode.GIT,
        )  # fmt: skip
    return url


class Running:
    """A git process at work. Used as a context manager it is ended with the block, finished or not."""

    def __init__(self, process: Any, *, limit_s: float, asked: str) -> None:
        self.process = process
        self._limit_s = limit_s
        self._asked = asked

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.returncode is None:
            self.kill()

    def finish(self, stdin: bytes | None = None) -> Result:
        """Feeds `stdin`, waits, and gives the result whatever the status is."""
        try:
            with children.known(self.process.pid):
                out, err = self.process.communicate(stdin, timeout=self._limit_s)
        except subprocess.TimeoutExpired as error:
            self.kill()
            raise failures.too_slow(self._asked, self._limit_s) from error
        except BaseException:
            self.kill()
            raise
        return Result(self.process.returncode, out, os.fsdecode(err))

    def kill(self) -> None:
        """Ends git and what it started: ssh, git-remote-https, receive-pack."""
        children.end(self.process.pid)
        self.process.communicate()


@dataclass(frozen=True, slots=True)
class Git:
    """git in one folder. With `git_dir` no repository is searched for; `work_tree` defaults to the folder."""

    folder: Path
    git_dir: Path | None = None
    work_tree: Path | None = None

    def run(
        self,
        *args: str,
        doing: str,
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
        limit_s: float = LOCAL_LIMIT_S,
    ) -> Result:
        """Runs `git <args>`; a CoopError about `doing` ("cannot <doing>") unless it exits with 0."""
        result = self.attempt(*args, stdin=stdin, env=env, limit_s=limit_s)
        if result.status != 0:
            raise failures.translate(doing, result.err, self.folder)
        return result

    def attempt(
        self,
        *args: str,
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
        limit_s: float = LOCAL_LIMIT_S,
    ) -> Result:
        """Like `run`, but any exit status is an answer."""
        return self.start(args, env=env, limit_s=limit_s, has_stdin=stdin is not None).finish(stdin)

    def start(
        self,
        args: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        limit_s: float = LOCAL_LIMIT_S,
        has_stdin: bool = False,
        keep_open: tuple[int, ...] = (),
    ) -> Running:
        """Starts git and returns at once. keep_open: descriptors that live as long as the process."""
        command = [*_without_inherited(), "git", *_ALWAYS]
        if self.git_dir:
            command += [f"--git-dir={self.git_dir}", f"--work-tree={self.work_tree or self.folder}"]
        # 2.1 ms for `rev-parse`, no more than subprocess alone takes: process start is the cost.
        process = _runner()(str(self.folder)).execute(
            [*command, *args],
            istream=subprocess.PIPE if has_stdin else None,
            as_process=True,
            env={**_environment(), **(env or {})},
            # Away from the terminal: ssh cannot ask there, Ctrl-C ends coop's wait and not git's write.
            start_new_session=True,
            pass_fds=keep_open,
        )
        return Running(process, limit_s=limit_s, asked=f"git {_command_in(args)}")


def with_config(**values: str) -> dict[str, str]:
    """Environment that sets configuration, for values that must not be seen in a list of processes.

    Keys are written with `__` for a dot: `remote__coop__url`.
    """
    first = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
    made = {"GIT_CONFIG_COUNT": str(first + len(values))}
    for number, (key, value) in enumerate(values.items(), first):
        made |= {f"GIT_CONFIG_KEY_{number}": key.replace("__", "."), f"GIT_CONFIG_VALUE_{number}": value}
    return made


def _command_in(args: Sequence[str]) -> str:
    """The word behind the options: `push` in `-c pack.threads=1 push`."""
    return next((word for word in args if not word.startswith("-") and "=" not in word), "")


def _without_inherited() -> list[str]:
    # GitPython adds to the environment and cannot take away, so env(1) does: only when there is something.
    found = [name for name in _INHERITED if name in os.environ]
    return ["env", *(word for name in found for word in ("-u", name))] if found else []


def _environment() -> dict[str, str]:
    allowed = os.environ.get("GIT_ALLOW_PROTOCOL")
    theirs = PROTOCOLS if allowed is None else allowed.split(":")
    return {
        "GIT_ALLOW_PROTOCOL": ":".join(name for name in PROTOCOLS if name in theirs),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_EDITOR": ":",
        "GIT_PAGER": "cat",
    }


def _runner() -> Any:
    # Deferred: 115 ms to import, and importing it looks for git.
    try:
        from git.cmd import Git as Runner
    except ImportError as error:
        raise CoopError(
            "cannot run git", "there is no git program on the PATH", "install Git 2.36 or later", ExitCode.GIT
        ) from error
    return Runner
