"""Whether to sync now, and if not, why not. Pure.

Argo CD's rules: a manual operation always; automatically only when something differs, and each revision of a source
once. What failed is not tried again beyond its retries; what was synced and drifted is healed, if asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.clock import parse_rfc3339

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw

_HEAL_FIRST_S, _HEAL_FACTOR, _HEAL_LAST_S = 2.0, 3.0, 300.0


@dataclass(frozen=True, slots=True)
class Situation:
    """What deciding looks at.

    only_prunable: all that differs is there to be pruned. is_empty: Git wants nothing.
    """

    application: Raw
    revision: str
    is_synced: bool
    only_prunable: bool
    is_empty: bool
    now_s: float


@dataclass(frozen=True, slots=True)
class Sync:
    """Sync now. operation: as it goes into status; retries: how often this one has been tried before."""

    operation: Raw
    retries: int = 0


@dataclass(frozen=True, slots=True)
class Hold:
    """Do not sync. error: the SyncError condition to show. again_s: when to look again, None for never."""

    error: str = ""
    again_s: float | None = None


def decide(situation: Situation) -> Sync | Hold:
    """The one thing to do now."""
    application = situation.application
    asked = application.get("operation")
    if is_running((application.get("status") or {}).get("operationState") or {}):
        return Hold()
    if asked:
        return Sync({**asked, "sync": {**(asked.get("sync") or {}), "revision": situation.revision}})
    automated = automation(application)
    last = (application.get("status") or {}).get("operationState") or {}
    if automated is None or situation.is_synced:
        return Hold()
    if situation.only_prunable and not automated.get("prune"):
        return Hold()
    if situation.is_empty and not automated.get("allowEmpty"):
        return Hold(f"Skipping sync attempt to {situation.revision}: auto-sync will wipe out all resources")
    operation = {
        "initiatedBy": {"automated": True},
        "retry": (application["spec"].get("syncPolicy") or {}).get("retry") or {"limit": 5},
        "sync": {
            "prune": bool(automated.get("prune")),
            "revision": situation.revision,
            "syncOptions": sync_options(application),
        },
    }
    if not _was_tried(application, last, situation.revision):
        return Sync(operation)
    return _again(situation, automated, last, operation)


def is_running(last: Raw) -> bool:
    """Whether an operation is under way, and does not wait for its next attempt."""
    return last.get("phase") in ("Running", "Terminating") and "finishedAt" not in last


def automation(application: Raw) -> Raw | None:
    """The policy for automatic syncs; None when they are off."""
    automated: Raw | None = (application["spec"].get("syncPolicy") or {}).get("automated")
    return None if automated is None or automated.get("enabled") is False else automated


def sync_options(application: Raw) -> list[str]:
    return list((application["spec"].get("syncPolicy") or {}).get("syncOptions") or [])


def retry_in_s(operation: Raw, retries: int) -> float | None:
    """Seconds until a failed operation is tried again; None when it is not."""
    retry = operation.get("retry") or {}
    limit = int(retry.get("limit") or 0)
    if 0 <= limit <= retries:
        return None
    backoff = retry.get("backoff") or {}
    pause_s = seconds(backoff.get("duration"), 5.0) * float(backoff.get("factor") or 2) ** retries
    return float(min(pause_s, seconds(backoff.get("maxDuration"), 180.0)))


def seconds(text: str | None, default: float) -> float:
    """A Go duration of one unit: 5s, 3m, 500ms, 1h."""
    if not text:
        return default
    for unit, factor in (("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)):
        number = text.removesuffix(unit)
        if number != text and number.replace(".", "", 1).isdigit():
            return float(number) * factor
    return default


def _was_tried(application: Raw, last: Raw, revision: str) -> bool:
    result = last.get("syncResult") or {}
    return bool(result.get("revision") == revision and result.get("source") == application["spec"].get("source"))


def _again(situation: Situation, automated: Raw, last: Raw, operation: Raw) -> Sync | Hold:
    """This revision has been tried: a retry that is due, a drift to be healed, or nothing."""
    phase = last.get("phase")
    if phase == "Running":
        retries, before = int(last.get("retryCount") or 0), last.get("operation") or operation
        ended_s = parse_rfc3339(last.get("finishedAt") or "") or 0.0
        wait_s = ended_s + (retry_in_s(before, retries - 1) or 0.0) - situation.now_s
        return Hold(again_s=wait_s) if wait_s > 0 else Sync(before, retries)
    if phase in ("Failed", "Error"):
        return Hold(f"Failed last sync attempt to {situation.revision}: {last.get('message', '')}")
    if not automated.get("selfHeal"):
        return Hold()
    attempts = int(((last.get("operation") or {}).get("sync") or {}).get("selfHealAttemptsCount") or 0)
    since_s = situation.now_s - (parse_rfc3339(last.get("finishedAt") or "") or 0.0)
    if since_s > _HEAL_LAST_S:
        attempts = 0
    pause_s = min(_HEAL_LAST_S, _HEAL_FIRST_S * _HEAL_FACTOR ** (attempts - 1)) if attempts else 0.0
    if since_s < pause_s:
        return Hold(again_s=pause_s - since_s)
    return Sync({**operation, "sync": {**operation["sync"], "selfHealAttemptsCount": attempts + 1}})
