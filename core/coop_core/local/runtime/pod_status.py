"""A pod's status, composed from what is known of its containers. Pure.

The shapes and reasons are the kubelet's own; transition times move only when a condition's status does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.clock import rfc3339

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coop_core.cluster.kinds import Raw

ADDRESS = "127.0.0.1"


@dataclass(slots=True)
class ContainerState:
    """One container as of now. `state` and `last` are Kubernetes' own: {"running": {...}} and the like."""

    name: str
    image: str
    state: Raw
    last: Raw
    image_id: str = ""
    container_id: str = ""
    restarts: int = 0
    is_started: bool = False
    is_ready: bool = False
    is_over: bool = False
    """It will not run again."""
    trouble: str = ""
    """Why it is not ready, in the latest probe's words."""
    is_sidecar: bool = False
    """An init container that goes on as long as the pod does."""

    @classmethod
    def of(cls, container: Raw, status: Raw | None) -> ContainerState:
        """As the pod's status tells it; waiting to be created when it does not."""
        seen = status or {}
        return cls(
            name=container["name"],
            image=container.get("image") or "",
            state=seen.get("state") or {"waiting": {"reason": "ContainerCreating"}},
            last=seen.get("lastState") or {},
            image_id=seen.get("imageID") or "",
            container_id=seen.get("containerID") or "",
            restarts=seen.get("restartCount") or 0,
            is_started=bool(seen.get("started")),
            is_ready=bool(seen.get("ready")),
            is_sidecar=container.get("restartPolicy") == "Always",
        )

    @property
    def is_through(self) -> bool:
        """Whether, as an init container, it lets the next one begin."""
        return self.is_started if self.is_sidecar else self.is_over and self.exit_code == 0

    @property
    def exit_code(self) -> int | None:
        ended = self.state.get("terminated")
        return None if ended is None else int(ended["exitCode"])

    @property
    def has_run(self) -> bool:
        return "running" in self.state or "terminated" in self.state or bool(self.last)

    def to_raw(self) -> Raw:
        return {
            "name": self.name,
            "image": self.image,
            "imageID": self.image_id,
            **({"containerID": self.container_id} if self.container_id else {}),
            "state": self.state,
            "lastState": self.last,
            "ready": self.is_ready,
            "started": self.is_started,
            "restartCount": self.restarts,
        }


def terminated(
    code: int | None, *, container_id: str, started_s: float, finished_s: float, message: str = ""
) -> Raw:
    """The state of a container that has ended. code: negative for a signal; None when nobody saw it end."""
    times = {"startedAt": rfc3339(started_s), "finishedAt": rfc3339(finished_s), "containerID": container_id}
    if code is None:
        note = "The container ended while the platform was down; its exit code is unknown"
        return {"terminated": {"exitCode": 137, "reason": "ContainerStatusUnknown", "message": note, **times}}
    ending: Raw = {"exitCode": code if code >= 0 else 128 - code, "reason": "Error" if code else "Completed"}
    if code < 0:
        ending["signal"] = -code
    if message:
        ending["message"] = message
    return {"terminated": ending | times}


def pod_status(
    pod: Raw,
    containers: Sequence[ContainerState],
    initial: Sequence[ContainerState],
    now_s: float,
    *,
    failure: tuple[str, str] | None = None,
) -> Raw:
    """The whole status to write. failure: why the whole pod was given up, as (reason, message)."""
    before = pod.get("status") or {}
    phase = "Failed" if failure else _phase(containers, initial)
    status: Raw = {
        "phase": phase,
        **({"reason": failure[0], "message": failure[1]} if failure else {}),
        "conditions": _conditions(before, _facts(phase, containers, initial), now_s),
        "hostIP": ADDRESS,
        "hostIPs": [{"ip": ADDRESS}],
        "podIP": ADDRESS,
        "podIPs": [{"ip": ADDRESS}],
        "startTime": before.get("startTime") or rfc3339(now_s),
        "qosClass": "BestEffort",
        "observedGeneration": pod["metadata"].get("generation", 1),
        "containerStatuses": [one.to_raw() for one in containers],
    }
    if initial:
        status["initContainerStatuses"] = [one.to_raw() for one in initial]
    return status


def _phase(containers: Sequence[ContainerState], initial: Sequence[ContainerState]) -> str:
    if any(one.is_over and one.exit_code != 0 and not one.is_sidecar for one in initial):
        return "Failed"
    is_left = any(one.is_sidecar and "running" in one.state for one in initial)
    if all(one.is_over for one in containers) and not is_left:
        # One that is over and never ran was cut short.
        return "Failed" if any(one.exit_code != 0 for one in containers) else "Succeeded"
    return "Running" if any(one.has_run for one in containers) else "Pending"


def _facts(
    phase: str, containers: Sequence[ContainerState], initial: Sequence[ContainerState]
) -> dict[str, tuple[bool, str, str]]:
    """(holds, reason, message) by condition."""
    lasting = [*(one for one in initial if one.is_sidecar), *containers]
    unready = [one.name for one in lasting if not one.is_ready]
    if phase == "Succeeded":
        ready = (False, "PodCompleted", "")
    elif phase == "Failed":
        ready = (False, "PodFailed", "")
    elif unready:
        trouble = next((one.trouble for one in lasting if not one.is_ready and one.trouble), "")
        ready = (False, "ContainersNotReady", trouble or f"containers with unready status: [{' '.join(unready)}]")
    else:
        ready = (True, "", "")
    waiting = [one.name for one in initial if not one.is_through]
    incomplete = f"containers with incomplete status: [{' '.join(waiting)}]"
    return {
        "PodReadyToStartContainers": (True, "", ""),
        "Initialized": (False, "ContainersNotInitialized", incomplete) if waiting else (True, "", ""),
        "Ready": ready,
        "ContainersReady": ready,
        "PodScheduled": (True, "", ""),
    }


def _conditions(before: Raw, facts: dict[str, tuple[bool, str, str]], now_s: float) -> list[Raw]:
    seen = {one["type"]: one for one in before.get("conditions") or []}
    found = []
    for type_, (holds, reason, message) in facts.items():
        status = "True" if holds else "False"
        old = seen.get(type_)
        since = old["lastTransitionTime"] if old and old["status"] == status else rfc3339(now_s)
        one = {"type": type_, "status": status, "lastProbeTime": None, "lastTransitionTime": since}
        if reason:
            one["reason"] = reason
        if message:
            one["message"] = message
        found.append(one)
    # What others say of the pod, such as DisruptionTarget, is theirs.
    return [*found, *(one for type_, one in seen.items() if type_ not in facts)]
