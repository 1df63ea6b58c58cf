"""The tasks of one sync operation: their order, and what their entries in the result say. Pure.

An operation lives in `status.operationState` alone: each task that has begun has its entry there, so any pass, also
one after a crash, goes on from where it stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.cluster import health
from coop_core.local.controllers.applications.hooks import PHASES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from coop_core.cluster.kinds import Raw
    from coop_core.local.controllers.applications.comparing import Resource
    from coop_core.local.controllers.applications.hooks import Hook
    from coop_core.local.controllers.applications.manifests import Target

RUNNING, SUCCEEDED, FAILED = "Running", "Succeeded", "Failed"

TaskKey = tuple[str, str, str, str, str]
"""(group, kind, namespace, name, phase)."""


@dataclass(frozen=True, slots=True)
class Task:
    """One object at one point of the operation. resource: what is to be kept; None for a hook."""

    phase: str
    target: Target
    resource: Resource | None = None

    @property
    def hook(self) -> Hook | None:
        return self.target.hook if self.resource is None else None

    @property
    def key(self) -> TaskKey:
        return (*self.target.identity, self.phase)

    @property
    def stage(self) -> tuple[int, int]:
        """Tasks of one stage begin together."""
        return (PHASES.index(self.phase), self.target.wave)

    @property
    def words(self) -> str:
        group, kind, _, name, _ = self.key
        return "/".join(filter(None, (group, kind, name)))


def ordered(tasks: Iterable[Task]) -> list[Task]:
    return sorted(tasks, key=lambda one: (one.stage, one.target.order))


def is_staged(tasks: Sequence[Task]) -> bool:
    """Whether anything waits for anything; if not, a sync is one pass that waits for nothing."""
    return any(one.hook for one in tasks) or len({one.stage for one in tasks}) > 1


def entry(task: Task, *, status: str, phase: str, message: str) -> Raw:
    """A task's entry in the result. phase: how it fares. status: "" for a hook, which nobody keeps in sync."""
    group, kind, namespace, name, sync_phase = task.key
    named = {
        "group": group,
        "version": task.target.version,
        "kind": kind,
        "namespace": namespace,
        "name": name,
    }
    about = {"message": message, "hookPhase": phase, "syncPhase": sync_phase}
    if task.hook:
        return {**named, **about, "hookType": sync_phase, **({"status": status} if status else {})}
    return {**named, "status": status, **about}


def key_of(raw: Raw) -> TaskKey:
    """The task that an entry is of."""
    fields = ("group", "kind", "namespace", "name", "syncPhase")
    group, kind, namespace, name, phase = (str(raw.get(field) or "") for field in fields)
    return (group, kind, namespace, name, phase)


def is_running(raw: Raw | None) -> bool:
    return raw is not None and raw.get("hookPhase") == RUNNING


def is_failed(raw: Raw) -> bool:
    return raw.get("status") == "SyncFailed" or raw.get("hookPhase") == FAILED


def judged(task: Task, live: Raw | None) -> tuple[str, str]:
    """How a task that has begun fares, by its live object: (phase, message)."""
    if task.hook:
        return _judged_hook(live)
    found = health.of(live) if live is not None else None
    if live is not None and (found is None or found.status == "Healthy"):
        return SUCCEEDED, ""
    if found is not None and found.status == "Degraded":
        return FAILED, found.message
    return RUNNING, found.message if found else ""


def _judged_hook(live: Raw | None) -> tuple[str, str]:
    if live is None:
        return FAILED, "the hook was taken away before its end was seen"
    is_leaving = "deletionTimestamp" in live["metadata"]
    metadata = {name: value for name, value in live["metadata"].items() if name != "deletionTimestamp"}
    found = health.of({**live, "metadata": metadata})
    if found is None or found.status == "Healthy":
        return SUCCEEDED, found.message if found else ""
    if found.status in ("Degraded", "Unknown"):
        return FAILED, found.message
    if is_leaving:
        return FAILED, "the hook was deleted before it had ended"
    return RUNNING, found.message


def waiting_for(running: Sequence[Task]) -> str:
    """What an operation waits for, as Argo CD puts it."""
    first = running[0]
    what = "completion of hook" if first.hook else "healthy state of"
    others = len(running) - 1
    more = f" and {others} more {'hooks' if first.hook else 'resources'}" if others else ""
    return f"waiting for {what} {first.words}{more}"
