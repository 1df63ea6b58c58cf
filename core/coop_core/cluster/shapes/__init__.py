"""The types of the fields that coop reads, per kind; everything else in an object passes as it is.

Past this check, code may index into an object without asking at each step whether a list is a list.
Source: the Kubernetes API reference, and Argo CD's Application type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from coop_core.cluster import kinds
from coop_core.cluster.shapes.argocd import Application
from coop_core.cluster.shapes.base import Plain, Shape
from coop_core.cluster.shapes.basics import ConfigMap, Event, Namespace, Secret
from coop_core.cluster.shapes.network import Endpoints, EndpointSlice, Ingress, Service
from coop_core.cluster.shapes.pods import Pod
from coop_core.cluster.shapes.workloads import CronJob, Job, Templated, Workload

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Kind, Raw

_SHAPES: dict[Kind, type[Shape]] = {
    kinds.NAMESPACE: Namespace,
    kinds.POD: Pod,
    kinds.SERVICE: Service,
    kinds.ENDPOINTS: Endpoints,
    kinds.CONFIG_MAP: ConfigMap,
    kinds.SECRET: Secret,
    kinds.EVENT: Event,
    kinds.DEPLOYMENT: Workload,
    kinds.REPLICA_SET: Workload,
    kinds.STATEFUL_SET: Templated,
    kinds.DAEMON_SET: Templated,
    kinds.REPLICATION_CONTROLLER: Templated,
    kinds.JOB: Job,
    kinds.CRON_JOB: CronJob,
    kinds.INGRESS: Ingress,
    kinds.ENDPOINT_SLICE: EndpointSlice,
    kinds.APPLICATION: Application,
}


def misfit(kind: Kind, body: Raw) -> str | None:
    """Which field has a value of the wrong type, and what was expected; None when all fit.

    The text quotes no value: a Secret's content never shows in it.
    """
    try:
        msgspec.convert(body, _SHAPES.get(kind, Plain))
    except msgspec.ValidationError as error:
        return str(error)
    return None
