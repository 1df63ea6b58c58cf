"""The process runtime, the local platform's kubelet: pods of the store become child processes.

A platform that died leaves its pods running; the next one finds them by their records and takes them over.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from coop_core.cluster import kinds
from coop_core.local.controllers.events import Recorder
from coop_core.local.controllers.loop import Controller, Key, Loop
from coop_core.local.runtime import pod_logs, processes, records
from coop_core.local.runtime.exits import ExitFile
from coop_core.local.runtime.log_files import LogFile
from coop_core.local.runtime.node import Node
from coop_core.local.runtime.pods import PodWorker
from coop_core.local.runtime.stopping import end_pods

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path

    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.local.api.logs import LogRequest
    from coop_core.local.objects import Objects
    from coop_core.local.router.server import Router
    from coop_core.local.runtime.node import Images
    from coop_core.local.runtime.records import Record

log = logging.getLogger("coop.runtime")

STOP_GRACE_S = 3.0
"""What pods get to end when the platform stops: nobody wants to wait half a minute for `coop platform down`."""


class Runtime:
    """Runs the pods of the store, and reads their logs (it is the API's `PodLogs`).

    folder: pod records and logs; made when it is not there. router: a pod ends only when its
    requests there have, and finds other Services by the ports that they have there.
    """

    def __init__(self, objects: Objects, images: Images, *, folder: Path, router: Router) -> None:
        self._recorder = Recorder(objects, "kubelet")
        self._node = Node(
            objects=objects,
            images=images,
            folder=folder,
            logs=pod_logs.LogKeeper(folder),
            ports=router.free_ports,
            traffic=router.traffic,
            services=router.services,
            recorder=self._recorder,
        )
        self._workers: dict[Key, PodWorker] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._loop = Loop(_Pods(objects, self))

    async def start(self) -> None:
        """Takes over what still runs, ends what has no pod any more, and starts the rest."""
        self._node.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._node.logs.start()
        found = list(records.read_all(self._node.folder))
        await asyncio.to_thread(self._settle, found)
        wished = {pod["metadata"]["uid"] for pod in self._node.objects.select(kinds.POD)}
        strays = [record for record in found if record.uid not in wished]
        await asyncio.to_thread(end_pods, self._node.folder, strays)
        for record in strays:
            records.remove(self._node.folder, record.uid)
        self._loop.start()

    async def close(self, *, keep_pods: bool = False) -> None:
        """Ends all pods' processes, or leaves them running for the next platform."""
        await self._loop.close()
        workers = list(self._workers.values())
        if keep_pods:
            await asyncio.gather(*(worker.leave() for worker in workers))
        else:
            await asyncio.gather(*(worker.stop(STOP_GRACE_S) for worker in workers))
            await asyncio.gather(*self._leaving, return_exceptions=True)
        self._recorder.flush()
        self._node.logs.close()

    async def read(self, namespace: str, pod: str, request: LogRequest) -> AsyncIterator[bytes]:
        """Whole lines of a container's output; `follow` goes on until the container has ended for good."""
        body = self._node.objects.find(kinds.POD, namespace, pod)
        if body is None:
            return
        logs, uid = self._node.logs, body["metadata"]["uid"]
        latest = logs.latest(uid, request.container)
        if latest is None:
            return
        stream = logs.stream(uid, request.container)
        if request.previous:
            latest, stream = self._previous(body, latest, request.container), None
        async for piece in pod_logs.read(latest, stream, request):
            yield piece

    def flush(self) -> None:
        """Writes the events that wait."""
        self._recorder.flush()

    def see(self, key: Key) -> None:
        """Brings the worker of a pod in step with the pod's object."""
        body = self._node.objects.find(kinds.POD, *key)
        worker = self._workers.get(key)
        if worker is not None and (body is None or body["metadata"]["uid"] != worker.uid):
            worker.vanished()
            self._forget(key, worker)
            worker = None
        if body is None:
            return
        if worker is not None:
            worker.changed(body)
            return
        metadata = body["metadata"]
        record = records.read(self._node.folder, metadata["uid"])
        if record is None:
            record = records.Record(metadata["uid"], metadata["namespace"], metadata["name"])
        self._workers[key] = worker = PodWorker(self._node, body, record)
        worker.start()

    def _forget(self, key: Key, worker: PodWorker) -> None:
        del self._workers[key]
        task = asyncio.create_task(worker.finished(), name="ending pod")
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    def _previous(self, body: Raw, latest: LogFile, container: str) -> LogFile:
        """While a container waits for its restart, its last run is the previous one already."""
        for status in (body.get("status") or {}).get("containerStatuses") or []:
            if status["name"] == container and "waiting" in (status.get("state") or {}):
                return latest
        return LogFile(latest.folder, container, latest.number - 1)

    def _settle(self, found: list[Record]) -> None:
        """Resolves what a crash left open between the start of a process and its record."""
        if not any(instance.is_starting for record in found for instance in record.instances.values()):
            return
        running = processes.of_pods()
        for record in found:
            for name, instance in record.instances.items():
                if instance.is_starting:
                    process = running.get((record.uid, name))
                    code = ExitFile(self._node.folder / record.uid, name, instance.number).read()
                    instance.is_starting, instance.exit_code = False, code
                    instance.is_stopped = process is None and code is None
                    if process is not None:
                        instance.pid, instance.began = process.pid, process.began
            records.write(self._node.folder, record)


class _Pods(Controller):
    name = "pods"
    watches = (kinds.POD,)

    def __init__(self, objects: Objects, runtime: Runtime) -> None:
        super().__init__(objects)
        self._runtime = runtime

    def keys(self, kind: Kind, body: Raw) -> Iterable[Key]:
        yield (body["metadata"]["namespace"], body["metadata"]["name"])

    async def reconcile(self, key: Key) -> float | None:
        self._runtime.see(key)
        return None
