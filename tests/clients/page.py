"""docs/clients.md: every row of its tables is what a real client was seen to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE = Path(__file__).parents[2] / "docs" / "clients.md"

HEAD = """\
# What works with which client

Made by `python -m tests.clients`, which runs the real clients against a local platform; `tests/clients/` fails
when a row is no longer true. "Through the proxy" is what a developer may with the kubeconfig of
`coop kubeconfig`: reading.
"""


def table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in (columns, tuple("---" for _ in columns), *rows))


def of_kubectl(rows: list[tuple[str, str, str]]) -> str:
    quoted = [(f"`{line.replace('|', '/')}`", direct, proxied) for line, direct, proxied in rows]
    return "\n## kubectl 1.32\n\n" + table(("`kubectl …`", "API server", "through the proxy"), quoted)


def of_library(name: str, rows: list[tuple[str, str]]) -> str:
    return f"\n## {name} (Python)\n\n" + table(("what is tried", "API server"), rows)


def row_of_kubectl(line: str, direct: str, proxied: str) -> str:
    return f"| `{line.replace('|', '/')}` | {direct} | {proxied} |"
