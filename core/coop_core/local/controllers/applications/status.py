"""An Application's status, composed part by part. Pure: each function gives the parts that it replaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.clock import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coop_core.cluster.health import Health
    from coop_core.cluster.kinds import Raw
    from coop_core.local.controllers.applications.syncing import Result

_HISTORY = 10


def compared(application: Raw, revision: str, *, is_synced: bool | None) -> Raw:
    """is_synced None: it could not be told."""
    spec = application["spec"]
    words = {True: "Synced", False: "OutOfSync", None: "Unknown"}
    return {
        "sync": {
            "status": words[is_synced],
            "comparedTo": {"source": spec.get("source") or {}, "destination": spec.get("destination") or {}},
            **({"revision": revision} if revision else {}),
        },
        "sourceType": "Directory",
    }


def healthy(before: Raw, found: Health, now_s: float) -> Raw:
    """The time moves only when the word does."""
    old = before.get("health") or {}
    since = old.get("lastTransitionTime") if old.get("status") == found.status else None
    return {
        "health": {
            "status": found.status,
            **({"message": found.message} if found.message else {}),
            "lastTransitionTime": since or rfc3339(now_s),
        }
    }


def conditions(before: Raw, found: Iterable[tuple[str, str]], now_s: float) -> Raw:
    """found: (type, message). A condition that is said again keeps its time."""
    old = {(one["type"], one["message"]): one for one in before.get("conditions") or []}
    return {
        "conditions": [
            old.get((type_, message)) or {"type": type_, "message": message, "lastTransitionTime": rfc3339(now_s)}
            for type_, message in found
        ]
    }


def begun(application: Raw, operation: Raw, *, now_s: float, retries: int) -> Raw:
    """The state of an operation that has just begun."""
    source = application["spec"].get("source") or {}
    return {
        "operation": operation,
        "phase": "Running",
        "message": "",
        "startedAt": rfc3339(now_s),
        "syncResult": {"revision": operation["sync"]["revision"], "source": source, "resources": []},
        **({"retryCount": retries} if retries else {}),
    }


def ended(state: Raw, *, now_s: float) -> Raw:
    return {**state, "finishedAt": rfc3339(now_s)}


def operated(application: Raw, state: Raw, result: Result, *, now_s: float) -> Raw:
    """The operation after a pass and, when it has succeeded, its place in the history."""
    synced = {**state["syncResult"], "resources": list(result.resources)}
    state = {**state, "phase": result.phase, "message": result.message, "syncResult": synced}
    if result.phase == "Running":
        return {"operationState": state}
    state = ended(state, now_s=now_s)
    if result.phase != "Succeeded" or (state["operation"].get("sync") or {}).get("dryRun"):
        return {"operationState": state}
    history = list((application.get("status") or {}).get("history") or [])
    history.append(
        {
            "id": history[-1]["id"] + 1 if history else 0,
            "revision": synced["revision"],
            "source": synced["source"],
            "deployStartedAt": state["startedAt"],
            "deployedAt": state["finishedAt"],
            "initiatedBy": state["operation"].get("initiatedBy") or {},
        }
    )
    limit = application["spec"].get("revisionHistoryLimit")
    kept = _HISTORY if limit is None else int(limit)
    return {"operationState": state, "history": history[-kept:] if kept else []}


def to_retry(parts: Raw, *, in_s: float, retries: int, now_s: float) -> Raw:
    """A failed operation that will be tried again runs still, though it has an end: so Argo CD says it."""
    state = parts["operationState"]
    message = f"{state['message']}. Retrying attempt #{retries} at {rfc3339(now_s + in_s)}."
    return {"operationState": {**state, "phase": "Running", "message": message, "retryCount": retries}}
