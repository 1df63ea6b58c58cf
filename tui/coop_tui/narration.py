"""The dev loop in words: what `coop dev` prints for each event.

Pure: events in, lines out. Every line reads without colour; colour only helps the eye.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from coop_devloop import events as e

if TYPE_CHECKING:
    from coop_devloop.state import LoopState

_INDENT = " " * 10
_BAR_CELLS = 48
_COLOURS = ("cyan", "blue", "magenta", "green", "yellow", "red")
_CLIENT_ERRORS = 400
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


def bar(timings: dict[str, float]) -> str:
    """Where the time went, in order: one bar, and below it what its parts are, in the same colours."""
    total_ms = sum(timings.values()) or 1.0
    parts, labels = [], []
    spent_ms, drawn = 0.0, 0
    for (phase, ms), colour in zip(timings.items(), itertools.cycle(_COLOURS), strict=False):
        spent_ms += ms
        end = round(spent_ms / total_ms * _BAR_CELLS)
        parts.append(click.style("━" * (end - drawn), fg=colour))
        labels.append(f"{click.style(phase, fg=colour)} {duration(ms)}")
        drawn = end
    return f"{_INDENT}{''.join(parts)}\n{_INDENT}{' · '.join(labels)}"


def notification(service: str, event: e.Event) -> str:
    """What makes the terminal ring and the desktop tell, where something ended; "" where nothing did.

    OSC 9, which terminals that do not know it pass over. Nothing in it comes from outside.
    """
    match event:
        case e.WentLive(phases=timings) if timings:
            text = f"{service} is live"
        case e.RolloutFailed() | e.BuildFailed():
            text = f"{service} failed"
        case _:
            return ""
    return f"\x1b]9;coop: {text}\x07\x07"


def problem(found: e.Problem, lines: tuple[str, ...] = ()) -> list[str]:
    """A failure, as the command line reports errors. lines: what was printed last before it."""
    head = f"{click.style('✗', fg='red')} {found.what}"
    hint = f"{click.style('hint:', fg='cyan')} {found.remedy}"
    return [head, *(f"{_INDENT}{line}" for line in (found.why, *(f"│ {line}" for line in lines), hint))]


class Narrator:
    """Tells one service's loop; `url` is where its environment answers."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._failed = ""
        """The deploy commit that was said not to run."""
        self._told = (0.0, "")
        """The cycle whose change set was told: when it began, and its snapshot."""

    def tell(self, entry: e.Entry, state: LoopState) -> list[str]:
        """Lines for `entry`; none when it changes nothing that a developer wants to know."""
        found = self._lines(entry.event, state)
        if not found:
            return []
        stamp = time.strftime("%H:%M:%S", time.localtime(entry.at_s))
        return [f"{click.style(stamp, dim=True)}  {found[0]}", *found[1:]]

    def _lines(self, event: e.Event, state: LoopState) -> list[str]:
        match event:
            case e.SnapshotTaken():
                return self._change(event, state)
            case e.WentLive(commit, phases=timings, total_ms=total_ms) if timings:
                head = f"{click.style('●', fg='green')} live in {duration(total_ms)}  {commit[:8]}  {self._url}"
                return [head, *bar(timings).split("\n")]
            case e.WentLive(commit) if commit == self._failed:
                self._failed = ""
                return [f"{click.style('●', fg='green')} live again  {commit[:8]}  {self._url}"]
            case e.NothingToDeploy(commit) if state.cycle is None:
                return [f"{click.style('●', fg='green')} nothing to deploy: {commit[:8]} is live  {self._url}"]
            case e.Answered(_, status) if status >= _CLIENT_ERRORS:
                return [f"{click.style('!', fg='yellow')} it answers {status} at {self._url}"]
            case e.RolloutFailed(commit, reason, lines):
                self._failed = commit
                return self._failure(commit, reason, lines, state)
            case e.BuildWaits() | e.ImageBuilt() | e.RolloutWaits():
                return self._waiting(event, state)
            case e.SnapshotFailed(found) | e.BuildFailed(found) | e.DeployFailed(found) | e.PushFailed(found):
                return problem(found, event.lines if isinstance(event, e.BuildFailed) else ()) + self._kept(state)
            case e.PushOvertaken():
                return ["… somebody else deployed here first; going on top of their commit"]
            case e.PlatformLost(why):
                return [
                    f"{click.style('✗', fg='red')} the platform is away: {why}",
                    f"{_INDENT}coop keeps trying; {click.style('hint:', fg='cyan')} coop platform up",
                ]
            case e.PlatformBack():
                return [f"{click.style('●', fg='green')} the platform is back"]
            case _:
                return []

    def _change(self, event: e.SnapshotTaken, state: LoopState) -> list[str]:
        cycle = state.cycle
        if cycle is None or event.commit != cycle.snapshot or self._told == (cycle.started_s, cycle.snapshot):
            return []
        self._told = (cycle.started_s, cycle.snapshot)
        missed = click.style("  (found by looking: no event told of it)", dim=True) if cycle.was_missed else ""
        return [f"{click.style('→', fg='cyan')} {change_set(event.changed)}{missed}"]

    def _waiting(self, event: e.BuildWaits | e.ImageBuilt | e.RolloutWaits, state: LoopState) -> list[str]:
        if not isinstance(event, e.RolloutWaits) and not (state.cycle and state.cycle.snapshot == event.commit):
            return []  # a build that a newer save superseded
        if isinstance(event, e.ImageBuilt):
            reason = f"built in {duration(event.took_ms)}; pushing the image"
        else:
            reason = event.reason
        return [click.style(f"… {reason}", dim=True)]

    def _failure(self, commit: str, reason: str, lines: tuple[str, ...], state: LoopState) -> list[str]:
        was_live = commit == state.live_commit
        what = f"version {commit[:8]}, which was live, runs no more" if was_live else "the new version does not run"
        kept = (
            [f"{_INDENT}the platform starts it again; the next save replaces it"] if was_live else self._kept(state)
        )
        return [f"{click.style('✗', fg='red')} {what}: {reason}", *(f"{_INDENT}│ {line}" for line in lines), *kept]

    def _kept(self, state: LoopState) -> list[str]:
        if state.live_commit:
            return [f"{_INDENT}version {state.live_commit[:8]} keeps running; the next save tries again"]
        return [f"{_INDENT}the next save tries again"]
