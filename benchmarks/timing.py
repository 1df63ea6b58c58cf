"""What the benchmarks share: percentiles, and a table that says which figure is whose."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def percentile(values_ms: Sequence[float], percent: float) -> float:
    """Nearest rank: one of the values, never one between two."""
    ordered = sorted(values_ms)
    rank = max(1, -(-len(ordered) * percent // 100))
    return ordered[int(rank) - 1]


def report(rows: Mapping[str, Sequence[float]]) -> None:
    """Prints p50, p95 and the range of each row, and the ratio of each later median to the first."""
    width = max(map(len, rows))
    print(f"{'':{width}}  {'p50':>9}  {'p95':>9}  {'min':>9}  {'max':>9}  rounds")
    for name, values_ms in rows.items():
        figures = (
            statistics.median(values_ms),
            percentile(values_ms, 95),
            min(values_ms),
            max(values_ms),
        )
        print(f"{name:{width}}  {'  '.join(f'{figure:6.0f} ms' for figure in figures)}  {len(values_ms):6}")
    first, *others = rows
    for other in others:
        ratio = statistics.median(rows[first]) / statistics.median(rows[other])
        print(f"{first} takes {ratio:.2f} times as long as {other} (medians)")
