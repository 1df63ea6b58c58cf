"""CustomResourceDefinitions: the kinds that one makes, and its status. Pure.

Objects here may hold anything anywhere; what is no map or list where one belongs counts as absent.
Source: Kubernetes apiextensions-apiserver, the naming and the establishing controller.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coop_core.cluster.kinds import Kind
from coop_core.cluster.schemas import completed, mistakes, pruned
from coop_core.cluster.schemas.rules.fields import has_rules
from coop_core.cluster.tables.parts import at, maps, text, words

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw
    from coop_core.cluster.validation import Cause

CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
"""Finalizer of a definition whose objects are still there."""
ANYTHING: Raw = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """One version of a custom kind."""

    kind: Kind
    storage_version: str
    schema: Raw = field(default_factory=dict)
    columns: tuple[Raw, ...] = ()
    """additionalPrinterColumns as they were given."""
    scale: Raw | None = None
    """Where replicas and selector are: `specReplicasPath` and so on."""
    fields: tuple[str, ...] = ()
    """What field selectors may name, beside name and namespace."""
    rules: str = ""
    """Tells this schema from any other with rules; "" when it has none."""

    def fitted(self, body: Raw) -> Raw:
        """`body` pruned and with its defaults."""
        kept, _ = pruned(self.schema, body, drops_null=True)
        filled: Raw = completed(self.schema, kept)
        return filled

    def causes(self, body: Raw, old: Raw | None = None) -> tuple[Cause, ...]:
        """What is wrong with an object by its schema. old: what it was before; None for a new one."""
        return tuple(mistakes(self.schema, body, old=old))


def served(definition: Raw) -> tuple[Served, ...]:
    """The versions that a definition serves, as it spells them; none before its names are accepted."""
    if not _holds(definition, "Established"):
        return ()
    spec = definition["spec"]
    names = spec["names"]
    storage = next(version["name"] for version in maps(spec, "versions") if version.get("storage") is True)
    return tuple(
        _served(spec, names, version, storage)
        for version in maps(spec, "versions")
        if version.get("served") is True
    )


def _served(spec: Raw, names: Raw, version: Raw, storage: str) -> Served:
    scale = at(version, "subresources.scale")
    schema = at(version, "schema.openAPIV3Schema") or ANYTHING
    kind = Kind(
        spec["group"],
        version["name"],
        names["plural"],
        names["kind"],
        namespaced=spec["scope"] == "Namespaced",
        short_names=tuple(words(names, "shortNames")),
        categories=tuple(words(names, "categories")),
        has_status=isinstance(at(version, "subresources.status"), dict),
        has_scale=isinstance(scale, dict),
        is_custom=True,
        word=text(names, "singular"),
    )
    return Served(
        kind,
        storage,
        schema,
        tuple(maps(version, "additionalPrinterColumns")),
        scale if isinstance(scale, dict) else None,
        tuple(text(one, "jsonPath").removeprefix(".") for one in maps(version, "selectableFields")),
        hashlib.sha256(json.dumps(schema).encode()).hexdigest() if has_rules(schema) else "",
    )


def schemas_with_rules(definition: Raw) -> dict[str, Raw]:
    """The schemas of a definition that have rules, by their place in it."""
    return {
        f"spec.versions[{index}].schema.openAPIV3Schema": schema
        for index, version in enumerate(maps(definition, "spec.versions"))
        for schema in (at(version, "schema.openAPIV3Schema"),)
        if isinstance(schema, dict) and has_rules(schema)
    }


def _holds(definition: Raw, condition: str) -> bool:
    return any(
        text(one, "type") == condition and text(one, "status") == "True"
        for one in maps(definition, "status.conditions")
    )


def defaulted(body: Raw) -> Raw:
    """A definition with the names that follow from its kind."""
    spec = body.get("spec")
    names = at(spec, "names")
    if not isinstance(spec, dict) or not isinstance(names, dict):
        return body
    kind = text(names, "kind")
    filled = {"singular": kind.lower(), "listKind": f"{kind}List", **{k: v for k, v in names.items() if v}}
    return {**body, "spec": {"conversion": {"strategy": "None"}, **spec, "names": filled}}


def with_status(body: Raw, others: list[Raw], now: str) -> Raw:
    """A definition with its verdict: its names are accepted unless an older definition of its group has them."""
    spec = body["spec"]
    taken = _conflict(spec, [one for one in others if one["metadata"]["name"] != body["metadata"]["name"]])
    accepted = (
        ("NamesAccepted", not taken, taken or "no conflicts found", "NoConflicts" if not taken else "NameConflict"),
        ("Established", not taken, "the initial names have been accepted", "InitialNamesAccepted"),
    )
    if taken:
        accepted = (accepted[0], ("Established", False, "not all names are accepted", "NotAccepted"))
    before = {text(one, "type"): one for one in maps(body, "status.conditions")}
    conditions = [_condition(before.get(type_), type_, is_true, message, reason, now)
                  for type_, is_true, message, reason in accepted]  # fmt: skip
    storage = next(text(version, "name") for version in maps(spec, "versions") if version.get("storage") is True)
    stored = words(body, "status.storedVersions")
    status = {
        "acceptedNames": {} if taken else spec["names"],
        "conditions": conditions,
        "storedVersions": stored if storage in stored else [*stored, storage],
    }
    if not status["acceptedNames"]:
        status["acceptedNames"] = {"kind": "", "plural": ""}
    return {**body, "status": status}


def _condition(old: Raw | None, type_: str, is_true: bool, message: str, reason: str, now: str) -> Raw:
    new = {
        "type": type_,
        "status": "True" if is_true else "False",
        "lastTransitionTime": now,
        "reason": reason,
        "message": message,
    }
    if old and old.get("status") == new["status"]:
        new["lastTransitionTime"] = old.get("lastTransitionTime") or now
    return new


def _conflict(spec: Raw, others: list[Raw]) -> str:
    """Which name is in use already, in words; empty when none is."""
    mine = {text(spec, f"names.{name}") for name in ("plural", "singular", "kind")} | set(
        words(spec, "names.shortNames")
    )
    for other in others:
        if text(other, "spec.group") != text(spec, "group") or not _holds(other, "Established"):
            continue
        theirs = {text(other, f"spec.names.{name}") for name in ("plural", "singular", "kind")}
        shared = sorted(mine & (theirs | set(words(other, "spec.names.shortNames"))))
        if shared:
            return f'"{shared[0]}" is already in use by {other["metadata"]["name"]}'
    return ""
