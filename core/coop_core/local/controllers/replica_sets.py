"""The ReplicaSet controller: as many pods of the template as wished, and a status that counts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.clock import parse_rfc3339, rfc3339
from coop_core.cluster import kinds
from coop_core.cluster.owners import owner_reference
from coop_core.cluster.replica_sets import replicas
from coop_core.cluster.rollout_status import condition
from coop_core.local.controllers.deleting import delete
from coop_core.local.controllers.deployments import is_controlled_by
from coop_core.local.controllers.events import Recorder
from coop_core.local.controllers.loop import Controller, Key
from coop_core.local.objects import Invalid, Malformed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.local.objects import Objects


AFTER_FAILURE_S = 5.0


class ReplicaSetController(Controller):
    """Keeps the pods and the status of ReplicaSets."""

    name = "replicasets"
    watches = (kinds.REPLICA_SET, kinds.POD)

    def __init__(self, objects: Objects) -> None:
        super().__init__(objects)
        self.recorder = Recorder(objects, "replicaset-controller")

    def keys(self, kind: Kind, body: Raw) -> Iterable[Key]:
        metadata = body["metadata"]
        if kind is kinds.REPLICA_SET:
            yield (metadata["namespace"], metadata["name"])
            return
        for owner in metadata.get("ownerReferences") or []:
            if owner.get("controller") and owner["kind"] == kinds.REPLICA_SET.name:
                yield (metadata["namespace"], owner["name"])

    async def reconcile(self, key: Key) -> float | None:
        replica_set = self.objects.find(kinds.REPLICA_SET, *key)
        if replica_set is None:
            return None
        failure = ""
        if "deletionTimestamp" not in replica_set["metadata"]:
            failure = self._fit(replica_set)
        pods, now_s = self._pods(replica_set), self.objects.clock.now_s()
        status = counts(replica_set, pods, now_s) | failed(replica_set, failure, now_s)
        self.objects.update_status(kinds.REPLICA_SET, {**replica_set, "status": status})
        return AFTER_FAILURE_S if failure else available_in_s(replica_set, pods, now_s)

    def _pods(self, replica_set: Raw) -> list[Raw]:
        metadata = replica_set["metadata"]
        pods = self.objects.select(kinds.POD, metadata["namespace"])
        return [pod for pod in pods if is_controlled_by(pod, metadata["uid"])]

    def _fit(self, replica_set: Raw) -> str:
        """Makes or takes pods; returns why one could not be made."""
        pods = [pod for pod in self._pods(replica_set) if is_active(pod)]
        missing = replicas(replica_set) - len(pods)
        for _ in range(missing):
            try:
                pod = self.objects.create(kinds.POD, pod_of(replica_set))
            except (Invalid, Malformed) as refused:
                self.recorder.warning(replica_set, "FailedCreate", f"Error creating: {refused}")
                return str(refused)
            self.recorder.normal(replica_set, "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")
        if missing < 0:
            for pod in sorted(pods, key=cost_of_losing)[:-missing]:
                delete(self.objects, kinds.POD, pod)
                self.recorder.normal(replica_set, "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")
        return ""


def pod_of(replica_set: Raw) -> Raw:
    """A new pod of the ReplicaSet's template."""
    template, metadata = replica_set["spec"]["template"], replica_set["metadata"]
    carried = template.get("metadata") or {}
    return {
        "metadata": {
            # Room for the five characters that make the name its own, within the 63 of a DNS label.
            "generateName": f"{metadata['name'][:57]}-",
            "namespace": metadata["namespace"],
            "labels": dict(carried.get("labels") or {}),
            **({"annotations": dict(carried["annotations"])} if carried.get("annotations") else {}),
            "ownerReferences": [owner_reference(replica_set)],
        },
        "spec": template["spec"],
        "status": {"phase": "Pending"},
    }


def failed(replica_set: Raw, failure: str, now_s: float) -> Raw:
    """The ReplicaFailure condition, while pods cannot be made."""
    if not failure:
        return {}
    before = condition(replica_set, "ReplicaFailure")
    since = before["lastTransitionTime"] if before else rfc3339(now_s)
    found = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": failure}
    return {"conditions": [{**found, "lastTransitionTime": since}]}


def counts(replica_set: Raw, owned: list[Raw], now_s: float) -> Raw:
    """The ReplicaSet's status for the pods that it owns."""
    pods = [pod for pod in owned if is_active(pod)]
    labels = ((replica_set["spec"]["template"].get("metadata") or {}).get("labels") or {}).items()
    found = {
        "fullyLabeledReplicas": sum(labels <= (pod["metadata"].get("labels") or {}).items() for pod in pods),
        "readyReplicas": sum(is_ready(pod) for pod in pods),
        "availableReplicas": sum(_lacks_s(replica_set, pod, now_s) == 0 for pod in pods),
        "terminatingReplicas": sum("deletionTimestamp" in pod["metadata"] for pod in owned),
    }
    return {
        "replicas": len(pods),
        **{name: count for name, count in found.items() if count},
        "observedGeneration": replica_set["metadata"]["generation"],
    }


def available_in_s(replica_set: Raw, pods: list[Raw], now_s: float) -> float | None:
    """After how many seconds the next ready pod has been ready long enough; None when none has to wait."""
    waits = [_lacks_s(replica_set, pod, now_s) for pod in pods if is_active(pod)]
    return min((wait for wait in waits if wait), default=None)


def is_active(pod: Raw) -> bool:
    """Whether a pod counts: it has neither ended nor been asked to."""
    ended = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
    return not ended and "deletionTimestamp" not in pod["metadata"]


def is_ready(pod: Raw) -> bool:
    ready = condition(pod, "Ready")
    return ready is not None and ready["status"] == "True"


def cost_of_losing(pod: Raw) -> tuple[bool, bool, bool, int, int]:
    """Cheapest first: pods that do not run, then those not ready, then often restarted ones, then the newest."""
    status = pod.get("status") or {}
    restarts = sum(one.get("restartCount", 0) for one in status.get("containerStatuses") or [])
    return (
        bool(pod["spec"].get("nodeName")),
        status.get("phase") == "Running",
        is_ready(pod),
        -restarts,
        -_born(pod),
    )


def _born(pod: Raw) -> int:
    return int(parse_rfc3339(pod["metadata"]["creationTimestamp"]) or 0)


def _lacks_s(replica_set: Raw, pod: Raw, now_s: float) -> float | None:
    """Seconds until a ready pod counts as available, 0 when it does; None for a pod that is not ready."""
    ready = condition(pod, "Ready")
    if ready is None or ready["status"] != "True":
        return None
    least_s = float(replica_set["spec"].get("minReadySeconds") or 0)
    if not least_s:
        return 0
    since_s = parse_rfc3339(ready.get("lastTransitionTime") or rfc3339(now_s)) or now_s
    return max(0.0, since_s + least_s - now_s)
