"""The pods of a Job, by what they are to it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coop_core.cluster import indexes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from coop_core.cluster.kinds import Raw

TRACKING = "batch.kubernetes.io/job-tracking"
"""Finalizer of a pod that is not counted yet."""


@dataclass(frozen=True, slots=True)
class Pods:
    active: list[Raw] = field(default_factory=list)
    terminating: list[Raw] = field(default_factory=list)
    succeeded: list[Raw] = field(default_factory=list)
    failed: list[Raw] = field(default_factory=list)
    """Ended badly; those on their way out as well, unless only what has ended is to be replaced."""

    @classmethod
    def of(cls, job: Raw, pods: Sequence[Raw]) -> Pods:
        found = cls()
        for pod in pods:
            phase, is_leaving = (pod.get("status") or {}).get("phase"), "deletionTimestamp" in pod["metadata"]
            if phase == "Succeeded":
                found.succeeded.append(pod)
            elif phase == "Failed":
                found.failed.append(pod)
            elif is_leaving:
                found.terminating.append(pod)
                if not replaces_ended_only(job):
                    found.failed.append(pod)
            else:
                found.active.append(pod)
        return found


def tracked(pods: Iterable[Raw]) -> tuple[Raw, ...]:
    """Those that are not counted yet."""
    return tuple(pod for pod in pods if TRACKING in (pod["metadata"].get("finalizers") or ()))


def index_of(pod: Raw) -> int | None:
    """The completion index that a pod works on."""
    text = (pod["metadata"].get("annotations") or {}).get(indexes.ANNOTATION, "")
    return int(text) if text.isdecimal() and len(text) < 10 else None


def indexes_of(pods: Iterable[Raw]) -> set[int]:
    return {index for pod in pods if (index := index_of(pod)) is not None}


# What a Job wants


def is_indexed(job: Raw) -> bool:
    return bool(job["spec"].get("completionMode") == "Indexed")


def replaces_ended_only(job: Raw) -> bool:
    """Whether a pod on its way out is waited for, and only then counted and replaced."""
    return bool(job["spec"].get("podReplacementPolicy") == "Failed")


def parallelism(job: Raw) -> int:
    wished = job["spec"].get("parallelism")
    return 1 if wished is None else int(wished)


def completions(job: Raw) -> int | None:
    """How many pods have to succeed; None for a queue, where one is enough once all have ended."""
    spec = job["spec"]
    if spec.get("completions") is None and spec.get("parallelism") is None:
        return 1
    return None if spec.get("completions") is None else int(spec["completions"])
