"""Label and field selectors: parsed once, matched often.

Source: Kubernetes apimachinery labels/selector.go and fields/selector.go; the fields of each kind are those of
pkg/apis/core/v1/conversion.go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from coop_core.cluster import kinds
from coop_core.cluster.conversions import EVENTS_V1

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coop_core.cluster.kinds import Kind, Raw

Operator = Literal["in", "notin", "exists", "missing"]

_KEY = r"[A-Za-z0-9]([A-Za-z0-9_./-]{0,315}[A-Za-z0-9])?"
_TERM = re.compile(
    rf"\s*(?:(?P<missing>!)\s*(?P<missing_key>{_KEY})"
    rf"|(?P<key>{_KEY})(?:\s*(?P<equals>==|=|!=)\s*(?P<value>[A-Za-z0-9_.-]*)"
    rf"|\s+(?P<set>in|notin)\s*\((?P<values>[A-Za-z0-9_.,\s-]*)\))?)?\s*(?:,|\Z)"
)
_FIELD_TERM = re.compile(r"(?P<field>[^=!]*)(?P<operator>!=|==|=)(?P<value>.*)", re.DOTALL)


class BadSelector(Exception):
    """The text is no selector, or it names a field that the kind does not offer. The message is for users."""


@dataclass(frozen=True, slots=True)
class Requirement:
    key: str
    operator: Operator
    values: frozenset[str] = frozenset()

    def is_met(self, labels: Mapping[str, str]) -> bool:
        match self.operator:
            case "in":
                return self.key in labels and labels[self.key] in self.values
            case "notin":
                return labels.get(self.key) not in self.values
            case "exists":
                return self.key in labels
            case "missing":
                return self.key not in labels


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """All requirements must be met; none at all matches everything."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str] | None) -> bool:
        return all(requirement.is_met(labels or {}) for requirement in self.requirements)


def parse_labels(text: str) -> LabelSelector:
    """Reads `k=v,k!=v,k in (a,b),k notin (a),k,!k`. Empty terms count for nothing."""
    requirements = []
    position = 0
    while position < len(text):
        term = _TERM.match(text, position)
        if term is None:
            raise BadSelector(f"unable to parse requirement: found '{text[position:][:64]}' in a label selector")
        position = term.end()
        requirement = _requirement(term)
        if requirement is not None:
            requirements.append(requirement)
    return LabelSelector(tuple(requirements))


def _requirement(term: re.Match[str]) -> Requirement | None:
    if term["missing"]:
        return Requirement(term["missing_key"], "missing")
    if not term["key"]:
        return None
    if term["equals"]:
        return Requirement(term["key"], "notin" if term["equals"] == "!=" else "in", frozenset([term["value"]]))
    if term["set"]:
        values = frozenset(value.strip() for value in term["values"].split(","))
        return Requirement(term["key"], "in" if term["set"] == "in" else "notin", values)
    return Requirement(term["key"], "exists")


_SPEC_OPERATORS: dict[str, Operator] = {
    "In": "in",
    "NotIn": "notin",
    "Exists": "exists",
    "DoesNotExist": "missing",
}


def from_spec(selector: Raw | None) -> LabelSelector:
    """The selector that an object's `matchLabels` and `matchExpressions` spell. Unknown operators match nothing."""
    given = selector or {}
    requirements = [
        Requirement(key, "in", frozenset([value])) for key, value in (given.get("matchLabels") or {}).items()
    ]
    for expression in given.get("matchExpressions") or ():
        operator = _SPEC_OPERATORS.get(expression.get("operator", ""), "in")
        requirements.append(Requirement(expression["key"], operator, frozenset(expression.get("values") or ())))
    return LabelSelector(tuple(requirements))


@dataclass(frozen=True, slots=True)
class FieldTerm:
    path: str
    value: str
    is_equal: bool


@dataclass(frozen=True, slots=True)
class FieldSelector:
    """All terms must hold; none at all matches everything."""

    terms: tuple[FieldTerm, ...] = ()

    def matches(self, body: Raw) -> bool:
        return all((_field(body, term.path) == term.value) is term.is_equal for term in self.terms)

    def value_of(self, path: str) -> str | None:
        """What `path` must equal; None when that is left open."""
        return next((term.value for term in self.terms if term.path == path and term.is_equal), None)


_NAMES = frozenset(["metadata.name", "metadata.namespace"])
_EVENTS_V1 = {
    **{f"regarding.{field}": f"involvedObject.{field}" for field in
       ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")},
    "reportingController": "reportingComponent",
}  # fmt: skip
"""Fields of an event in its own group, by what they are called where events are stored."""
_FIELDS: dict[Kind, frozenset[str]] = {
    kinds.POD: _NAMES
    | {
        "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork",
        "status.phase", "status.podIP", "status.podIPs", "status.nominatedNodeName",
    },
    kinds.EVENT: _NAMES
    | {f"involvedObject.{field}" for field in
       ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")}
    | {"reason", "reportingComponent", "source", "type"},
    EVENTS_V1: _NAMES | _EVENTS_V1.keys() | {"reason", "type"},
    kinds.NAMESPACE: frozenset(["metadata.name", "status.phase"]),
    kinds.NODE: frozenset(["metadata.name", "spec.unschedulable"]),
    kinds.JOB: _NAMES | {"status.successful"},
    kinds.REPLICATION_CONTROLLER: _NAMES | {"status.replicas"},
    kinds.SIGNING_REQUEST: frozenset(["metadata.name", "spec.signerName"]),
    kinds.SERVICE: _NAMES | {"spec.clusterIP", "spec.type"},
    kinds.SECRET: _NAMES | {"type"},
    kinds.REPLICA_SET: _NAMES | {"status.replicas"},
}  # fmt: skip


def parse_fields(text: str, kind: Kind, more: tuple[str, ...] = ()) -> FieldSelector:
    """Reads `field=value,field!=value` for the fields that `kind` offers. Empty terms count for nothing.

    more: the fields that the definition of a custom kind offers.
    """
    terms = []
    for part in _split(text):
        if not part:
            continue
        found = _FIELD_TERM.fullmatch(part)
        if found is None:
            raise BadSelector(f"invalid selector: '{part[:64]}'; can't understand '{part[:64]}'")
        if found["field"] not in _FIELDS.get(kind, _NAMES) and found["field"] not in more:
            raise BadSelector(f"field label not supported: {found['field'][:64]}")
        path = _EVENTS_V1.get(found["field"], found["field"]) if kind == EVENTS_V1 else found["field"]
        terms.append(FieldTerm(path, _unescaped(found["value"]), found["operator"] != "!="))
    return FieldSelector(tuple(terms))


def _split(text: str) -> list[str]:
    """At commas that no backslash stands before."""
    return re.findall(r"(?:[^,\\]|\\.)+", text)


def _unescaped(value: str) -> str:
    return re.sub(r"\\([\\,=])", r"\1", value)


def _field(body: Raw, path: str) -> str:
    """The field as text; "" when it is absent."""
    if path == "source":
        path = "source.component"
    if path == "status.podIPs":
        return ",".join(entry.get("ip", "") for entry in (body.get("status") or {}).get("podIPs") or ())
    value: Any = body
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
