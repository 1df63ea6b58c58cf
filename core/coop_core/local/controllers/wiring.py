"""All controllers and the process runtime, started and closed in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.local.controllers.applications.controller import ApplicationController
from coop_core.local.controllers.cron_jobs import CronJobController
from coop_core.local.controllers.deployments import DeploymentController
from coop_core.local.controllers.endpoints import EndpointsController
from coop_core.local.controllers.events import EventExpiry
from coop_core.local.controllers.garbage import GarbageCollector
from coop_core.local.controllers.ingresses import AddressController
from coop_core.local.controllers.jobs import JobController
from coop_core.local.controllers.loop import Loop
from coop_core.local.controllers.namespaces import NamespaceController
from coop_core.local.controllers.replica_sets import ReplicaSetController

if TYPE_CHECKING:
    from coop_core.git.mirror import Mirror
    from coop_core.local.objects import Objects
    from coop_core.local.runtime.runtime import Runtime


class Controllers:
    """Everything of the local platform that acts by itself. Owns `runtime` from `start` to `close`."""

    def __init__(self, objects: Objects, mirror: Mirror, runtime: Runtime) -> None:
        self._runtime = runtime
        deployments, replica_sets = DeploymentController(objects), ReplicaSetController(objects)
        jobs, cron_jobs = JobController(objects), CronJobController(objects)
        applications = ApplicationController(objects, mirror)
        self._recorders = [one.recorder for one in (deployments, replica_sets, jobs, cron_jobs, applications)]
        self._loops = [
            Loop(controller)
            for controller in (
                applications,
                NamespaceController(objects),
                deployments,
                replica_sets,
                jobs,
                cron_jobs,
                EndpointsController(objects),
                AddressController(objects),
                GarbageCollector(objects),
                EventExpiry(objects),
            )
        ]

    async def start(self) -> None:
        """The runtime first: what still runs must be known before anybody judges it missing."""
        await self._runtime.start()
        for loop in self._loops:
            loop.start()

    async def close(self, *, keep_pods: bool = False) -> None:
        """Stops deciding, then ends the pods' processes (or leaves them to the next platform)."""
        for loop in self._loops:
            await loop.close()
        self.flush()
        await self._runtime.close(keep_pods=keep_pods)

    def flush(self) -> None:
        """Writes the events that wait."""
        for recorder in self._recorders:
            recorder.flush()
