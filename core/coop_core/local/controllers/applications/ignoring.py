"""`ignoreDifferences`: fields that an Application leaves to others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.cluster import drift
from coop_core.local.fields import fields_of

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.cluster.ownership import Fields
    from coop_core.local.controllers.applications.manifests import Identity
    from coop_core.local.objects import Objects


@dataclass(frozen=True, slots=True)
class Ignored:
    """What does not count of one object. managers: whose fields, by `managedFields`."""

    pointers: tuple[str, ...] = ()
    managers: frozenset[str] = frozenset()

    def without(self, objects: Objects, kind: Kind, body: Raw, live: Raw) -> Raw:
        """`body` without it. live: who owns which field."""
        body = drift.without(body, self.pointers)
        return _fields(objects, kind).without(body, live, self.managers) if self.managers else body

    def keeping(self, objects: Objects, kind: Kind, body: Raw, live: Raw) -> Raw:
        """`body` with what is there already, in its place."""
        body = drift.keeping(body, live, self.pointers)
        return _fields(objects, kind).keeping(body, live, self.managers) if self.managers else body


def _fields(objects: Objects, kind: Kind) -> Fields:
    return fields_of(kind, objects.catalog.custom(kind))


NOTHING = Ignored()


def ignored(application: Raw, identity: Identity) -> Ignored:
    rules = [one for one in application["spec"].get("ignoreDifferences") or [] if _is_about(one, identity)]
    return Ignored(
        tuple(pointer for rule in rules for pointer in rule.get("jsonPointers") or []),
        frozenset(name for rule in rules for name in rule.get("managedFieldsManagers") or []),
    )


def problem(application: Raw) -> str:
    """Why the Application is refused for its ignoreDifferences, "" when it is not."""
    for index, rule in enumerate(application["spec"].get("ignoreDifferences") or []):
        if rule.get("jqPathExpressions"):
            remedy = "name the fields by jsonPointers or managedFieldsManagers"
            return f"spec.ignoreDifferences[{index}].jqPathExpressions: the local platform has no jq; {remedy}"
    return ""


def _is_about(rule: Raw, identity: Identity) -> bool:
    """Whether a rule is about an object; what it leaves out, or *, fits all, but an absent group is the core's."""
    fields = zip(("group", "kind", "namespace", "name"), identity, strict=True)
    return all(
        rule.get(field) in (None, "", "*", value) if field != "group" else rule.get(field, "") in ("*", value)
        for field, value in fields
    )
