"""The CronJob controller: starts the Jobs that `cluster.cron_jobs` says are due, and forgets the oldest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.cluster import cron_jobs, kinds
from coop_core.cluster.owners import owner_reference
from coop_core.local.controllers.deleting import delete
from coop_core.local.controllers.deployments import is_controlled_by
from coop_core.local.controllers.events import Recorder
from coop_core.local.controllers.loop import Controller, Key
from coop_core.local.objects import AlreadyExists, Invalid, Malformed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.local.objects import Objects

LOOK_AGAIN_S = 60.0
"""A timer counts no time while the machine sleeps: no wait is longer, so that a wake-up is noticed."""


class CronJobController(Controller):
    """Keeps the Jobs and the status of CronJobs."""

    name = "cronjobs"
    watches = (kinds.CRON_JOB, kinds.JOB)

    def __init__(self, objects: Objects) -> None:
        super().__init__(objects)
        self.recorder = Recorder(objects, "cronjob-controller")

    def keys(self, kind: Kind, body: Raw) -> Iterable[Key]:
        metadata = body["metadata"]
        if kind is kinds.CRON_JOB:
            yield (metadata["namespace"], metadata["name"])
            return
        for owner in metadata.get("ownerReferences") or []:
            if owner.get("controller") and owner["kind"] == kinds.CRON_JOB.name:
                yield (metadata["namespace"], owner["name"])

    async def reconcile(self, key: Key) -> float | None:
        cron_job = self.objects.find(kinds.CRON_JOB, *key)
        if cron_job is None:
            return None
        uid = cron_job["metadata"]["uid"]
        jobs = [one for one in self.objects.select(kinds.JOB, key[0]) if is_controlled_by(one, uid)]
        step = cron_jobs.step(cron_job, jobs, self.objects.clock.now_s())
        for type_, reason, message in step.notes:
            tell = self.recorder.warning if type_ == "Warning" else self.recorder.normal
            tell(cron_job, reason, message)
        for job in step.end:
            delete(self.objects, kinds.JOB, job)
            self.recorder.normal(cron_job, "SuccessfulDelete", f"Deleted job {job['metadata']['name']}")
        status = step.status
        if step.start_at_s is not None:
            status = self._start(cron_job, status, step.start_at_s)
        self.objects.update_status(kinds.CRON_JOB, {**cron_job, "status": status})
        return None if step.again_s is None else min(LOOK_AGAIN_S, step.again_s + 0.001)

    def _start(self, cron_job: Raw, status: Raw, scheduled_s: float) -> Raw:
        try:
            job = self.objects.create(kinds.JOB, job_of(cron_job, scheduled_s))
        except (Invalid, Malformed, AlreadyExists) as refused:
            self.recorder.warning(cron_job, "FailedCreate", f"Error creating job: {refused}")
            return status
        self.recorder.normal(cron_job, "SuccessfulCreate", f"Created job {job['metadata']['name']}")
        return cron_jobs.started(status, job, scheduled_s)


def job_of(cron_job: Raw, scheduled_s: float) -> Raw:
    """The Job of one scheduled time."""
    template = cron_job["spec"]["jobTemplate"]
    carried = template.get("metadata") or {}
    note = {cron_jobs.SCHEDULED: cron_jobs.scheduled_note(cron_job, scheduled_s)}
    return {
        "metadata": {
            "name": cron_jobs.job_name(cron_job, scheduled_s),
            "namespace": cron_job["metadata"]["namespace"],
            "labels": dict(carried.get("labels") or {}),
            "annotations": {**(carried.get("annotations") or {}), **note},
            "ownerReferences": [owner_reference(cron_job)],
        },
        "spec": template.get("spec") or {},
    }
