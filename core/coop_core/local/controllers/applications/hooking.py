"""The objects of hooks: made once for an operation, held until their end was seen, then left or taken away."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import TYPE_CHECKING

from coop_core.cluster.labels import ARGO_TRACKING_ID
from coop_core.local.controllers.applications import hooks, tasks
from coop_core.local.controllers.applications.applying import permitted
from coop_core.local.controllers.deleting import delete

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.local.controllers.applications.applying import Wish
    from coop_core.local.controllers.applications.manifests import Target
    from coop_core.local.controllers.applications.tasks import Task, TaskKey
    from coop_core.local.objects import Objects


def named(target: Target, operation: str) -> Target:
    """A hook whose manifest has only the beginning of a name gets one of its own for this operation."""
    metadata = target.body["metadata"]
    if not metadata.get("generateName") or metadata["name"] != metadata["generateName"]:
        return target
    name = f"{metadata['generateName'][:50]}{zlib.crc32(operation.encode()):08x}"
    annotations = dict(metadata.get("annotations") or {})
    if ARGO_TRACKING_ID in annotations:
        annotations[ARGO_TRACKING_ID] = f"{annotations[ARGO_TRACKING_ID].rpartition('/')[0]}/{name}"
    body = {**target.body, "metadata": {**metadata, "name": name, "annotations": annotations}}
    return replace(target, identity=(*target.identity[:3], name), body=body)


def find(objects: Objects, task: Task) -> Raw | None:
    """The live object of a task."""
    kind = task.target.kind
    return objects.find(kind, task.target.identity[2], task.target.identity[3]) if kind else None


def check(objects: Objects, task: Task, wish: Wish) -> str:
    """Whether a hook could be made. Raises what `create` raises."""
    kind = permitted(objects, task.target, wish, only_check=True)
    if find(objects, task) is None:
        objects.admitted(kind, task.target.body)
    return "ok"


def create(objects: Objects, task: Task, wish: Wish) -> str | None:
    """Makes a hook's object; None when an earlier one has to go first. Raises Refused, and what `Objects` does."""
    kind = permitted(objects, task.target, wish, only_check=False)
    live, hook, mark = find(objects, task), task.hook, f"{wish.operation}/{task.phase}"
    assert hook is not None, "only hooks are made here"
    if live is not None and _mark(live) != mark:
        if "BeforeHookCreation" not in hook.policies and "deletionTimestamp" not in live["metadata"]:
            return f"{live['metadata']['name']} is there already"
        delete(objects, kind, release(objects, kind, live))
        live = find(objects, task)
        if live is not None:
            return None
    if live is None:
        objects.create(kind, _marked(task.target.body, mark))
    return f"{task.target.identity[3]} created"


def finish(
    objects: Objects, every: Iterable[Task], entries: Mapping[TaskKey, Raw], *, take_all: bool = False
) -> None:
    """Lets go of the hooks that have begun, and deletes those whose policy, or `take_all`, says so."""
    for task in every:
        entry, kind = entries.get(task.key), task.target.kind
        live = find(objects, task)
        if task.hook is None or entry is None or kind is None or live is None:
            continue
        live = release(objects, kind, live)
        ended_as = "HookFailed" if tasks.is_failed(entry) else "HookSucceeded"
        if take_all or ended_as in task.hook.policies:
            delete(objects, kind, live)


def release(objects: Objects, kind: Kind, live: Raw) -> Raw:
    """Takes off what keeps a hook's object from going."""
    metadata = live["metadata"]
    held = metadata.get("finalizers") or []
    if hooks.FINALIZER not in held:
        return live
    left = [one for one in held if one != hooks.FINALIZER]
    return objects.update(kind, {**live, "metadata": {**metadata, "finalizers": left}})


def _mark(live: Raw) -> str:
    return str((live["metadata"].get("annotations") or {}).get(hooks.OPERATION, ""))


def _marked(body: Raw, mark: str) -> Raw:
    metadata = body["metadata"]
    annotations = {**(metadata.get("annotations") or {}), hooks.OPERATION: mark}
    held = [*(metadata.get("finalizers") or []), hooks.FINALIZER]
    return {**body, "metadata": {**metadata, "annotations": annotations, "finalizers": held}}
