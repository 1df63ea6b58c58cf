"""Completion indexes of a Job, as Kubernetes writes them: "1,3-5,7". Pure."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

ANNOTATION = "batch.kubernetes.io/job-completion-index"
"""Annotation, and label, of a pod of an Indexed Job."""
_LONGEST_PART = 24


def parse(text: str, *, below: int) -> set[int]:
    """The numbers in `text` that are less than `below`; parts that are none, or do not rise, are left out."""
    found: set[int] = set()
    least = 0
    for part in text.split(","):
        first, _, last = part.partition("-")
        is_part = first.isdecimal() and (last.isdecimal() or not last) and len(part) <= _LONGEST_PART
        if is_part and int(first) >= least:
            least = int(last or first) + 1
            found.update(range(int(first), min(least, below)))
    return found


def text(numbers: Iterable[int]) -> str:
    """Runs of three and more are shortened: "0,1,3-5"."""
    ordered = sorted(numbers)
    if not ordered:
        return ""
    gaps = [position for position, (one, other) in enumerate(pairwise(ordered), 1) if other != one + 1]
    runs = [ordered[start:end] for start, end in zip([0, *gaps], [*gaps, len(ordered)], strict=True)]
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ",".join(map(str, run)) for run in runs)
