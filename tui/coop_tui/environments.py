"""What `coop env` says and asks: environments as a table or JSON, and when somebody must agree first. Pure."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec

from coop_core.clock import age, rfc3339
from coop_core.errors import CoopError, ExitCode
from coop_core.git.branches import SHARED
from coop_core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coop_core.git.environments import Environment

Verb = Literal["sleep", "wake", "delete"]

_HEADINGS = ("ENVIRONMENT", "STATE", "SERVICES", "DEPLOYED", "BY", "EXPIRES")


@dataclass(frozen=True, slots=True)
class Question:
    """What must be answered before anything is done. answer: the word to type, "" for yes or no."""

    text: str
    answer: str = ""


def question(verb: Verb, name: str, own: str, *, is_shared_meant: bool) -> Question | None:
    """What to ask before doing `verb` to an environment; None when nobody needs to be asked.

    own: the user's personal environment. Raises CoopError when the shared one is named and not clearly meant.
    """
    if name == SHARED:
        if not is_shared_meant:
            raise CoopError(
                f"cannot {verb} {SHARED}", "everybody shares that environment",
                f"if you mean it: coop env {verb} {SHARED} --shared", ExitCode.USAGE,
            )  # fmt: skip
        return Question(f"{verb} {SHARED}, which everybody shares? Type its name to go on", SHARED)
    if name != own:
        return Question(f"{verb} {name}, which is not yours?")
    return Question(f"delete {name} and everything in it?") if verb == "delete" else None


def not_asked(verb: Verb, name: str) -> CoopError:
    """There is no terminal to ask at."""
    shared = " --shared" if name == SHARED else ""
    return CoopError(
        f"cannot {verb} {one_line(name, 80)}", "that needs an answer, and there is no terminal to ask at",
        f"coop env {verb} {shlex.quote(one_line(name, 80))}{shared} --yes", ExitCode.USAGE,
    )  # fmt: skip


def render(found: Sequence[Environment], own: str, now_s: float, *, as_json: bool) -> str:
    """Environments for a terminal or for a program; ends with a line break."""
    return _json(found, own, now_s) if as_json else _table(found, own, now_s)


def _json(found: Sequence[Environment], own: str, now_s: float) -> str:
    rows = [
        {
            "name": one.name,
            "state": one.state(now_s),
            "services": one.services,
            "is_yours": one.name == own,
            "commit": one.head.id,
            "deployed": rfc3339(one.head.at_s),
            "by": _author(one),
            "expires": None if one.expires_s is None else rfc3339(one.expires_s),
        }
        for one in found
    ]
    return msgspec.json.format(msgspec.json.encode({"environments": rows}), indent=2).decode() + "\n"


def _table(found: Sequence[Environment], own: str, now_s: float) -> str:
    if not found:
        return "No environments yet. Run `coop dev` beside a coop.yaml to make yours.\n"
    cells = [_HEADINGS, *(_cells(one, own, now_s) for one in found)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() + "\n"
        for row in cells
    )


def _cells(one: Environment, own: str, now_s: float) -> tuple[str, ...]:
    return (
        f"{one.name} (yours)" if one.name == own else one.name,
        one.state(now_s),
        one_line(", ".join(one.services), 60) or "-",
        f"{age(now_s - one.head.at_s)} ago",
        _author(one),
        _expires(one, now_s),
    )


def _author(one: Environment) -> str:
    return one_line(one.head.author.partition(" <")[0], 30) or "-"


def _expires(one: Environment, now_s: float) -> str:
    if one.expires_s is None:
        return "never"
    left_s = one.expires_s - now_s
    return f"in {age(left_s)}" if left_s > 0 else f"{age(-left_s)} ago"
