"""One sync operation, a pass at a time: all is checked, then applied stage by stage, then the rest is pruned.

What has been done already is in the operation's entries.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from coop_core.cluster import kinds
from coop_core.local.controllers.applications import hooking, options, tasks
from coop_core.local.controllers.applications.applying import Refused, apply, prune
from coop_core.local.controllers.applications.tasks import Task
from coop_core.local.objects import AlreadyExists, Conflict, Invalid, Malformed, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from coop_core.cluster.kinds import Raw
    from coop_core.local.controllers.applications.applying import Wish
    from coop_core.local.controllers.applications.comparing import Comparison, Resource
    from coop_core.local.controllers.applications.manifests import Target
    from coop_core.local.controllers.applications.tasks import TaskKey
    from coop_core.local.objects import Objects


_SKIPS_CHECK = "SkipDryRunOnMissingResource=true"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a pass. phase: Running when it waits for something. is_final: trying again cannot mend it."""

    phase: str
    message: str
    resources: tuple[Raw, ...]
    is_final: bool = False


@dataclass
class Operation:
    """entries: of the passes before; none at the beginning."""

    objects: Objects
    comparison: Comparison
    hooks: Sequence[Target]
    wish: Wish
    entries: dict[TaskKey, Raw] = field(default_factory=dict)
    _finals: list[bool] = field(default_factory=list)
    """Of each failure of this pass, whether trying again is of no use."""

    def advance(self) -> Result:
        """Goes as far as it can go now."""
        every = self._tasks()
        if not self.entries:
            if self.wish.create_namespace:
                self._ensure_namespace()
            refused = self._checked(every)
            if refused or self.wish.dry_run:
                return refused or self._result(tasks.SUCCEEDED, "successfully synced (dry run)")
        main = [one for one in every if one.phase != "SyncFail"]
        staged = tasks.is_staged(main)
        while True:
            self._look(main)
            running = [one for one in main if tasks.is_running(self.entries.get(one.key))]
            if running:
                return self._result(tasks.RUNNING, tasks.waiting_for(running))
            if any(map(tasks.is_failed, self.entries.values())):
                return self._fail(every)
            pending = [one for one in main if one.key not in self.entries]
            if not pending:
                return self._finish(every, staged=staged)
            batch = [one for one in pending if one.stage == pending[0].stage]
            is_last = len(batch) == len(pending) and not any(one.hook for one in batch)
            known = [one for one in batch if one.target.kind is not None]
            if not known and self._brought & {one.target.identity[:2] for one in batch}:
                return self._result(tasks.RUNNING, f"waiting for the definition of {batch[0].words}")
            blocked = self._begin(known or batch, waits=staged and not is_last)
            if blocked:
                return self._result(tasks.RUNNING, f"waiting for deletion of hook {blocked.words}")

    def _finish(self, every: Sequence[Task], *, staged: bool) -> Result:
        left = [one for one in self.comparison.resources if one.target is None and self.wish.takes(one.identity)]
        unsure = [one for one in left if one.live and "Prune=confirm" in options.own(one.live)]
        if unsure and self.wish.prune and not self.wish.is_approved:
            return self._result(tasks.RUNNING, _unconfirmed(unsure))
        pruned = [prune(self.objects, one, self.wish) for one in left]
        hooking.finish(self.objects, every, self.entries)
        end = "successfully synced (no more tasks)" if staged else "successfully synced (all tasks run)"
        return self._result(tasks.SUCCEEDED, end, pruned)

    @property
    def _brought(self) -> set[tuple[str, str]]:
        """(group, kind) of what the definitions among the manifests bring."""
        return {
            (str(spec.get("group")), str((spec.get("names") or {}).get("kind")))
            for one in self.comparison.resources
            if one.target is not None and one.target.kind is kinds.DEFINITION
            for spec in (one.target.body.get("spec") or {},)
        }

    def terminate(self) -> Result:
        """Ends what runs, on request."""
        every = self._tasks()
        for task in every:
            if tasks.is_running(self.entries.get(task.key)):
                self._note(task, tasks.FAILED, "the operation was terminated")
        hooking.finish(self.objects, every, self.entries, take_all=True)
        return self._result(tasks.FAILED, "Operation terminated")

    def _tasks(self) -> list[Task]:
        kept = [
            task
            for one in self.comparison.resources
            if one.target is not None and self.wish.takes(one.identity)
            for task in (Task("Sync", one.target, one),)
            # What was begun stays a task, although it is in step by now.
            if task.key in self.entries or not (self.wish.only_changed and one.is_synced)
        ]
        if self.wish.only is not None:
            return tasks.ordered(kept)  # a selective sync runs no hooks
        ours = [Task(phase, one) for one in self.hooks for phase in (one.hook.phases if one.hook else ())]
        return tasks.ordered([*kept, *ours])

    # Going on

    def _look(self, every: Iterable[Task]) -> None:
        """Notes how what runs fares."""
        for task in every:
            if tasks.is_running(self.entries.get(task.key)):
                phase, message = tasks.judged(task, hooking.find(self.objects, task))
                self._note(task, phase, message)

    def _note(self, task: Task, phase: str, message: str) -> None:
        before = self.entries[task.key]
        self.entries[task.key] = {**before, "hookPhase": phase, **({"message": message} if message else {})}

    def _begin(self, batch: Sequence[Task], *, waits: bool) -> Task | None:
        """Begins tasks; returns the hook that cannot begin because an earlier one of its name is still there."""
        for task in batch:
            if task.resource is None:
                if not self._attempt(task, partial(hooking.create, self.objects, task, self.wish)):
                    return task
            else:
                self._attempt(task, partial(apply, self.objects, task.resource, self.wish))
                if waits and not tasks.is_failed(self.entries[task.key]):
                    self._note(task, tasks.RUNNING, "")
        return None

    def _attempt(self, task: Task, act: Callable[[], str | None]) -> bool:
        """Notes what came of an act; False when it said None: not yet."""
        try:
            message = act()
        except Refused as refused:
            return self._refuse(task, str(refused), is_final=refused.is_final)
        except (Invalid, Malformed) as invalid:
            return self._refuse(task, str(invalid), is_final=True)
        except (Conflict, AlreadyExists, NotFound) as raced:
            return self._refuse(task, str(raced), is_final=False)
        if message is None:
            return False
        phase = tasks.RUNNING if task.hook else tasks.SUCCEEDED
        status = "" if task.hook else "Synced"
        self.entries[task.key] = tasks.entry(task, status=status, phase=phase, message=message)
        return True

    def _refuse(self, task: Task, why: str, *, is_final: bool) -> bool:
        self.entries[task.key] = tasks.entry(task, status="SyncFailed", phase=tasks.FAILED, message=why)
        self._finals.append(is_final)
        return True

    # Ending

    def _checked(self, every: Iterable[Task]) -> Result | None:
        """Tries everything without doing it; the end of the operation when anything is refused."""
        for task in every:
            is_skipped = _SKIPS_CHECK in options.own(task.target.body) | self.wish.options
            if task.target.kind is None and (is_skipped or task.target.identity[:2] in self._brought):
                continue
            if task.resource is None:
                self._attempt(task, partial(hooking.check, self.objects, task, self.wish))
            else:
                self._attempt(task, partial(apply, self.objects, task.resource, self.wish, only_check=True))
        if any(map(tasks.is_failed, self.entries.values())):
            return self._failed("one or more objects failed to apply (dry run)")
        if not self.wish.dry_run:
            self.entries.clear()
        return None

    def _fail(self, every: Sequence[Task]) -> Result:
        """The operation has failed: its SyncFail hooks run before it says so."""
        last = [one for one in every if one.phase == "SyncFail"]
        self._look(last)
        blocked = self._begin([one for one in last if one.key not in self.entries], waits=False)
        self._look(last)
        running = [one for one in last if tasks.is_running(self.entries.get(one.key))]
        if blocked or running:
            return self._result(
                tasks.RUNNING, tasks.waiting_for(running or [one for one in last if one is blocked])
            )
        hooking.finish(self.objects, every, self.entries)
        if any(one.get("status") == "SyncFailed" for one in self.entries.values()):
            return self._failed("one or more objects failed to apply")
        return self._failed("one or more synchronization tasks completed unsuccessfully")

    def _failed(self, what: str) -> Result:
        reasons = [
            f"{one['kind']} {one['name']}: {one['message']}"
            for one in self.entries.values()
            if tasks.is_failed(one)
        ]
        message = f"{what}, reason: {'; '.join(reasons)}" if reasons else what
        return self._result(tasks.FAILED, message, is_final=any(self._finals))

    def _result(self, phase: str, message: str, more: Iterable[Raw] = (), *, is_final: bool = False) -> Result:
        return Result(phase, message, (*self.entries.values(), *more), is_final)

    def _ensure_namespace(self) -> None:
        if self.objects.find(kinds.NAMESPACE, "", self.wish.create_namespace) is None:
            metadata = {"name": self.wish.create_namespace, **(self.wish.namespace_metadata or {})}
            self.objects.create(kinds.NAMESPACE, {"metadata": metadata})


def _unconfirmed(unsure: Sequence[Resource]) -> str:
    """What waits for somebody's word, as Argo CD puts it."""
    group, kind, _, name = unsure[0].identity
    version = unsure[0].kind.version if unsure[0].kind else ""
    more = f" and {len(unsure) - 1} more resources" if len(unsure) > 1 else ""
    return f"Waiting for pruning confirmation of {'/'.join(filter(None, (group, version, kind, name)))}{more}"
