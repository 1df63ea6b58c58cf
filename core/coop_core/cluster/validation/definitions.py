"""CustomResourceDefinitions.

Source: Kubernetes apiextensions-apiserver, pkg/apis/apiextensions/validation.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from coop_core.cluster.causes import Cause, invalid, required, unsupported
from coop_core.cluster.tables.parts import at, maps, text
from coop_core.cluster.validation.schemas import schema_causes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coop_core.cluster.kinds import Raw

_VERSION = re.compile(r"v[1-9][0-9]{0,3}((alpha|beta)[1-9][0-9]{0,3})?")
_WORD = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_SCOPES = ("Cluster", "Namespaced")


def definition(body: Raw) -> Iterator[Cause]:
    """The mistakes in a definition."""
    spec = body.get("spec")
    group, plural, kind = (text(spec, path) for path in ("group", "names.plural", "names.kind"))
    for path, value in (("group", group), ("names.plural", plural), ("names.kind", kind)):
        if not value:
            yield required(f"spec.{path}")
    if group and "." not in group:
        yield invalid("spec.group", f'"{group}"', "should be a domain with at least one dot")
    if plural and not _WORD.fullmatch(plural):
        yield invalid("spec.names.plural", f'"{plural}"', "must be a lower-case word")
    name = text(body, "metadata.name")
    if group and plural and name != f"{plural}.{group}":
        yield invalid("metadata.name", f'"{name}"', 'must be spec.names.plural+"."+spec.group')
    if text(spec, "scope") not in _SCOPES:
        yield unsupported("spec.scope", text(spec, "scope"), _SCOPES)
    yield from _version_causes(maps(spec, "versions"))


def _version_causes(versions: list[Raw]) -> Iterator[Cause]:
    if sum(version.get("storage") is True for version in versions) != 1:
        yield invalid("spec.versions", '"versions"', "must have exactly one version marked as storage version")
    names = [text(version, "name") for version in versions]
    for index, version in enumerate(versions):
        where = f"spec.versions[{index}]"
        if not _VERSION.fullmatch(names[index]):
            yield invalid(f"{where}.name", f'"{names[index]}"', "must be a version such as v1 or v1alpha1")
        if names[index] in names[:index]:
            yield Cause("FieldValueDuplicate", f'Duplicate value: "{names[index]}"', f"{where}.name")
        schema = at(version, "schema.openAPIV3Schema")
        place = f"{where}.schema.openAPIV3Schema"
        if not isinstance(schema, dict):
            yield required(place, "schemas are required")
        else:
            yield from schema_causes(schema, place)
            if schema.get("type") != "object":
                yield invalid(f"{place}.type", f'"{text(schema, "type")}"', "must be object at the root")
        for position, column in enumerate(maps(version, "additionalPrinterColumns")):
            if not text(column, "jsonPath").startswith("."):
                yield required(f"{where}.additionalPrinterColumns[{position}].jsonPath")
