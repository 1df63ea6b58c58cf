"""Looking after a container while its process runs: hooks, probes, and its end when they have given it up."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from typing import TYPE_CHECKING

from coop_core.local.runtime import lifecycle
from coop_core.local.runtime.health_watch import HealthWatch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from coop_core.local.runtime.container import Container

log = logging.getLogger("coop.runtime")

TROUBLE_AFTER_S = 1.0
"""A container that is not ready gives its reason after this long: a normal start needs no word, and no write."""
GRACE_S = 30.0
"""For the program to end by itself, unless its pod says otherwise."""


class Care:
    """For all runs of one container, one after another."""

    def __init__(self, container: Container) -> None:
        self.has_started = asyncio.Event()
        """Set once its startup probe has succeeded, or it runs and has none."""
        self._container = container
        self._began_s = 0.0
        self._killing: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def during_a_run(self, *, is_adopted: bool) -> AsyncIterator[None]:
        """is_adopted: an earlier platform began the run, and what it knew of it is believed."""
        self._began_s = time.monotonic()
        health = asyncio.create_task(
            self._keep_well(was_ready=is_adopted and self._container.state.is_ready),
            name=f"probes of {self._container.name}",
        )
        try:
            yield
        finally:
            for task in filter(None, (health, self._killing)):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            self._killing = None

    async def _keep_well(self, *, was_ready: bool) -> None:
        container = self._container
        try:
            if await self._greet():
                await HealthWatch(container.wish, container.subject(), self, is_adopted=was_ready).run()
        except Exception:  # the worker's door: a probe that breaks must not take the running program along
            log.exception(
                "probes of container %s in pod %s", container.name, container.pod.body["metadata"]["name"]
            )

    async def _greet(self) -> bool:
        """Does what is to be done after the start; False when that failed, and the container has to end."""
        container = self._container
        what = lifecycle.handler(container.wish, "postStart")
        if what is None or container.instance.is_greeted:
            return True
        trouble = await lifecycle.perform(what, container.subject())
        if trouble is not None:
            container.warn("FailedPostStartHook", f"PostStartHook failed: {trouble}")
            self.failed("FailedPostStartHook")
            return False
        container.instance.is_greeted = True
        container.pod.keep_record()
        return True

    async def take_leave(self) -> None:
        """Does what is to be done before the end."""
        container = self._container
        what = lifecycle.handler(container.wish, "preStop")
        if what is None or container.process is None:
            return
        trouble = await lifecycle.perform(what, container.subject())
        if trouble is not None:
            container.warn("FailedPreStopHook", f"PreStopHook failed: {trouble}")

    # What the probes found

    def started(self) -> None:
        container = self._container
        is_news = not container.state.is_started
        container.state.is_started = True
        self.has_started.set()
        if is_news and container.wish.get("readinessProbe"):
            container.pod.publish()  # without one, it is ready at once, and this is told along with it

    def readiness(self, ready: bool, trouble: str) -> None:
        state = self._container.state
        is_news = ready != state.is_ready
        if trouble and trouble != state.trouble and time.monotonic() - self._began_s >= TROUBLE_AFTER_S:
            is_news = True
        if is_news:
            state.is_ready, state.trouble = ready, trouble
            self._container.pod.publish()

    def unwell(self, trouble: str) -> None:
        self._container.warn("Unhealthy", trouble)

    def failed(self, trouble: str) -> None:
        container = self._container
        container.note("Killing", f"Container {container.name} will be restarted: {trouble}")
        self._killing = asyncio.create_task(self._kill(), name=f"kill {container.name}")

    async def _kill(self) -> None:
        container = self._container
        wished_s = container.pod.body["spec"].get("terminationGracePeriodSeconds")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S if wished_s is None else wished_s):
                await self.take_leave()
                container.terminate(signal.SIGTERM)
                await asyncio.Event().wait()  # the end of the process ends this
        container.terminate(signal.SIGKILL)
