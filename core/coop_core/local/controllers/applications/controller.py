"""Applications: kept at the commit that their branch names, and their status at what is really there.

Behaves as Argo CD does (refresh annotation, automatic sync with prune and self-heal, one attempt per revision,
waves and hooks) with one simplification that shows: what can never be applied fails at once, without retries.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from coop_core.clock import parse_rfc3339, rfc3339
from coop_core.cluster import drift, kinds, labels
from coop_core.cluster.health import Health
from coop_core.errors import CoopError
from coop_core.local.controllers.applications import (
    comparing,
    deciding,
    hooking,
    hooks,
    ignoring,
    operating,
    options,
    projects,
    status,
)
from coop_core.local.controllers.applications.operating import Operator
from coop_core.local.controllers.applications.reading import Reader
from coop_core.local.controllers.deleting import delete
from coop_core.local.controllers.events import Recorder
from coop_core.local.controllers.loop import Controller, Key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.git.mirror import Mirror
    from coop_core.local.controllers.applications.comparing import Comparison
    from coop_core.local.controllers.applications.manifests import Targets
    from coop_core.local.objects import Objects

_EVERY_S, _JITTER_S = 120, 60
"""An Application looks at Git by itself after this long, and up to so much longer, as Argo CD does."""
_OPERATION = "operation"
"""Added to a key: the manifests of the operation under way, which may be of an older commit."""


class ApplicationController(Controller):
    name = "applications"
    watches = None
    workers = 4  # a slow Git host must not hold up the other applications

    def __init__(self, objects: Objects, mirror: Mirror) -> None:
        super().__init__(objects)
        self.recorder = Recorder(objects, "argocd-application-controller")
        self._reader = Reader(mirror, objects.catalog)
        self._operator = Operator(objects, self.recorder)

    def keys(self, kind: Kind, body: Raw) -> Iterable[Key]:
        if kind in comparing.DERIVED:
            return
        if kind is kinds.APPLICATION:
            yield (body["metadata"]["namespace"], body["metadata"]["name"])
        elif kind is kinds.APP_PROJECT:
            for one in self.objects.select(kinds.APPLICATION, body["metadata"]["namespace"]):
                if one["spec"].get("project") == body["metadata"]["name"]:
                    yield (one["metadata"]["namespace"], one["metadata"]["name"])
        application = drift.application_of(kind, body)
        if application:
            yield (kinds.ARGOCD_NAMESPACE, application)

    async def reconcile(self, key: Key) -> float | None:
        application = self.objects.find(kinds.APPLICATION, *key)
        if application is None:
            self._reader.forget(key)
            self._reader.forget((*key, _OPERATION))
            self._release_hooks(key[1])
            return None
        if "deletionTimestamp" in application["metadata"]:
            return self._delete(application)
        problem = projects.problem(self.objects, application) or ignoring.problem(application)
        if problem:
            return self._refuse(application, problem)
        if deciding.is_running(_state(application)):
            await self._go_on(key, application)
            application = self.objects.find(kinds.APPLICATION, *key)
            if application is None or "deletionTimestamp" in application["metadata"]:
                return 0.0
        is_fresh = self._wants_git(application)
        if not is_fresh and _is_unreadable(application):
            return self._due_in_s(application)
        revision = "" if is_fresh else application["status"]["sync"]["revision"]
        try:
            if is_fresh:
                revision = await self._reader.resolve(application)
            targets = await self._reader.read(key, application, revision)
        except CoopError as error:
            return self._note_unreadable(key, application, revision, error)
        current = self.objects.find(kinds.APPLICATION, *key)
        if current is None or current["metadata"]["uid"] != application["metadata"]["uid"]:
            return None
        if current["spec"] != application["spec"] or "deletionTimestamp" in current["metadata"]:
            return 0.0
        again_s = self._bring_in_step(application, current, targets, is_fresh=is_fresh)
        due_s = self._due_in_s(self.objects.find(kinds.APPLICATION, *key) or current)
        return due_s if again_s is None else min(again_s, due_s)

    # Reading Git

    def _wants_git(self, application: Raw) -> bool:
        """Whether the branch has to be looked up anew; a change of live objects alone needs no Git."""
        seen = application.get("status") or {}
        annotations = application["metadata"].get("annotations") or {}
        compared = (seen.get("sync") or {}).get("comparedTo") or {}
        return (
            labels.ARGO_REFRESH in annotations
            or bool(application.get("operation"))
            or compared.get("source") != application["spec"].get("source")
            or compared.get("destination") != application["spec"].get("destination")
            or self._due_in_s(application) <= 0
        )

    def _due_in_s(self, application: Raw) -> float:
        at_s = parse_rfc3339((application.get("status") or {}).get("reconciledAt") or "")
        jitter_s = zlib.crc32(application["metadata"]["uid"].encode()) % _JITTER_S
        return 0.0 if at_s is None else at_s + _EVERY_S + jitter_s - self.objects.clock.now_s()

    # Comparing and syncing

    def _bring_in_step(self, asked: Raw, application: Raw, targets: Targets, *, is_fresh: bool) -> float | None:
        """Compares, syncs if due, compares again, and writes it all at once. asked: as before Git was read."""
        comparison = comparing.compare(self.objects, application, targets)
        situation = deciding.Situation(
            # An operation that came in meanwhile asked for something that was not read: it has its own turn.
            application={**application, "operation": asked.get("operation")},
            revision=targets.revision,
            is_synced=comparison.is_synced,
            only_prunable=all(one.is_synced or one.target is None for one in comparison.resources),
            is_empty=not targets.items,
            now_s=self.objects.clock.now_s(),
        )
        decision = deciding.decide(situation)
        parts: Raw = {}
        errors = _warnings(targets)
        again_s = None
        if isinstance(decision, deciding.Sync):
            parts, again_s = self._operator.begin(application, targets, comparison, decision)
            comparison = comparing.compare(self.objects, application, targets)
            state = parts["operationState"]
            if state["phase"] == "Failed":
                errors.append(("SyncError", f"Failed last sync attempt to {targets.revision}: {state['message']}"))
        else:
            again_s = decision.again_s
            if decision.error:
                errors.append(("SyncError", decision.error))
        self._write(asked, application, targets, comparison, parts, errors, is_fresh or bool(parts))
        return again_s

    async def _go_on(self, key: Key, application: Raw) -> None:
        """Takes the operation under way as far as it can go, with the manifests that it began with."""
        revision = _state(application)["operation"]["sync"]["revision"]
        try:
            targets = await self._reader.read((*key, _OPERATION), application, revision)
        except CoopError as error:
            current = self.objects.find(kinds.APPLICATION, *key)
            if current is not None:
                lost = operating.abandoned(
                    _state(current), f"{error.what}: {error.why}", now_s=self.objects.clock.now_s()
                )
                self._put_parts(current, {"operationState": lost})
            return
        current = self.objects.find(kinds.APPLICATION, *key)
        if current is None or _state(current) != _state(application):
            return
        comparison = comparing.compare(self.objects, current, targets)
        parts, _ = self._operator.go_on(current, targets, comparison, _state(current))
        self._put_parts(current, parts)

    def _put_parts(self, application: Raw, parts: Raw) -> None:
        after = {**(application.get("status") or {}), **parts}
        self.objects.update(kinds.APPLICATION, {**application, "status": after})

    def _write(  # all that one pass has found
        self,
        asked: Raw,
        application: Raw,
        targets: Targets,
        comparison: Comparison,
        parts: Raw,
        errors: list[tuple[str, str]],
        is_new: bool,
    ) -> None:
        before, now_s = application.get("status") or {}, self.objects.clock.now_s()
        after = {
            **before,
            **status.compared(application, targets.revision, is_synced=comparison.is_synced),
            **status.healthy(before, comparison.health, now_s),
            **status.conditions(before, errors, now_s),
            "resources": [one.to_raw() for one in (*comparison.resources, *comparison.hooks)],
            "summary": {
                "images": comparing.images(self.objects, comparison),
                "externalURLs": comparing.external_urls(comparison),
            },
            **parts,
        }
        if is_new:
            after["reconciledAt"] = rfc3339(now_s)
        self._put(asked, application, after)

    def _put(self, asked: Raw, application: Raw, after: Raw) -> None:
        """Writes a status, and answers the refresh and the operation that were asked for when we began.

        A later request stays, and has its turn: its timestamp is another.
        """
        metadata = dict(application["metadata"])
        annotations = dict(metadata.get("annotations") or {})
        before = asked["metadata"].get("annotations") or {}
        if annotations.get(labels.ARGO_REFRESH_TIMESTAMP) == before.get(labels.ARGO_REFRESH_TIMESTAMP):
            if labels.ARGO_REFRESH in before:
                annotations.pop(labels.ARGO_REFRESH, None)
            metadata["annotations"] = annotations
        body = {**application, "metadata": metadata, "status": after}
        if application.get("operation") == asked.get("operation"):
            body.pop("operation", None)
        self.objects.update(kinds.APPLICATION, body)

    # When it cannot be done

    def _refuse(self, application: Raw, problem: str) -> float | None:
        before, now_s = application.get("status") or {}, self.objects.clock.now_s()
        after = {
            **before,
            **status.compared(application, "", is_synced=None),
            **status.healthy(before, Health("Unknown"), now_s),
            **status.conditions(before, [("InvalidSpecError", problem)], now_s),
        }
        self._put(application, application, after)
        return None

    def _note_unreadable(self, key: Key, asked: Raw, revision: str, error: CoopError) -> float | None:
        """revision: the commit that cannot be read; "" when it is the branch that cannot be looked up."""
        application = self.objects.find(kinds.APPLICATION, *key)
        if application is None:
            return None
        before, now_s = application.get("status") or {}, self.objects.clock.now_s()
        message = f"{error.what}: {error.why}"
        after = {
            **status.healthy({}, Health("Unknown"), now_s),
            **before,
            **status.compared(application, revision, is_synced=None),
            **status.conditions(before, [("ComparisonError", message)], now_s),
            "reconciledAt": rfc3339(now_s),
        }
        self._put(asked, application, after)
        return self._due_in_s({**application, "status": after})

    def _release_hooks(self, application: str) -> None:
        """Nobody waits for the hooks of an Application that is gone."""
        for kind, live in list(comparing.tracked(self.objects, application)):
            hooking.release(self.objects, kind, live)

    def _delete(self, application: Raw) -> float | None:
        """Cascades: its resources go first, or along with it in the background; its finalizer goes last."""
        metadata = application["metadata"]
        ours = [one for one in metadata.get("finalizers") or [] if one.startswith(labels.ARGO_FINALIZER)]
        if not ours:
            return None
        doomed = self._doomed(metadata["name"])
        unsure = [live for _, live in doomed if "Delete=confirm" in options.own(live)]
        if unsure and not options.is_approved(application, metadata["deletionTimestamp"]):
            why = f"Waiting for deletion confirmation of {unsure[0]['kind']} {unsure[0]['metadata']['name']}"
            before, now_s = application.get("status") or {}, self.objects.clock.now_s()
            self._put_parts(application, status.conditions(before, [("DeletionError", why)], now_s))
            return None
        for kind, live in doomed:
            delete(self.objects, kind, hooking.release(self.objects, kind, live))
        if self._doomed(metadata["name"]) and not all(one.endswith("/background") for one in ours):
            return None  # each of them that goes brings us back here
        kept = [one for one in metadata["finalizers"] if one not in ours]
        self.objects.update(kinds.APPLICATION, {**application, "metadata": {**metadata, "finalizers": kept}})
        return None

    def _doomed(self, application: str) -> list[tuple[Kind, Raw]]:
        """What goes with an Application."""
        return [
            (kind, live)
            for kind, live in comparing.tracked(self.objects, application)
            if "Delete=false" not in options.own(live)
        ]


def _is_unreadable(application: Raw) -> bool:
    """Whether there is nothing to compare with until Git is asked again."""
    seen = application.get("status") or {}
    types = [one["type"] for one in seen.get("conditions") or []]
    return not (seen.get("sync") or {}).get("revision") or "ComparisonError" in types


def _state(application: Raw) -> Raw:
    found: Raw = (application.get("status") or {}).get("operationState") or {}
    return found


def _warnings(targets: Targets) -> list[tuple[str, str]]:
    """What of the manifests is not as its writer may think: (type, message) of conditions."""
    repeated = [("RepeatedResourceWarning", f"{'/'.join(one)} appears twice") for one in targets.repeated]
    left_out = [
        ("ExcludedResourceWarning", f"{one.identity[1]} {one.identity[3]}: {one.hook.words} hooks are not run here")
        for one in targets.hooks
        if one.hook and not one.hook.phases and one.hook.words != hooks.SKIP
    ]
    return repeated + left_out
