"""Dockerfiles, as far as coop reads them: which line a failed command stands in, and what `.dockerignore` says."""

from __future__ import annotations

import json
import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT = "Dockerfile"

_HEREDOC = re.compile(r"<<-?\s*['\"]?([A-Za-z_][A-Za-z0-9_]*)['\"]?")
_FLAGS = re.compile(r"^(?:--[a-z]+(?:=\S+)?\s+)+")


@dataclass(frozen=True, slots=True)
class Instruction:
    """line: where it begins, from 1. text: what follows the word, continuation lines joined."""

    line: int
    word: str
    text: str


def instructions(dockerfile: str) -> list[Instruction]:
    """Its instructions in order; a here-document stays with its instruction."""
    lines = dockerfile.splitlines()
    escape = "`" if re.match(r"(?i)\s*#\s*escape\s*=\s*`", dockerfile) else "\\"
    found = []
    at = 0
    while at < len(lines):
        first, text = at, ""
        while at < len(lines):
            line = lines[at]
            at += 1
            if line.lstrip().startswith("#"):
                continue  # also between the lines of one instruction
            text += line.rstrip().removesuffix(escape)
            if not line.rstrip().endswith(escape):
                break
        for name in _HEREDOC.findall(text) if re.match(r"(?i)\s*(run|copy|add)\s", text) else ():
            while at < len(lines) and lines[at].lstrip("\t") != name:
                text += f"\n{lines[at]}"
                at += 1
            at += 1
        word, _, rest = text.strip().partition(" ")
        if word:
            start = next(i for i in range(first, at) if lines[i].strip() and not lines[i].lstrip().startswith("#"))
            found.append(Instruction(start + 1, word.upper(), rest.strip()))
    return found


def line_of(dockerfile: str, command: Sequence[str]) -> int | None:
    """The line of the RUN instruction that ran `command`; None when none or several could be meant."""
    lines = [i.line for i in instructions(dockerfile) if i.word == "RUN" and _is(i.text, command)]
    return lines[0] if len(lines) == 1 else None


def line_with(dockerfile: str, pattern: str) -> int | None:
    """The line of the instruction or comment whose beginning matches `pattern`; None for none and for several."""
    found = [i.line for i in instructions(dockerfile) if re.match(pattern, f"{i.word} {i.text}", re.IGNORECASE)]
    found += [
        number for number, line in enumerate(dockerfile.splitlines(), 1)
        if line.lstrip().startswith("#") and re.match(pattern, line.lstrip(), re.IGNORECASE)
    ]  # fmt: skip
    return found[0] if len(found) == 1 else None


def _is(text: str, command: Sequence[str]) -> bool:
    text = _FLAGS.sub("", text)
    if text.startswith("["):
        try:
            return bool(json.loads(text) == list(command))
        except ValueError:
            pass
    return bool(command) and _plain(text) == _plain(command[-1])


def _plain(text: str) -> str:
    return " ".join(text.split())


def ignored(dockerignore: str, keep: Sequence[str] = ()) -> list[str]:
    """The patterns of a `.dockerignore`, cleaned as Docker does. keep: paths that are sent whatever it says."""
    patterns = []
    for raw in dockerignore.removeprefix("\ufeff").splitlines():
        line = raw.strip()
        if not line or raw.startswith("#"):
            continue
        sign, line = ("!", line[1:].strip()) if line.startswith("!") else ("", line)
        path = posixpath.normpath(line).lstrip("/") if line else ""
        if path not in ("", "."):
            patterns.append(sign + path)
    return [*patterns, *(f"!{path}" for path in keep)] if patterns else []
