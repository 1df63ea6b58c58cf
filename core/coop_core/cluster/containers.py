"""What a pod's container statuses say: ready or not, and whether something is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.clock import parse_rfc3339
from coop_core.cluster.rollout import condition
from coop_core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coop_core.cluster.kinds import Raw

_WAITING_WELL = frozenset({"", "ContainerCreating", "PodInitializing"})
_WORDS = {
    "CrashLoopBackOff": "the program crashes again and again",
    "ErrImagePull": "the image cannot be fetched",
    "ImagePullBackOff": "the image cannot be fetched",
    "ErrImageNeverPull": "the image is not there",
    "InvalidImageName": "the image's name is invalid",
    "CreateContainerConfigError": "the container's configuration is wrong",
    "CreateContainerError": "the container cannot be created",
    "RunContainerError": "the program cannot be started",
}

_PULLING = ("ErrImagePull", "ImagePullBackOff")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that does not pass by waiting.

    previous: whether the log to read is that of the container's instance before the current one. is_of_image: it
    passes when the image comes after all.
    """

    reason: str
    detail: str
    container: str
    previous: bool = False
    is_of_image: bool = False


def is_ready(pod: Raw) -> bool:
    found = condition(pod, "Ready")
    return found is not None and found.get("status") == "True" and "deletionTimestamp" not in pod["metadata"]


def restarts(pod: Raw) -> int:
    return sum(status.get("restartCount", 0) for status in _statuses(pod))


def ended_s(pod: Raw) -> float | None:
    """When the last of its containers ended; None while nobody knows."""
    ends = [
        at_s
        for status in _statuses(pod)
        if (at_s := parse_rfc3339(((status.get("state") or {}).get("terminated") or {}).get("finishedAt") or ""))
    ]
    return max(ends, default=None)


def main_container(pod: Raw) -> str:
    """The container whose log people mean: the annotated one, else the first."""
    named = (pod["metadata"].get("annotations") or {}).get("kubectl.kubernetes.io/default-container")
    if named:
        return str(named)
    declared = (pod.get("spec") or {}).get("containers") or [{}]
    return str(declared[0].get("name", ""))


def trouble(pod: Raw) -> Trouble | None:
    """The first thing wrong with a pod that is meant to run for ever."""
    for status in _statuses(pod):
        name = str(status.get("name", ""))
        state = status.get("state") or {}
        if waiting := state.get("waiting"):
            reason = str(waiting.get("reason", ""))
            if reason in _WAITING_WELL:
                continue
            last = (status.get("lastState") or {}).get("terminated")
            if last and reason == "CrashLoopBackOff":
                how = _WORDS[reason] if _is_bad(last) else "the program ends again and again"
                return Trouble(how, _ending(last), name, previous=True)
            what, detail = _WORDS.get(reason, one_line(reason, 60)), one_line(str(waiting.get("message", "")))
            return Trouble(what, detail, name, is_of_image=reason in _PULLING)
        if (terminated := state.get("terminated")) and _is_bad(terminated):
            return Trouble("the program ended", _ending(terminated), name)
    status = pod.get("status") or {}
    if status.get("phase") == "Failed":
        detail = one_line(str(status.get("message") or status.get("reason") or ""))
        return Trouble("the pod failed", detail, main_container(pod))
    return None


def unready_reason(pod: Raw) -> str:
    """Why a pod is not ready, in the platform's words; "" when nobody says."""
    for status in _statuses(pod):
        last = (status.get("lastState") or {}).get("terminated")
        if last and not status.get("ready") and _is_bad(last):
            return f"restarted {status.get('restartCount', 0)} times, before: {_ending(last)}"
    for kind in ("PodScheduled", "Ready", "ContainersReady"):
        found = condition(pod, kind)
        if found and found.get("status") != "True" and found.get("message"):
            return one_line(str(found["message"]))
    return ""


def _statuses(pod: Raw) -> Iterator[Raw]:
    status = pod.get("status") or {}
    yield from status.get("initContainerStatuses") or []
    yield from status.get("containerStatuses") or []


def _is_bad(terminated: Raw) -> bool:
    return bool(terminated.get("exitCode")) or terminated.get("reason") not in (None, "", "Completed")


def _ending(terminated: Raw) -> str:
    """How an instance of a container ended, e.g. "exit code 1: no module named app"."""
    if terminated.get("reason") == "OOMKilled":
        how = "it used more memory than it may"
    elif signal := terminated.get("signal"):
        how = f"killed by signal {signal}"
    else:
        how = f"exit code {terminated.get('exitCode', 0)}"
    message = one_line(str(terminated.get("message", "")))
    return f"{how}: {message}" if message else how
