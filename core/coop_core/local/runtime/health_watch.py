"""When a container is probed, and what its answers amount to: started, ready, alive.

The first success is waited for eagerly, so that no rollout waits for a timer; after it the manifest's period rules.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from coop_core.local.runtime.probes import probe

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw
    from coop_core.local.runtime.probes import Subject

# Measured: a refused or answered probe on loopback costs 0.3 ms, so these are cheap for the seconds they last.
_EAGER = ((0.25, 0.005), (2.0, 0.015), (5.0, 0.1), (10.0, 0.5))
"""(until this many seconds after the start, the pause between looks)."""


class Listener(Protocol):
    """Who is told what the probes found."""

    def started(self) -> None:
        """The startup probe succeeded, or there is none."""

    def readiness(self, ready: bool, trouble: str) -> None:
        """Readiness as of the latest look; `trouble` is why not, e.g. "Readiness probe failed: ..."."""

    def unwell(self, trouble: str) -> None:
        """A probe failed, told at most once per its period."""

    def failed(self, trouble: str) -> None:
        """The container is to be restarted: its liveness or startup probe gave up."""


@dataclass(slots=True)
class _Tally:
    """Answers in a row."""

    successes: int = 0
    failures: int = 0

    def count(self, trouble: str | None) -> None:
        if trouble is None:
            self.successes, self.failures = self.successes + 1, 0
        else:
            self.successes, self.failures = 0, self.failures + 1


@dataclass(slots=True)
class HealthWatch:
    """The probes of one run of one container.

    is_adopted: the run began under an earlier platform and was ready then: believed until a look says otherwise.
    """

    container: Raw
    subject: Subject
    listener: Listener
    is_adopted: bool = False
    _began_s: float = field(default_factory=time.monotonic)

    async def run(self) -> None:
        """Looks until cancelled, or until the container has to be restarted."""
        startup = self.container.get("startupProbe")
        if startup and not self.is_adopted and not await self._wait_for_start(startup):
            return
        self.listener.started()
        async with asyncio.TaskGroup() as group:
            readiness = self.container.get("readinessProbe")
            if readiness:
                group.create_task(self._keep_ready(readiness))
            else:
                self.listener.readiness(True, "")
            if self.container.get("livenessProbe"):
                group.create_task(self._keep_alive(self.container["livenessProbe"]))

    async def _wait_for_start(self, spec: Raw) -> bool:
        period_s = _period_s(spec)
        await asyncio.sleep(_initial_delay_s(spec))
        # The patience of a patient prober, whatever the number of our eager looks.
        patience_s = period_s * (spec.get("failureThreshold") or 3)
        told_s = began_s = time.monotonic()
        while True:
            trouble = await probe(spec, self.subject)
            if trouble is None:
                return True
            now_s = time.monotonic()
            trouble = f"Startup probe failed: {trouble}"
            if now_s - told_s >= period_s:
                told_s = now_s
                self.listener.unwell(trouble)
            self.listener.readiness(False, trouble)
            if now_s - began_s >= patience_s:
                self.listener.failed(trouble)
                return False
            await asyncio.sleep(_eager_pause_s(now_s - began_s, period_s))

    async def _keep_ready(self, spec: Raw) -> None:
        period_s = _period_s(spec)
        tally, ready, was_ready = _Tally(), self.is_adopted, self.is_adopted
        if not self.is_adopted:
            await asyncio.sleep(_initial_delay_s(spec))
        told_s = began_s = time.monotonic()
        while True:
            trouble = await probe(spec, self.subject)
            tally.count(trouble)
            now_s = time.monotonic()
            if trouble is None:
                ready = ready or tally.successes >= (spec.get("successThreshold") or 1)
                was_ready = was_ready or ready
                self.listener.readiness(ready, "")
            else:
                trouble = f"Readiness probe failed: {trouble}"
                ready = ready and tally.failures < (spec.get("failureThreshold") or 3)
                self.listener.readiness(ready, trouble)
                if was_ready or now_s - told_s >= period_s:
                    told_s = now_s
                    self.listener.unwell(trouble)
            await asyncio.sleep(period_s if was_ready else _eager_pause_s(now_s - began_s, period_s))

    async def _keep_alive(self, spec: Raw) -> None:
        tally = _Tally()
        await asyncio.sleep(_initial_delay_s(spec) or _period_s(spec))
        while True:
            trouble = await probe(spec, self.subject)
            tally.count(trouble)
            if trouble is not None:
                trouble = f"Liveness probe failed: {trouble}"
                self.listener.unwell(trouble)
                if tally.failures >= (spec.get("failureThreshold") or 3):
                    self.listener.failed(trouble)
                    return
            await asyncio.sleep(_period_s(spec))


def _period_s(spec: Raw) -> float:
    return float(spec.get("periodSeconds") or 10)


def _initial_delay_s(spec: Raw) -> float:
    return float(spec.get("initialDelaySeconds") or 0)


def _eager_pause_s(age_s: float, period_s: float) -> float:
    return min(period_s, next((pause_s for until_s, pause_s in _EAGER if age_s < until_s), period_s))
