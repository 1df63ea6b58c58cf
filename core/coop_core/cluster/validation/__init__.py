"""The mistakes that Kubernetes refuses, in its own words, for the kinds that coop works with.

Not a schema: what is checked here is what people get wrong and what our own code relies on. Objects must have
passed `shapes.misfit` and `defaults.defaulted`.
Source: Kubernetes pkg/apis/{core,apps,networking}/validation, apimachinery's util/validation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.cluster import kinds
from coop_core.cluster.causes import Cause
from coop_core.cluster.validation.basics import application, data
from coop_core.cluster.validation.changes import immutable
from coop_core.cluster.validation.definitions import definition
from coop_core.cluster.validation.jobs import cron_job, job
from coop_core.cluster.validation.metadata import metadata_causes
from coop_core.cluster.validation.network import ingress, service
from coop_core.cluster.validation.pods import pod
from coop_core.cluster.validation.workloads import templated, workload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from coop_core.cluster.kinds import Kind, Raw

__all__ = ["Cause", "causes", "update_causes"]


def causes(kind: Kind, body: Raw) -> tuple[Cause, ...]:
    """Every mistake in an object by itself; none when it may be stored."""
    check = _CHECKS.get(kind)
    return (*metadata_causes(kind, body["metadata"]), *(check(body) if check else ()))


def update_causes(kind: Kind, old: Raw, new: Raw) -> tuple[Cause, ...]:
    """Every change from `old` to `new` that is forbidden."""
    return tuple(immutable(kind, old, new))


_CHECKS: dict[Kind, Callable[[Raw], Iterator[Cause]]] = {
    kinds.POD: pod,
    kinds.DEPLOYMENT: workload,
    kinds.REPLICA_SET: workload,
    kinds.STATEFUL_SET: templated,
    kinds.DAEMON_SET: templated,
    kinds.REPLICATION_CONTROLLER: templated,
    kinds.JOB: job,
    kinds.CRON_JOB: cron_job,
    kinds.SERVICE: service,
    kinds.INGRESS: ingress,
    kinds.CONFIG_MAP: data,
    kinds.SECRET: data,
    kinds.APPLICATION: application,
    kinds.DEFINITION: definition,
}
