"""Rows of namespaces, configuration, events, volumes, and who may what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.cluster import kinds
from coop_core.cluster.tables.parts import (
    NONE,
    UNSET,
    age_of,
    at,
    column,
    columns,
    joined,
    maps,
    name_of,
    number,
    since,
    text,
    words,
)

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.cluster.tables.parts import Cells, Columns


def _namespace(body: Raw, now_s: float) -> Cells:
    return [name_of(body), text(body, "status.phase"), age_of(body, now_s)]


def _config_map(body: Raw, now_s: float) -> Cells:
    return [name_of(body), len(body.get("data") or ()) + len(body.get("binaryData") or ()), age_of(body, now_s)]


def _secret(body: Raw, now_s: float) -> Cells:
    return [name_of(body), body.get("type") or "Opaque", len(body.get("data") or ()), age_of(body, now_s)]


def _service_account(body: Raw, now_s: float) -> Cells:
    return [name_of(body), len(maps(body, "secrets")), age_of(body, now_s)]


def _event(body: Raw, now_s: float) -> Cells:
    first = body.get("firstTimestamp") or body.get("eventTime")
    last = text(body, "series.lastObservedTime") or body.get("lastTimestamp") or first
    component = text(body, "source.component") or text(body, "reportingComponent")
    return [
        since(last, now_s),
        body.get("type") or "",
        body.get("reason") or "",
        f"{text(body, 'involvedObject.kind').lower()}/{text(body, 'involvedObject.name')}",
        (body.get("message") or "").strip(),
        text(body, "involvedObject.fieldPath"),
        ", ".join(part for part in (component, text(body, "source.host")) if part),
        since(first, now_s),
        number(body, "series.count") or body.get("count") or 1,
        name_of(body),
    ]


def _application(body: Raw, _now_s: float) -> Cells:
    fields = ("status.sync.status", "status.health.status", "status.sync.revision", "spec.project")
    return [name_of(body), *(text(body, field) for field in fields)]


def _role_binding(body: Raw, now_s: float) -> Cells:
    subjects = maps(body, "subjects")
    accounts = [
        f"{text(one, 'namespace')}/{text(one, 'name')}" for one in subjects if text(one, "kind") == "ServiceAccount"
    ]
    named = {
        kind: ", ".join(text(one, "name") for one in subjects if text(one, "kind") == kind)
        for kind in ("User", "Group")
    }
    role = f"{text(body, 'roleRef.kind')}/{text(body, 'roleRef.name')}"
    return [name_of(body), role, age_of(body, now_s), named["User"], named["Group"], ", ".join(accounts)]


def _created(body: Raw, _now_s: float) -> Cells:
    return [name_of(body), text(body, "metadata.creationTimestamp")]


_MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}


def _modes(modes: list[str]) -> str:
    return ",".join(_MODES[mode] for mode in _MODES if mode in modes)


def _volume(body: Raw, now_s: float) -> Cells:
    claim = at(body, "spec.claimRef")
    return [
        name_of(body),
        text(body, "spec.capacity.storage"),
        _modes(words(body, "spec.accessModes")),
        text(body, "spec.persistentVolumeReclaimPolicy"),
        "Terminating" if at(body, "metadata.deletionTimestamp") else text(body, "status.phase"),
        f"{text(claim, 'namespace')}/{text(claim, 'name')}" if claim else "",
        text(body, "spec.storageClassName"),
        text(body, "spec.volumeAttributesClassName", UNSET),
        text(body, "status.reason"),
        age_of(body, now_s),
        text(body, "spec.volumeMode", UNSET),
    ]


def _claim(body: Raw, now_s: float) -> Cells:
    is_bound = bool(text(body, "spec.volumeName"))
    return [
        name_of(body),
        "Terminating" if at(body, "metadata.deletionTimestamp") else text(body, "status.phase"),
        text(body, "spec.volumeName"),
        text(body, "status.capacity.storage") if is_bound else "",
        _modes(words(body, "status.accessModes")) if is_bound else "",
        text(body, "spec.storageClassName"),
        text(body, "spec.volumeAttributesClassName", UNSET),
        age_of(body, now_s),
        text(body, "spec.volumeMode", UNSET),
    ]


def _storage_class(body: Raw, now_s: float) -> Cells:
    annotations = at(body, "metadata.annotations") or {}
    is_default = annotations.get("storageclass.kubernetes.io/is-default-class") == "true"
    return [
        name_of(body) + (" (default)" if is_default else ""),
        text(body, "provisioner"),
        text(body, "reclaimPolicy", "Delete"),
        text(body, "volumeBindingMode", "Immediate"),
        text(body, "allowVolumeExpansion", "false"),
        age_of(body, now_s),
    ]


def _quota(body: Raw, now_s: float) -> Cells:
    hard, used = at(body, "status.hard") or at(body, "spec.hard"), at(body, "status.used")
    shown = {
        name: f"{name}: {text({'v': (used or {}).get(name)}, 'v', '0')}/{hard[name]}"
        for name in sorted(hard if isinstance(hard, dict) else {})
    }
    limits = [shown[name] for name in shown if name.startswith("limits.")]
    requests = [shown[name] for name in shown if not name.startswith("limits.")]
    return [name_of(body), ", ".join(requests), ", ".join(limits), age_of(body, now_s)]


def _node(body: Raw, now_s: float) -> Cells:
    ready = {text(one, "type"): text(one, "status") for one in maps(body, "status.conditions")}.get("Ready")
    states = ["Ready" if ready == "True" else "NotReady" if ready else "Unknown"]
    if at(body, "spec.unschedulable") is True:
        states.append("SchedulingDisabled")
    prefix = "node-role.kubernetes.io/"
    roles = [
        key.removeprefix(prefix) for key in sorted(at(body, "metadata.labels") or {}) if key.startswith(prefix)
    ]
    addresses = {text(one, "type"): text(one, "address") for one in maps(body, "status.addresses")}
    info = at(body, "status.nodeInfo")
    return [
        name_of(body),
        ",".join(states),
        joined(roles),
        age_of(body, now_s),
        text(info, "kubeletVersion"),
        addresses.get("InternalIP", NONE),
        addresses.get("ExternalIP", NONE),
        text(info, "osImage", "<unknown>"),
        text(info, "kernelVersion", "<unknown>"),
        text(info, "containerRuntimeVersion", "<unknown>"),
    ]


TABLES: dict[Kind, Columns] = {
    kinds.NAMESPACE: (columns("Name,Status,Age"), _namespace),
    kinds.NODE: (
        columns(
            "Name,Status,Roles,Age,Version", "Internal-IP,External-IP,OS-Image,Kernel-Version,Container-Runtime"
        ),
        _node,
    ),
    kinds.CONFIG_MAP: (columns("Name,Data,Age", numbers="Data"), _config_map),
    kinds.SECRET: (columns("Name,Type,Data,Age", numbers="Data"), _secret),
    kinds.SERVICE_ACCOUNT: (columns("Name,Secrets,Age", numbers="Secrets"), _service_account),
    kinds.EVENT: (
        columns("Last Seen,Type,Reason,Object,Message", "Subobject,Source,First Seen,Count,Name", numbers="Count"),
        _event,
    ),
    kinds.APPLICATION: (
        [*columns("Name,Sync Status,Health Status"), column("Revision", 10), column("Project", 10)],
        _application,
    ),
    kinds.ROLE: (columns("Name,Created At"), _created),
    kinds.CLUSTER_ROLE: (columns("Name,Created At"), _created),
    kinds.ROLE_BINDING: (columns("Name,Role,Age", "Users,Groups,ServiceAccounts"), _role_binding),
    kinds.CLUSTER_ROLE_BINDING: (columns("Name,Role,Age", "Users,Groups,ServiceAccounts"), _role_binding),
    kinds.LIMIT_RANGE: (columns("Name,Created At"), _created),
    kinds.DEFINITION: (columns("Name,Created At"), _created),
    kinds.RESOURCE_QUOTA: (columns("Name,Request,Limit,Age"), _quota),
    kinds.PERSISTENT_VOLUME: (
        columns(
            "Name,Capacity,Access Modes,Reclaim Policy,Status,Claim,StorageClass,VolumeAttributesClass,Reason,Age",
            "VolumeMode",
        ),
        _volume,
    ),
    kinds.PERSISTENT_VOLUME_CLAIM: (
        columns("Name,Status,Volume,Capacity,Access Modes,StorageClass,VolumeAttributesClass,Age", "VolumeMode"),
        _claim,
    ),
    kinds.STORAGE_CLASS: (
        columns("Name,Provisioner,ReclaimPolicy,VolumeBindingMode,AllowVolumeExpansion,Age"),
        _storage_class,
    ),
}
