"""Whether a Deployment has finished rolling out: kubectl's own test.

Source: kubectl, pkg/polymorphichelpers/rollout_status.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.text import one_line

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw

DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"


@dataclass(frozen=True, slots=True)
class Done:
    """Every pod is of the newest template and available."""


@dataclass(frozen=True, slots=True)
class Rolling:
    """`reason` says what it waits for."""

    reason: str


@dataclass(frozen=True, slots=True)
class Stuck:
    """The deployment made no progress within its own deadline."""

    reason: str


Rollout = Done | Rolling | Stuck


def status(deployment: Raw) -> Rollout:
    """How far a Deployment's newest template has come."""
    seen = deployment.get("status") or {}
    if deployment["metadata"].get("generation", 0) > seen.get("observedGeneration", 0):
        return Rolling("waiting for the platform to notice the new version")
    progressing = condition(deployment, "Progressing")
    if progressing and progressing.get("reason") == DEADLINE_EXCEEDED:
        return Stuck(one_line(progressing.get("message", "")) or "the deployment exceeded its progress deadline")
    wanted = (deployment.get("spec") or {}).get("replicas", 1)
    updated = seen.get("updatedReplicas", 0)
    replicas = seen.get("replicas", 0)
    available = seen.get("availableReplicas", 0)
    if updated < wanted:
        return Rolling(f"{updated} of {wanted} new pods made")
    if replicas > updated:
        return Rolling(f"{_pods(replicas - updated, 'old')} still to stop")
    if available < updated:
        return Rolling(f"{available} of {updated} new pods ready")
    return Done()


def condition(body: Raw, kind: str) -> Raw | None:
    """The status condition of that type, if there is one."""
    for found in (body.get("status") or {}).get("conditions") or []:
        if found.get("type") == kind:
            checked: Raw = found
            return checked
    return None


def _pods(count: int, which: str) -> str:
    return f"1 {which} pod" if count == 1 else f"{count} {which} pods"
