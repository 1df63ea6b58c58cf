"""The Deployment controller: carries out what `cluster.rollout_plan` decides and writes what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.cluster import kinds, replica_sets, rollout_plan, rollout_status
from coop_core.cluster.labels import REVISION
from coop_core.cluster.rollout_plan import Create, Drop, Scale
from coop_core.local.controllers.deleting import delete
from coop_core.local.controllers.events import Recorder
from coop_core.local.controllers.loop import Controller, Key
from coop_core.local.objects import AlreadyExists

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.cluster.rollout_plan import Action
    from coop_core.local.objects import Objects


class DeploymentController(Controller):
    """Keeps ReplicaSets, revisions and status of Deployments."""

    name = "deployments"
    watches = (kinds.DEPLOYMENT, kinds.REPLICA_SET)

    def __init__(self, objects: Objects) -> None:
        super().__init__(objects)
        self.recorder = Recorder(objects, "deployment-controller")

    def keys(self, kind: Kind, body: Raw) -> Iterable[Key]:
        metadata = body["metadata"]
        if kind is kinds.DEPLOYMENT:
            yield (metadata["namespace"], metadata["name"])
            return
        for owner in metadata.get("ownerReferences") or []:
            if owner.get("controller") and owner["kind"] == kinds.DEPLOYMENT.name:
                yield (metadata["namespace"], owner["name"])

    async def reconcile(self, key: Key) -> float | None:
        deployment = self.objects.find(kinds.DEPLOYMENT, *key)
        if deployment is None:
            return None
        if "deletionTimestamp" not in deployment["metadata"]:
            step = rollout_plan.plan(deployment, self._owned(deployment))
            for action in step.actions:
                self._carry_out(deployment, action)
            deployment = self._note_revision(deployment, step.revision)
        return self._write_status(deployment)

    def _write_status(self, deployment: Raw) -> float | None:
        owned = self._owned(deployment)
        now_s = self.objects.clock.now_s()
        current = rollout_plan.find_current(deployment, owned)
        status = rollout_status.status(deployment, owned, current, now_s)
        written = self.objects.update_status(kinds.DEPLOYMENT, {**deployment, "status": status})
        return rollout_status.overdue_in_s(written, now_s)

    def _owned(self, deployment: Raw) -> list[Raw]:
        """What this Deployment controls, oldest first."""
        metadata = deployment["metadata"]
        found = [
            one
            for one in self.objects.select(kinds.REPLICA_SET, metadata["namespace"])
            if is_controlled_by(one, metadata["uid"])
        ]
        return sorted(found, key=replica_sets.age_order)

    def _note_revision(self, deployment: Raw, revision: str | None) -> Raw:
        metadata = deployment["metadata"]
        annotations = metadata.get("annotations") or {}
        if revision is None or annotations.get(REVISION) == revision:
            return deployment
        changed = {**metadata, "annotations": {**annotations, REVISION: revision}}
        return self.objects.update(kinds.DEPLOYMENT, {**deployment, "metadata": changed})

    def _carry_out(self, deployment: Raw, action: Action) -> None:
        if isinstance(action, Create):
            self._create(deployment, action.replica_set)
        elif isinstance(action, Scale):
            self._scale(deployment, action)
        else:
            assert isinstance(action, Drop)
            delete(self.objects, kinds.REPLICA_SET, action.replica_set)

    def _create(self, deployment: Raw, body: Raw) -> None:
        try:
            self.objects.create(kinds.REPLICA_SET, body)
        except AlreadyExists:
            # Another template of this name has the same hash, or a ReplicaSet of somebody else has the name.
            status = deployment.get("status") or {}
            collided = {**status, "collisionCount": (status.get("collisionCount") or 0) + 1}
            self.objects.update_status(kinds.DEPLOYMENT, {**deployment, "status": collided})
            raise
        if body["spec"]["replicas"]:
            self._tell(deployment, "up", body["metadata"]["name"], 0, body["spec"]["replicas"])

    def _scale(self, deployment: Raw, action: Scale) -> None:
        body = action.replica_set
        before = replica_sets.replicas(body)
        self.objects.update(
            kinds.REPLICA_SET,
            {
                **body,
                "metadata": {**body["metadata"], "annotations": action.annotations},
                "spec": {**body["spec"], "replicas": action.replicas},
            },
        )
        if action.replicas != before:
            way = "up" if action.replicas > before else "down"
            self._tell(deployment, way, body["metadata"]["name"], before, action.replicas)

    def _tell(self, deployment: Raw, way: str, name: str, before: int, after: int) -> None:
        message = f"Scaled {way} replica set {name} from {before} to {after}"
        self.recorder.normal(deployment, "ScalingReplicaSet", message)


def is_controlled_by(body: Raw, uid: str) -> bool:
    """Whether the object with this uid is the controller of `body`."""
    return any(
        owner.get("controller") and owner["uid"] == uid for owner in body["metadata"].get("ownerReferences") or []
    )
