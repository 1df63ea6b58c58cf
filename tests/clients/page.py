"""docs/clients.md: every row of its tables is what a real client was seen to do."""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from tests.clients.kubectl_commands import ABSENT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PAGE = Path(__file__).parents[2] / "docs" / "clients.md"

HEAD = """\
# What works with which client

Made by `python -m tests.clients`, which runs the real clients against a local platform; `tests/clients/` fails
when a row is no longer true. "Through the proxy" is what a developer may with the kubeconfig of
`coop kubeconfig`: reading.
"""
_APART = " · "
_EXCEPT = re.compile(r"(?:not in (?P<absent>1\..*)|(?P<versions>1\.[^:]*): (?P<outcome>.*))")

Outcomes = dict[int, str]
"""What came of one command, by the minor version of kubectl."""


def table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in (columns, tuple("---" for _ in columns), *rows))


def of_kubectl(rows: list[tuple[str, Outcomes, Outcomes]]) -> str:
    tried = sorted(rows[0][1])
    intro = (
        f"Tried: {_ranges(tried, range(tried[0], tried[-1] + 1))}. Where versions differ, the cell names them.\n"
    )
    lines = [(named(line), cell(direct), cell(proxied)) for line, direct, proxied in rows]
    return f"\n## kubectl\n\n{intro}\n" + table(("`kubectl …`", "API server", "through the proxy"), lines)


def of_library(name: str, rows: list[tuple[str, str]]) -> str:
    return f"\n## {name} (Python)\n\n" + table(("what is tried", "API server"), rows)


def named(line: str) -> str:
    return f"`{line.replace('|', '/')}`"


def cell(outcomes: Outcomes) -> str:
    """What most versions do, then who differs: "works · not in 1.20 · 1.27 to 1.29: refused"."""
    tried = sorted(outcomes)
    most = max(dict.fromkeys(outcomes[minor] for minor in reversed(tried)), key=list(outcomes.values()).count)
    parts = [most]
    for other in dict.fromkeys(outcomes[minor] for minor in tried if outcomes[minor] != most):
        versions = _ranges([minor for minor in tried if outcomes[minor] == other], tried)
        parts.append(f"not in {versions}" if other == ABSENT else f"{versions}: {other}")
    return _APART.join(parts)


def said(cell: str, minor: int) -> str:
    """What a cell says of one version, tried or not."""
    most, *others = cell.split(_APART)
    for other in others:
        found = _EXCEPT.fullmatch(other)
        assert found is not None, other
        if minor in _minors(found["absent"] or found["versions"]):
            return found["outcome"] or ABSENT
    return most


def cells(page: str) -> Mapping[str, tuple[str, str]]:
    """The two cells of each command, by the command as the page spells it."""
    lines = (line for line in page.splitlines() if line.startswith("| `") and not line.startswith("| `kubectl …`"))
    rows = (line.removeprefix("| ").removesuffix(" |").split(" | ") for line in lines)
    return {name: (direct, proxied) for name, direct, proxied in rows}


def section(page: str, title: str) -> str:
    """A section with its title, as it stands; empty when there is none."""
    found = re.search(rf"\n## {re.escape(title)}\n.*?(?=\n## |\Z)", page, re.DOTALL)
    return found[0] if found else ""


def _ranges(minors: Sequence[int], tried: Sequence[int]) -> str:
    """ "1.20, 1.27 to 1.29": runs of those that were tried."""
    runs = groupby(enumerate(minors), key=lambda one: tried.index(one[1]) - one[0])
    ends = [(run[0][1], run[-1][1]) for run in (list(run) for _, run in runs)]
    return ", ".join(f"1.{first}" if first == last else f"1.{first} to 1.{last}" for first, last in ends)


def _minors(ranges: str) -> set[int]:
    found: set[int] = set()
    for run in ranges.split(", "):
        first, _, last = run.partition(" to ")
        found |= set(range(int(first.removeprefix("1.")), int((last or first).removeprefix("1.")) + 1))
    return found
