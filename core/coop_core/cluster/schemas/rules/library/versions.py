"""Semantic versions: "1.2.3-rc.1"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from coop_core.cluster.schemas.rules.library.declared import Misuse, Opaque, can, members, ordered, plain

SEMVER = "kubernetes.Semver"

_NUMBER, _MARKS = r"(0|[1-9][0-9]{0,17})", r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_SEMVER = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-({_MARKS}))?(?:\+{_MARKS})?")
_LEADING_ZEROS = re.compile(r"^0+(?=[0-9])")
_LONGEST = 256


@dataclass(frozen=True, slots=True)
class Version:
    """A version without its build, which tells no two versions apart. pre: e.g. ("rc", "1")."""

    major: int
    minor: int
    patch: int
    pre: tuple[str, ...] = ()

    def __lt__(self, other: Version) -> bool:
        return self._rank() < other._rank()

    def _rank(self) -> tuple[Any, ...]:
        # A release comes after all that was tried before it; numbers come before words.
        marks = tuple((0, int(one), "") if one.isdigit() else (1, 0, one) for one in self.pre)
        return (self.major, self.minor, self.patch, not self.pre, marks)

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}" + (f"-{'.'.join(self.pre)}" if self.pre else "")


def version(text: str, is_lenient: bool = False) -> Version:
    """is_lenient: whether "v1.02" will do. Raises Misuse."""
    found = _SEMVER.fullmatch(_completed(text) if is_lenient else text) if len(text) <= _LONGEST else None
    pre = tuple(found[4].split(".")) if found and found[4] else ()
    if not found or any(one.isdigit() and one != "0" and one[0] == "0" for one in pre):
        raise Misuse(f'"{text[:64]}" is no semantic version')
    return Version(int(found[1]), int(found[2]), int(found[3]), pre)


def _completed(text: str) -> str:
    parts = [_LEADING_ZEROS.sub("", part) for part in text.removeprefix("v").split(".", 2)]
    if not re.search("[+-]", parts[-1]):
        parts += ["0"] * (3 - len(parts))
    return ".".join(parts)


TYPES = (Opaque(SEMVER, version),)
FUNCTIONS = (
    *(plain("semver", takes, SEMVER, version) for takes in (("string",), ("string", "bool"))),
    *(plain("isSemver", takes, "bool", can(version)) for takes in (("string",), ("string", "bool"))),
    *members(
        SEMVER,
        "int",
        {"major": lambda one: one.major, "minor": lambda one: one.minor, "patch": lambda one: one.patch},
    ),
    *ordered(SEMVER),
)
