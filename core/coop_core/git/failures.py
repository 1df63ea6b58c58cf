"""What git says when it fails, turned into what a user can do about it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from coop_core.errors import CoopError, ExitCode
from coop_core.text import one_line

if TYPE_CHECKING:
    from pathlib import Path

# The user part of a URL: `user:password@` anywhere, and a lone `token@` where HTTP is spoken.
_SECRETS = re.compile(r"(?<=://)[^/\s@:]*:[^/\s@]*@|(?<=http://)[^/\s@]+@|(?<=https://)[^/\s@]+@")
_PREFIXES = re.compile(r"^(remote|fatal|error|warning|hint): *", re.IGNORECASE)

# What passes by itself: the network, a remote that restarts.
_AWAY = (
    "Could not resolve|Failed to connect|Couldn't connect|Connection (refused|timed out|reset|closed)"
    "|unable to access|Network is unreachable|the remote end hung up|early EOF|No route to host|error: 5[0-9][0-9]"
)

# (what git says, remedy); the first that matches wins.
_KNOWN: tuple[tuple[str, str], ...] = (
    ("dubious ownership", "git config --global --add safe.directory '{folder}'"),
    ("not a git repository", "git init"),
    (
        "Authentication failed|could not read (Username|Password)|terminal prompts disabled|Permission denied"
        "|Host key verification failed|error: 40[13]|HTTP 40[13]|Invalid username",
        "check that `git push --dry-run` works in this repository without asking anything",
    ),
    (_AWAY, "check the network and the remote's address: git remote -v"),
    (
        "does not appear to be a git repository|[Rr]epository .*not found|does not exist|Could not read from",
        "check the remote's address: git remote -v",
    ),
    ("transport '.*' not allowed", "use a remote over https or ssh: git remote set-url origin https://…"),
    ("pre-receive hook|update hook|protected branch|GH006|hook declined", "ask whoever runs the Git server"),
    ("No space left|Disk quota", "free some disk space"),
    (
        "insufficient permission|unable to (create|write)|cannot open|Read-only file system",
        "ls -ld '{folder}'/.git",
    ),
    ("does not have a commit checked out", "add that folder to .gitignore"),
    ("bad (object|tree)|missing (blob|tree|commit)|corrupt|is empty", "git fsck"),
)


class Unreachable(CoopError):
    """The remote is away for now: the same command may work later."""


def clean(text: str, limit: int = 256) -> str:
    """Git's words on one printable line, without passwords and tokens."""
    return one_line(_SECRETS.sub("", text[: limit * 16]), limit)


def reason(err: str) -> str:
    """The lines of git's standard error that say why, joined and cut."""
    told = [clean(line) for line in err.replace("\r", "\n").split("\n")]
    wanted = [line for line in told if line and not line.lower().startswith(("hint:", "to ", "warning:"))]
    fatal = [line for line in wanted if line.startswith(("fatal:", "error:", "remote:", "!"))] or wanted
    plain = [line for line in (_PREFIXES.sub("", line) for line in fatal) if line]
    return clean("; ".join(dict.fromkeys(plain)) or "git gave no reason")


def translate(doing: str, err: str, folder: Path) -> CoopError:
    """The error for a command that failed with `err` on its standard error."""
    pattern, remedy = next(
        (known for known in _KNOWN if re.search(known[0], err)),
        ("", "git status, and git fsck if that looks fine"),
    )
    error = Unreachable if pattern == _AWAY else CoopError
    return error(f"cannot {doing}", reason(err), remedy.format(folder=clean(str(folder))), ExitCode.GIT)


def too_slow(asked: str, limit_s: float) -> CoopError:
    return Unreachable(
        f"cannot wait for {asked}", f"it did not finish within {limit_s:g} s",
        "check the network and the disk, then try again", ExitCode.GIT,
    )  # fmt: skip
