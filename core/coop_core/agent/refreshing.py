"""When to ask for a refresh of an Application, and when to ask again. Pure.

A request can be lost (Argo CD wipes one that arrives during a comparison), and a commit that arrives while an
operation runs may wait for the next request. So: ask, look at the revision, and ask again until it is there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from coop_core.clock import rfc3339
from coop_core.cluster import labels

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Asked:
    """The last request for one application. at_s: monotonic. finished_at: the last operation's end at that time."""

    commit: str
    at_s: float
    times: int = 1
    finished_at: str = ""


def is_there(application: Raw, commit: str) -> bool:
    """Whether the application was compared with the commit, or deployed it."""
    status = application.get("status") or {}
    return bool(commit == (status.get("sync") or {}).get("revision"))


def due_in_s(application: Raw, commit: str, asked: Asked | None, now_s: float) -> float | None:
    """Seconds until a refresh must be asked for, 0 for now; None when the commit is there, or it is deleted."""
    if is_there(application, commit) or "deletionTimestamp" in application["metadata"]:
        return None
    if asked is None or asked.commit != commit:
        return 0.0
    if _finished_at(application) != asked.finished_at:
        # An operation that ended without this commit: the controller will not look again by itself.
        return 0.0
    wait_s: float = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (asked.times - 1))
    return max(0.0, asked.at_s + wait_s - now_s)


def noted(application: Raw, commit: str, asked: Asked | None, now_s: float) -> Asked:
    """What to remember after asking now."""
    finished_at = _finished_at(application)
    if asked is None or asked.commit != commit or asked.finished_at != finished_at:
        return Asked(commit, now_s, finished_at=finished_at)
    return replace(asked, at_s=now_s, times=asked.times + 1)


def patch(now_s: float) -> Raw:
    """The merge patch that asks. now_s: seconds since the epoch.

    The time makes each request a change, even while the one before is still unanswered.
    """
    return {
        "metadata": {
            "annotations": {
                labels.ARGO_REFRESH: "normal",
                labels.ARGO_REFRESH_TIMESTAMP: rfc3339(now_s, micro=True),
            }
        }
    }


def _finished_at(application: Raw) -> str:
    operation = (application.get("status") or {}).get("operationState") or {}
    return str(operation.get("finishedAt") or "")
