"""The Job controller: carries out what `cluster.jobs` decides, in an order that a crash at any point survives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.cluster import indexes, jobs, kinds
from coop_core.cluster.job_pods import TRACKING
from coop_core.cluster.job_status import condition, finished_as
from coop_core.local.controllers.deleting import delete
from coop_core.local.controllers.deployments import is_controlled_by
from coop_core.local.controllers.events import Recorder
from coop_core.local.controllers.loop import Controller, Key
from coop_core.local.controllers.replica_sets import AFTER_FAILURE_S, pod_of
from coop_core.local.objects import Invalid, Malformed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coop_core.cluster.jobs import New
    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.local.objects import Objects


class JobController(Controller):
    """Keeps the pods and the status of Jobs."""

    name = "jobs"
    watches = (kinds.JOB, kinds.POD)

    def __init__(self, objects: Objects) -> None:
        super().__init__(objects)
        self.recorder = Recorder(objects, "job-controller")

    def keys(self, kind: Kind, body: Raw) -> Iterable[Key]:
        metadata = body["metadata"]
        if kind is kinds.JOB:
            yield (metadata["namespace"], metadata["name"])
            return
        for owner in metadata.get("ownerReferences") or []:
            if owner.get("controller") and owner["kind"] == kinds.JOB.name:
                yield (metadata["namespace"], owner["name"])
        if TRACKING in (metadata.get("finalizers") or ()) and jobs.JOB_NAME in (metadata.get("labels") or {}):
            yield (metadata["namespace"], metadata["labels"][jobs.JOB_NAME])

    async def reconcile(self, key: Key) -> float | None:
        job = self.objects.find(kinds.JOB, *key)
        self._release_strays(key, job)
        if (
            job is None
            or job["spec"].get("managedBy", "kubernetes.io/job-controller") != "kubernetes.io/job-controller"
        ):
            return None
        step = jobs.step(job, self._pods(job), self.objects.clock.now_s())
        job = self._note(job, step.status)
        for pod in step.release:
            self._release(pod)
        for pod in step.dismiss:
            delete(self.objects, kinds.POD, self._release(pod))
        for pod in step.end:
            delete(self.objects, kinds.POD, pod)
        for pod in (*step.dismiss, *step.end):
            self.recorder.normal(job, "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")
        if not self._create(job, step.create):
            return AFTER_FAILURE_S
        if finished_as(job) and step.again_s == 0:
            delete(self.objects, kinds.JOB, job)
        return step.again_s

    def _pods(self, job: Raw) -> list[Raw]:
        metadata = job["metadata"]
        pods = self.objects.select(kinds.POD, metadata["namespace"])
        return [pod for pod in pods if is_controlled_by(pod, metadata["uid"])]

    def _release_strays(self, key: Key, job: Raw | None) -> None:
        """A pod whose Job is gone, or no longer its owner, is counted by nobody: nothing may hold it."""
        for pod in self.objects.select(kinds.POD, key[0], {jobs.JOB_NAME: key[1]}):
            if job is None or not is_controlled_by(pod, job["metadata"]["uid"]):
                self._release(pod)

    def _release(self, pod: Raw) -> Raw:
        metadata = pod["metadata"]
        left = [one for one in metadata.get("finalizers") or [] if one != TRACKING]
        if len(left) == len(metadata.get("finalizers") or []):
            return pod
        return self.objects.update(kinds.POD, {**pod, "metadata": {**metadata, "finalizers": left}})

    def _create(self, job: Raw, wanted: Iterable[New]) -> bool:
        """False when one could not be made."""
        for new in wanted:
            try:
                pod = self.objects.create(kinds.POD, job_pod(job, new))
            except (Invalid, Malformed) as refused:
                self.recorder.warning(job, "FailedCreate", f"Error creating: {refused}")
                return False
            self.recorder.normal(job, "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")
        return True

    def _note(self, job: Raw, status: Raw) -> Raw:
        before = job.get("status") or {}
        job = self.objects.update_status(kinds.JOB, {**job, "status": status})
        self._tell_of_suspension(job, before, status)
        for type_, reason in (("Complete", "Completed"), ("Failed", "")):
            found = condition(status, type_)
            if found and not condition(before, type_):
                if type_ == "Complete":
                    self.recorder.normal(job, reason, "Job completed")
                else:
                    self.recorder.warning(job, found.get("reason", ""), found.get("message", ""))
        return job

    def _tell_of_suspension(self, job: Raw, before: Raw, after: Raw) -> None:
        if condition(after, "Suspended") and not condition(before, "Suspended"):
            self.recorder.normal(job, "Suspended", "Job suspended")
        elif condition(before, "Suspended") and not condition(after, "Suspended"):
            self.recorder.normal(job, "Resumed", "Job resumed")


def job_pod(job: Raw, new: New) -> Raw:
    pod, name, index = pod_of(job), job["metadata"]["name"], new.index
    metadata = pod["metadata"]
    metadata["finalizers"] = [TRACKING]
    metadata["labels"] |= {
        jobs.JOB_NAME: name,
        "job-name": name,
        jobs.CONTROLLER_UID: job["metadata"]["uid"],
        "controller-uid": job["metadata"]["uid"],
    }
    if index is None:
        return pod
    metadata["generateName"] = f"{name}-{index}-"
    metadata["annotations"] = {
        **(metadata.get("annotations") or {}),
        indexes.ANNOTATION: str(index),
        **new.annotations,
    }
    metadata["labels"][indexes.ANNOTATION] = str(index)
    pod["spec"] = _with_index({**pod["spec"], "hostname": pod["spec"].get("hostname") or f"{name}-{index}"})
    return pod


def _with_index(spec: Raw) -> Raw:
    """The spec with the completion index in the environment of every container."""
    field = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.annotations['{indexes.ANNOTATION}']"}}
    variable = {"name": "JOB_COMPLETION_INDEX", "valueFrom": field}

    def given(container: Raw) -> Raw:
        others = [one for one in container.get("env") or [] if one["name"] != variable["name"]]
        return {**container, "env": [*others, variable]}

    return {
        **spec,
        **{
            group: [given(one) for one in spec[group]]
            for group in ("containers", "initContainers")
            if spec.get(group)
        },
    }
