"""What was found, and how much it counts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

VALUE_LIMIT = 500


class Weight(IntEnum):
    """The lower, the more it counts."""

    DECLARED = 0
    """The repository says exactly this: a Procfile, a manifest of Kubernetes."""
    WRITTEN = 1
    """It says so for something else: a Dockerfile, a compose file, package.json."""
    RECOGNISED = 2
    """Follows from a framework that was recognised."""
    LIKELY = 3
    GUESSED = 4


@dataclass(frozen=True, slots=True)
class Finding:
    """key: of `coop.yaml`, with a dot for a name in `env`; "note" for what has no key and is told.
    because: where it was seen, in words.
    """

    key: str
    value: str
    because: str
    weight: Weight = Weight.WRITTEN


@dataclass(frozen=True, slots=True)
class Choice:
    """The findings about one key that count most. Several values: only the user can tell."""

    key: str
    options: tuple[Finding, ...]

    @property
    def best(self) -> Finding:
        return self.options[0]

    @property
    def is_ambiguous(self) -> bool:
        return len(self.options) > 1


def note(text: str, because: str = "") -> Finding:
    return Finding("note", text, because)


def choices(findings: Iterable[Finding]) -> dict[str, Choice]:
    """For each key, what counts most; one finding for each value. Values no file could mean are passed over."""
    by_key: dict[str, list[Finding]] = {}
    for found in findings:
        if found.key != "note" and found.value.isprintable() and 0 < len(found.value) <= VALUE_LIMIT:
            by_key.setdefault(found.key, []).append(found)
    return {key: Choice(key, _strongest(found)) for key, found in by_key.items()}


def _strongest(found: list[Finding]) -> tuple[Finding, ...]:
    least = min(finding.weight for finding in found)
    by_value: dict[str, Finding] = {}
    for finding in found:
        if finding.weight == least:
            by_value.setdefault(finding.value, finding)
    return tuple(by_value.values())
