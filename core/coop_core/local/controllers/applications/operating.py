"""Sync operations from their start to their end: what to sync with, and what is written of it.

An operation without hooks and with a single wave is over in one pass. Any other is written down first and then
goes on whenever something of the application changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.cluster import kinds
from coop_core.local.controllers.applications import deciding, hooking, options, projects, status, tasks
from coop_core.local.controllers.applications.applying import Wish
from coop_core.local.controllers.applications.syncing import Operation

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw
    from coop_core.local.controllers.applications.comparing import Comparison
    from coop_core.local.controllers.applications.manifests import Identity, Targets
    from coop_core.local.controllers.applications.syncing import Result
    from coop_core.local.controllers.events import Recorder
    from coop_core.local.objects import Objects


class Operator:
    def __init__(self, objects: Objects, recorder: Recorder) -> None:
        self._objects = objects
        self._recorder = recorder

    def begin(
        self, application: Raw, targets: Targets, comparison: Comparison, decision: deciding.Sync
    ) -> tuple[Raw, float | None]:
        """The parts of the status to write, and after how many seconds to look again."""
        now_s = self._objects.clock.now_s()
        state = status.begun(application, decision.operation, now_s=now_s, retries=decision.retries)
        for message in options.not_done(_options(application, decision.operation)):
            self._recorder.normal(application, "SyncOptionIgnored", message)
        if targets.hooks:
            # On record before a hook runs: after a crash the hook is known to be this operation's.
            return {"operationState": state}, 0.0
        return self.go_on(application, targets, comparison, state)

    def go_on(
        self, application: Raw, targets: Targets, comparison: Comparison, state: Raw
    ) -> tuple[Raw, float | None]:
        """As `begin`, for an operation that `state` tells of."""
        name = f"{targets.revision[:12]}-{state['startedAt']}-{state.get('retryCount') or 0}"
        entries = (state.get("syncResult") or {}).get("resources") or []
        work = Operation(
            self._objects,
            comparison,
            [hooking.named(one, name) for one in targets.hooks],
            self._wish(application, targets, comparison, state, name),
            {tasks.key_of(one): one for one in entries},
        )
        result = work.terminate() if state["phase"] == "Terminating" else work.advance()
        return self._written(application, state, result)

    def _written(self, application: Raw, state: Raw, result: Result) -> tuple[Raw, float | None]:
        now_s = self._objects.clock.now_s()
        operation, retries = state["operation"], int(state.get("retryCount") or 0)
        parts = status.operated(application, state, result, now_s=now_s)
        if result.phase == tasks.RUNNING:
            return parts, None
        wait_s = None
        if result.phase != tasks.SUCCEEDED and not result.is_final and state["phase"] != "Terminating":
            wait_s = deciding.retry_in_s(operation, retries)
        revision = operation["sync"]["revision"]
        if wait_s is not None:
            return status.to_retry(parts, in_s=wait_s, retries=retries + 1, now_s=now_s), wait_s
        if result.phase == tasks.SUCCEEDED:
            self._recorder.normal(application, "OperationCompleted", f"Sync operation to {revision} succeeded")
        else:
            message = f"Sync operation to {revision} failed: {result.message}"
            self._recorder.warning(application, "OperationCompleted", message)
        return parts, None

    def _wish(self, application: Raw, targets: Targets, comparison: Comparison, state: Raw, name: str) -> Wish:
        operation = state["operation"]
        asked, given = operation.get("sync") or {}, _options(application, operation)
        namespace = (application["spec"].get("destination") or {}).get("namespace") or ""
        every = (*targets.items, *targets.hooks)
        return Wish(
            prune=bool(asked.get("prune")),
            operation=name,
            create_namespace=namespace if "CreateNamespace=true" in given else "",
            namespace_metadata=(application["spec"].get("syncPolicy") or {}).get("managedNamespaceMetadata"),
            options=frozenset(given),
            own_namespaces=frozenset(one.identity[3] for one in every if one.kind is kinds.NAMESPACE),
            forbidden=projects.forbidden(self._objects, application, targets),
            only=_selected(comparison, asked.get("resources")),
            dry_run=bool(asked.get("dryRun")),
            is_approved=options.is_approved(application, state["startedAt"]),
        )


def _options(application: Raw, operation: Raw) -> set[str]:
    return {*deciding.sync_options(application), *((operation.get("sync") or {}).get("syncOptions") or [])}


def _selected(comparison: Comparison, asked: list[Raw] | None) -> frozenset[Identity] | None:
    """The objects of a selective sync; None for a sync of everything."""
    if not asked:
        return None
    found = []
    for one in comparison.resources:
        group, kind, namespace, name = one.identity
        for wanted in asked:
            fits = (wanted.get("group") or "", wanted.get("kind"), wanted.get("name")) == (group, kind, name)
            if fits and wanted.get("namespace") in (None, "", namespace):
                found.append(one.identity)
    return frozenset(found)


def abandoned(state: Raw, why: str, *, now_s: float) -> Raw:
    """The state of an operation whose manifests can no longer be read."""
    return status.ended({**state, "phase": "Error", "message": why}, now_s=now_s)
