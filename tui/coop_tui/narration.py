"""The dev loop in words: what `coop dev` prints for each event.

Pure: events in, lines out. Every line reads without colour; colour only helps the eye.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from coop_devloop import events as e

if TYPE_CHECKING:
    from coop_devloop.state import LoopState

_INDENT = " " * 10
_NAMED_PATHS = 3


@dataclass(frozen=True, slots=True)
class Narrated:
    """What a narrator says: a step that is about to be done, or, with its time, one that is."""

    text: str
    took_ms: float | None = None


def duration(ms: float) -> str:
    """Milliseconds below a second, else seconds with two places."""
    return f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.2f} s"


def change_set(paths: tuple[str, ...]) -> str:
    """Which files, shortly: "app.py", or "5 files: a.py, b.py, c.py, …"."""
    if not paths:
        return "the service as it is"
    if len(paths) == 1:
        return paths[0]
    more = ", …" if len(paths) > _NAMED_PATHS else ""
    return f"{len(paths)} files: {', '.join(paths[:_NAMED_PATHS])}{more}"


def phases(timings: dict[str, float]) -> str:
    """Where the time went, in order."""
    return " · ".join(f"{phase} {duration(ms)}" for phase, ms in timings.items())


def problem(found: e.Problem) -> list[str]:
    """A failure, as the command line reports errors."""
    head = f"{click.style('✗', fg='red')} {found.what}"
    return [
        head,
        *(f"{_INDENT}{line}" for line in (found.why, f"{click.style('hint:', fg='cyan')} {found.remedy}")),
    ]


class Narrator:
    """Tells one service's loop; `url` is where its environment answers."""

    def __init__(self, url: str) -> None:
        self._url = url

    def tell(self, entry: e.Entry, state: LoopState) -> list[str]:
        """Lines for `entry`; none when it changes nothing that a developer wants to know."""
        found = self._lines(entry.event, state)
        if not found:
            return []
        stamp = time.strftime("%H:%M:%S", time.localtime(entry.at_s))
        return [f"{click.style(stamp, dim=True)}  {found[0]}", *found[1:]]

    def _lines(self, event: e.Event, state: LoopState) -> list[str]:
        match event:
            case e.SnapshotTaken(_, changed) if state.cycle and not state.cycle.image:
                return [f"{click.style('→', fg='cyan')} {change_set(changed)}"]
            case e.WentLive(commit, phases=timings, total_ms=total_ms) if timings:
                head = f"{click.style('●', fg='green')} live in {duration(total_ms)}  {commit[:8]}  {self._url}"
                return [head, click.style(f"{_INDENT}{phases(timings)}", dim=True)]
            case e.WentLive(commit):
                return [f"{click.style('●', fg='green')} live again  {commit[:8]}  {self._url}"]
            case e.RolloutFailed(_, reason, lines):
                return self._failure(reason, lines, state)
            case e.RolloutWaits(_, reason):
                return [click.style(f"… {reason}", dim=True)]
            case e.SnapshotFailed(found) | e.BuildFailed(found) | e.DeployFailed(found) | e.PushFailed(found):
                return problem(found) + self._kept(state)
            case e.PushOvertaken():
                return ["… somebody else deployed here first; going on top of their commit"]
            case e.PlatformLost(why):
                return [f"{click.style('✗', fg='red')} the platform is away: {why}; coop keeps trying"]
            case e.PlatformBack():
                return [f"{click.style('●', fg='green')} the platform is back"]
            case _:
                return []

    def _failure(self, reason: str, lines: tuple[str, ...], state: LoopState) -> list[str]:
        head = f"{click.style('✗', fg='red')} the new version does not run: {reason}"
        return [head, *(f"{_INDENT}│ {line}" for line in lines), *self._kept(state)]

    def _kept(self, state: LoopState) -> list[str]:
        if state.live_commit:
            return [f"{_INDENT}version {state.live_commit[:8]} keeps running; the next save tries again"]
        return [f"{_INDENT}the next save tries again"]
