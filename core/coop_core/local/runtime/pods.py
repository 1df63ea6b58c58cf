"""One pod from its first sight to its end: image, init containers, containers, drain, signals, removal.

Level-triggered over restarts of the platform: the record on disk says which processes are there already, the stored
status what was known of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from typing import TYPE_CHECKING

from coop_core.clock import parse_rfc3339
from coop_core.cluster import kinds
from coop_core.local.objects import Conflict, NotFound
from coop_core.local.runtime import preparing, records
from coop_core.local.runtime.pod_status import pod_status
from coop_core.local.runtime.running import ContainerRunner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coop_core.cluster.kinds import Raw
    from coop_core.local.runtime.node import Node
    from coop_core.local.runtime.records import Record

log = logging.getLogger("coop.runtime")

AFTER_ERROR_S = 5.0
FORCED_GRACE_S = 2.0
"""What a pod gets whose object is gone already."""
SECOND_CALL_S = 0.2
LAST_WORDS_S = 2.0
"""Kept of the grace period, however long requests take, for the program to end by itself."""


class PodWorker:
    """Runs one pod. `record` is new or what an earlier platform left."""

    def __init__(self, node: Node, body: Raw, record: Record) -> None:
        self.node = node
        self.body = body
        self.record = record
        self.volumes: dict[str, str] = {}
        self._ending = asyncio.Event()
        self._is_vanished = False
        self._failure: tuple[str, str] | None = None
        """Why the pod was given up: reason and message."""
        spec, status = body["spec"], body.get("status") or {}
        policy = spec.get("restartPolicy") or "Always"
        self._initial = list(
            self._runners(
                "initContainers", status.get("initContainerStatuses"), "Never" if policy == "Never" else "OnFailure"
            )
        )
        self._containers = list(self._runners("containers", status.get("containerStatuses"), policy))
        self._task: asyncio.Task[None] | None = None

    def _runners(self, field: str, statuses: list[Raw] | None, policy: str) -> Iterator[ContainerRunner]:
        by_name = {one["name"]: one for one in statuses or []}
        for container in self.body["spec"].get(field) or []:
            name = container["name"]
            yield ContainerRunner(
                self,
                container,
                instance=self.record.instance(name),
                status=by_name.get(name),
                restart_policy="Always" if container.get("restartPolicy") == "Always" else policy,
            )

    @property
    def uid(self) -> str:
        return str(self.body["metadata"]["uid"])

    @property
    def runners(self) -> list[ContainerRunner]:
        return [*self._initial, *self._containers]

    def start(self) -> None:
        self.changed(self.body)
        self._task = asyncio.create_task(self._main(), name=f"pod {self.body['metadata']['name']}")

    def changed(self, body: Raw) -> None:
        """The object was written; what matters is whether it is to end."""
        self.body = body
        if "deletionTimestamp" in body["metadata"] and not self._ending.is_set():
            # From this very moment no request begins here, whatever the endpoints still say.
            self._close_to_traffic()
            self._ending.set()

    def vanished(self) -> None:
        """The object is gone: what runs is to be ended without further ado."""
        self._is_vanished = True
        self._close_to_traffic()
        self._ending.set()

    async def finished(self) -> None:
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def leave(self) -> None:
        """Stops caring for the pod; its processes go on."""
        await _cancelled(self._task)

    async def stop(self, grace_s: float) -> None:
        """Ends the processes because the platform stops; the pod itself stays wished for."""
        self._close_to_traffic()
        await self.leave()
        for runner in self.runners:
            runner.instance.is_stopped = True
        await self._end_processes(grace_s)
        self.node.logs.end(self.uid)
        self.publish()

    # What containers ask for

    def publish(self) -> None:
        metadata = self.body["metadata"]
        stored = self.node.objects.find(kinds.POD, metadata["namespace"], metadata["name"])
        if stored is None or self._is_vanished:
            return
        now_s = self.node.objects.clock.now_s()
        status = pod_status(
            stored,
            [one.state for one in self._containers],
            [one.state for one in self._initial],
            now_s,
            failure=self._failure,
        )
        with contextlib.suppress(NotFound, Conflict):
            # The uid goes along: a new pod of the same name is not ours to speak of.
            about = {"metadata": {key: metadata[key] for key in ("name", "namespace", "uid")}, "status": status}
            self.body = self.node.objects.update_status(kinds.POD, about)

    def keep_record(self) -> None:
        records.write(self.node.folder, self.record)

    def port_for(self, container: str) -> int | None:
        return self.record.ports.get(container)

    def port_of(self, container: Raw, target: int | str) -> int | None:
        for index, port in enumerate(container.get("ports") or []):
            if target in (port.get("containerPort"), port.get("name")):
                return int(port["containerPort"]) if index else self.port_for(container["name"])
        return target if isinstance(target, int) else None

    # Living

    async def _main(self) -> None:
        living = asyncio.create_task(self._live_on())
        try:
            await self._ending.wait()
        finally:
            await _cancelled(living)
        await self._end()

    async def _live_on(self) -> None:
        while True:
            try:
                await self._live()
                return
            except Exception:  # the worker's door: one pod's trouble must not end the others'
                log.exception("pod %s", self.body["metadata"]["name"])
                await asyncio.sleep(AFTER_ERROR_S)

    async def _live(self) -> None:
        if (self.body.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            return
        self.bind()
        await preparing.find_images(self)
        await preparing.lay_out_volumes(self)
        try:
            async with asyncio.timeout(self._active_left_s()):
                await self._run()
        except TimeoutError:
            await self._give_up("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")

    async def _run(self) -> None:
        """The containers in their order, to the end of the last; sidecars end after it."""
        async with asyncio.TaskGroup() as group:
            is_through = self.record.is_initialised
            sidecars = []
            for runner in self._initial:
                if runner.state.is_sidecar:
                    sidecars.append(group.create_task(runner.run(), name=f"container {runner.name}"))
                    if not is_through:
                        await runner.care.has_started.wait()
                elif is_through:
                    runner.state.is_over = True
                elif await runner.run() != 0:
                    break
            else:
                self.record.is_initialised = True
                async with asyncio.TaskGroup() as main:
                    for runner in self._containers:
                        main.create_task(runner.run(), name=f"container {runner.name}")
            for task in sidecars:
                task.cancel()
        if sidecars:
            await self._end_processes(float(self.body["spec"].get("terminationGracePeriodSeconds") or 0))
        self.publish()

    async def _give_up(self, reason: str, message: str) -> None:
        self.node.recorder.warning(self.body, reason, message)
        self._close_to_traffic()
        await self._end_processes(float(self.body["spec"].get("terminationGracePeriodSeconds") or 0))
        self.node.logs.end(self.uid)
        self._failure = (reason, message)
        self.publish()

    def _active_left_s(self) -> float | None:
        """Seconds until the pod has been active too long; None when it may stay for ever."""
        least_s = self.body["spec"].get("activeDeadlineSeconds")
        if least_s is None:
            return None
        now_s = self.node.objects.clock.now_s()
        since_s = parse_rfc3339((self.body.get("status") or {}).get("startTime") or "")
        return max(0.0, (now_s if since_s is None else since_s) + float(least_s) - now_s)

    def bind(self) -> None:
        """Gives the pod its node and its ports, which is all the scheduling there is."""
        preparing.bind(self)

    # Ending

    def _close_to_traffic(self) -> None:
        for port in self.record.ports.values():
            self.node.traffic.close(port)

    async def _end(self) -> None:
        grace_s = FORCED_GRACE_S if self._is_vanished else self._grace_left_s()
        ends_s = time.monotonic() + grace_s
        for runner in self.runners:
            if runner.process is not None:
                self.node.recorder.normal(
                    self.body, "Killing", f"Stopping container {runner.name}", field_path=runner.field_path
                )
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, grace_s - LAST_WORDS_S)), asyncio.TaskGroup() as group:
                if not self._is_vanished:
                    for runner in self.runners:
                        group.create_task(runner.care.take_leave())
                for port in self.record.ports.values():
                    group.create_task(self.node.traffic.idle(port))
        await self._end_processes(ends_s - time.monotonic())
        await self.node.logs.read_out(self.uid)
        self._tell_end()
        self.node.logs.forget(self.uid)
        records.remove(self.node.folder, self.uid)
        for port in self.record.ports.values():
            self.node.ports.give_back(port)
        self._remove_object()

    def _tell_end(self) -> None:
        """Says how a pod ended that stays for somebody to look at: a Job counts it before it goes."""
        if self.body["metadata"].get("finalizers"):
            for runner in self.runners:
                runner.state.is_over = True
            self.publish()

    def _grace_left_s(self) -> float:
        """What is left of the grace period, which began when the pod was asked to end, maybe before our time."""
        until_s = parse_rfc3339(self.body["metadata"].get("deletionTimestamp", ""))
        whole_s = float(self.body["metadata"].get("deletionGracePeriodSeconds") or 0)
        if until_s is None:
            return whole_s
        # The time is in whole seconds, cut: without the second more, a period of 1 s might be over at once.
        return min(whole_s, max(0.0, until_s + 1 - self.node.objects.clock.now_s()))

    async def _end_processes(self, grace_s: float) -> None:
        """SIGTERM to all, SIGKILL to what is left at the end of the period."""
        alive = [runner for runner in self.runners if runner.terminate(signal.SIGTERM)]
        ends = [asyncio.create_task(runner.ended()) for runner in self.runners]
        if not ends:
            return
        # A signal that comes while the shell around a program forks can be lost: the very young get it twice.
        if any(runner.is_young for runner in alive):
            await asyncio.wait(ends, timeout=min(SECOND_CALL_S, max(0.05, grace_s)))
            for runner in alive:
                if runner.is_young:
                    runner.terminate(signal.SIGTERM)
        _, late = await asyncio.wait(ends, timeout=max(0.05, grace_s))
        if late:
            for runner in alive:
                runner.terminate(signal.SIGKILL)
            await asyncio.wait(ends)

    def _remove_object(self) -> None:
        metadata = self.body["metadata"]
        stored = self.node.objects.find(kinds.POD, metadata["namespace"], metadata["name"])
        if stored is not None and stored["metadata"]["uid"] == metadata["uid"]:
            self.node.objects.delete(kinds.POD, metadata["namespace"], metadata["name"], grace_s=0)


async def _cancelled(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
