"""Tables whose cells are simply fields: the columns and the path of each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from coop_core.cluster import kinds
from coop_core.cluster.tables.parts import UNSET, age_of, at, columns, maps, name_of, text

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.cluster.tables.parts import Cells, Columns

_AGE = "age"
_COUNT = "#"


def _fields(paths: tuple[str, ...], body: Raw, now_s: float) -> Cells:
    return [name_of(body), *(_field(path, body, now_s) for path in paths)]


def _field(path: str, body: Raw, now_s: float) -> str | int:
    if path == _AGE:
        return age_of(body, now_s)
    if path.startswith(_COUNT):
        return len(maps(body, path.removeprefix(_COUNT)))
    value = at(body, path)
    return value if isinstance(value, int) and not isinstance(value, bool) else text(body, path, UNSET)


def _table(shown: str, *paths: str, numbers: str = "") -> Columns:
    return columns(f"Name,{shown}", numbers=numbers), partial(_fields, paths)


def _condition(body: Raw, kind: str) -> str:
    return next((text(one, "status") for one in maps(body, "status.conditions") if text(one, "type") == kind), "")


def _api_service(body: Raw, now_s: float) -> Cells:
    service = at(body, "spec.service")
    where = f"{text(service, 'namespace')}/{text(service, 'name')}" if service else "Local"
    return [name_of(body), where, _condition(body, "Available") or "Unknown", age_of(body, now_s)]


def _signing_request(body: Raw, now_s: float) -> Cells:
    states = ",".join(text(one, "type") for one in maps(body, "status.conditions"))
    issued = ",Issued" if text(body, "status.certificate") else ""
    return [
        name_of(body),
        age_of(body, now_s),
        text(body, "spec.signerName", "<none>"),
        text(body, "spec.username"),
        text(body, "spec.expirationSeconds", "<none>"),
        (states or "Pending") + issued,
    ]


TABLES: dict[Kind, Columns] = {
    kinds.LEASE: _table("Holder,Age", "spec.holderIdentity", _AGE),
    kinds.PRIORITY_CLASS: _table(
        "Value,Global-Default,Age,PreemptionPolicy", "value", "globalDefault", _AGE, "preemptionPolicy",
        numbers="Value",
    ),
    kinds.RUNTIME_CLASS: _table("Handler,Age", "handler", _AGE),
    kinds.VALIDATING_WEBHOOKS: _table("Webhooks,Age", "#webhooks", _AGE, numbers="Webhooks"),
    kinds.MUTATING_WEBHOOKS: _table("Webhooks,Age", "#webhooks", _AGE, numbers="Webhooks"),
    kinds.ADMISSION_POLICY: _table(
        "Validations,ParamKind,Age", "#spec.validations", "spec.paramKind.kind", _AGE, numbers="Validations"
    ),
    kinds.ADMISSION_BINDING: _table("PolicyName,ParamRef,Age", "spec.policyName", "spec.paramRef.name", _AGE),
    kinds.VOLUME_ATTACHMENT: _table(
        "Attacher,PV,Node,Attached,Age", "spec.attacher", "spec.source.persistentVolumeName", "spec.nodeName",
        "status.attached", _AGE,
    ),
    kinds.CSI_DRIVER: _table(
        "AttachRequired,PodInfoOnMount,StorageCapacity,Age", "spec.attachRequired", "spec.podInfoOnMount",
        "spec.storageCapacity", _AGE,
    ),
    kinds.CSI_NODE: _table("Drivers,Age", "#spec.drivers", _AGE, numbers="Drivers"),
    kinds.CSI_CAPACITY: _table("StorageClassName,Capacity", "storageClassName", "capacity"),
    kinds.FLOW_SCHEMA: _table(
        "PriorityLevel,MatchingPrecedence,DistinguisherMethod,Age", "spec.priorityLevelConfiguration.name",
        "spec.matchingPrecedence", "spec.distinguisherMethod.type", _AGE, numbers="MatchingPrecedence",
    ),
    kinds.PRIORITY_LEVEL: _table(
        "Type,NominalConcurrencyShares,Age", "spec.type", "spec.limited.nominalConcurrencyShares", _AGE
    ),
    kinds.API_SERVICE: (columns("Name,Service,Available,Age"), _api_service),
    kinds.SIGNING_REQUEST: (
        columns("Name,Age,SignerName,Requestor,RequestedDuration,Condition"),
        _signing_request,
    ),
}  # fmt: skip
