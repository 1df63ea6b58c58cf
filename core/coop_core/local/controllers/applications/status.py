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


def operated(  # a finished or paused operation has all of these
    application: Raw, operation: Raw, result: Result, *, started_s: float, now_s: float, retries: int
) -> Raw:
    """The operation's outcome and, when it succeeded, its place in the history."""
    before, source = application.get("status") or {}, application["spec"].get("source") or {}
    revision = operation["sync"]["revision"]
    state = {
        "operation": operation,
        "phase": result.phase,
        "message": result.message,
        "startedAt": rfc3339(started_s),
        "finishedAt": rfc3339(now_s),
        "syncResult": {"revision": revision, "source": source, "resources": list(result.resources)},
        **({"retryCount": retries} if retries else {}),
    }
    if result.phase != "Succeeded":
        return {"operationState": state}
    history = list(before.get("history") or [])
    history.append(
        {
            "id": history[-1]["id"] + 1 if history else 0,
            "revision": revision,
            "source": source,
            "deployStartedAt": rfc3339(started_s),
            "deployedAt": rfc3339(now_s),
            "initiatedBy": operation.get("initiatedBy") or {},
        }
    )
    limit = application["spec"].get("revisionHistoryLimit")
    kept = _HISTORY if limit is None else int(limit)
    return {"operationState": state, "history": history[-kept:] if kept else []}


def to_retry(parts: Raw, *, in_s: float, retries: int, now_s: float) -> Raw:
    """A failed operation that will be tried again is still running."""
    state = {name: value for name, value in parts["operationState"].items() if name != "finishedAt"}
    at = rfc3339(now_s + in_s)
    message = f"{state['message']}. Retrying attempt #{retries} at {at}."
    return {
        "operationState": {**state, "phase": "Running", "message": message, "retryCount": retries, "retryAt": at}
    }
