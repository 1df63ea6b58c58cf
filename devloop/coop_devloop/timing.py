"""How long things took; and what a builder tells while it builds, as events."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from coop_core.build.request import Pushing, Step, Waiting
from coop_devloop import events as e

if TYPE_CHECKING:
    from collections.abc import Callable

    from coop_core.build.request import Image, Progress


class Stopwatch:
    """Milliseconds since it was made."""

    def __init__(self) -> None:
        self._started_s = time.perf_counter()

    @property
    def ms(self) -> float:
        return round((time.perf_counter() - self._started_s) * 1000, 1)


class BuildTimer:
    """Hears one build's progress, and knows how much of its time was the push. commit: what is built."""

    def __init__(self, commit: str, tell: Callable[[e.BuildProgress], None]) -> None:
        self._commit = commit
        self._tell = tell
        self._watch = Stopwatch()
        self._built_ms: float | None = None

    def hear(self, progress: Progress) -> None:
        match progress:
            case Waiting(reason):
                self._tell(e.BuildWaits(self._commit, reason))
            case Step(name, was_cached, took_ms, has_failed):
                self._tell(e.BuildStepped(name, was_cached, took_ms, has_failed))
            case Pushing():
                self._built_ms = self._watch.ms
                self._tell(e.ImageBuilt(self._commit, self._built_ms))

    def finished(self, image: Image) -> e.BuildFinished:
        """To be asked when the build has just ended."""
        ended_ms = self._watch.ms
        built_ms = ended_ms if self._built_ms is None else self._built_ms
        return e.BuildFinished(image.reference, image.was_cached, built_ms, round(ended_ms - built_ms, 1))
