"""A pod in a few words, as `kubectl get pods` puts it.

Source: Kubernetes pkg/printers/internalversion/printers.go, printPod. Any field may be absent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.clock import age, parse_rfc3339

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw


def pod_ready(pod: Raw) -> str:
    """Ready containers of all, e.g. "1/2"; init containers do not count."""
    statuses = _container_statuses(pod)
    ready = sum(bool(status.get("ready")) and _is_running(status) for status in statuses)
    return f"{ready}/{len((pod.get('spec') or {}).get('containers') or ())}"


def pod_restarts(pod: Raw, now_s: float) -> str:
    """Restarts of all containers, with the time since the last one: "3 (2m5s ago)"."""
    statuses = _container_statuses(pod)
    total = sum(status.get("restartCount") or 0 for status in statuses)
    ended = [
        at_s
        for status in statuses
        if (terminated := (status.get("lastState") or {}).get("terminated"))
        and (at_s := parse_rfc3339(terminated.get("finishedAt") or "")) is not None
    ]
    return f"{total} ({age(now_s - max(ended))} ago)" if total and ended else str(total)


def pod_status(pod: Raw) -> str:
    """One word for a pod's state: Running, CrashLoopBackOff, Completed, Init:0/1, Terminating, …"""
    status = pod.get("status") or {}
    reason = status.get("reason") or status.get("phase") or ""
    if any(c.get("type") == "PodScheduled" and c.get("reason") == "SchedulingGated" for c in _conditions(pod)):
        reason = "SchedulingGated"
    initialising = _init_reason(pod)
    reason = initialising or _containers_reason(pod, reason)
    if (pod.get("metadata") or {}).get("deletionTimestamp"):
        return "Unknown" if status.get("reason") == "NodeLost" else "Terminating"
    return reason


def _conditions(pod: Raw) -> list[Raw]:
    return (pod.get("status") or {}).get("conditions") or []


def _container_statuses(pod: Raw) -> list[Raw]:
    return (pod.get("status") or {}).get("containerStatuses") or []


def _is_running(status: Raw) -> bool:
    return (status.get("state") or {}).get("running") is not None


def _ended(terminated: Raw) -> str:
    """Why a container ended, in a word."""
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _init_reason(pod: Raw) -> str | None:
    """What an init container is busy with; None once all are done."""
    statuses = (pod.get("status") or {}).get("initContainerStatuses") or []
    for index, status in enumerate(statuses):
        state = status.get("state") or {}
        terminated, waiting = state.get("terminated"), state.get("waiting") or {}
        if terminated is not None:
            if terminated.get("exitCode") == 0:
                continue
            return f"Init:{_ended(terminated)}"
        if waiting.get("reason") and waiting["reason"] != "PodInitializing":
            return f"Init:{waiting['reason']}"
        return f"Init:{index}/{len((pod.get('spec') or {}).get('initContainers') or ())}"
    return None


def _containers_reason(pod: Raw, reason: str) -> str:
    """`reason`, unless a container has a better one; of several the first container's wins."""
    has_running = False
    for status in reversed(_container_statuses(pod)):
        state = status.get("state") or {}
        waiting, terminated = state.get("waiting") or {}, state.get("terminated")
        if waiting.get("reason"):
            reason = waiting["reason"]
        elif terminated is not None:
            reason = _ended(terminated)
        elif status.get("ready") and state.get("running") is not None:
            has_running = True
    if reason == "Completed" and has_running:
        is_ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in _conditions(pod))
        return "Running" if is_ready else "NotReady"
    return reason
