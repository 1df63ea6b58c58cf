"""Metadata, and what every kind uses."""

from __future__ import annotations

from typing import Any

import msgspec

Strings = dict[str, str] | None
AnyMap = dict[str, Any] | None


class Shape(msgspec.Struct, rename="camel"):
    """Unknown fields are ignored; null stands for absent."""


class OwnerReference(Shape):
    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool | None = None
    block_owner_deletion: bool | None = None


class Metadata(Shape):
    name: str | None = None
    generate_name: str | None = None
    namespace: str | None = None
    uid: str | None = None
    resource_version: str | None = None
    labels: Strings = None
    annotations: Strings = None
    finalizers: list[str] | None = None
    owner_references: list[OwnerReference] | None = None
    managed_fields: list[dict[str, Any]] | None = None


class LabelRequirement(Shape):
    key: str
    operator: str
    values: list[str] | None = None


class LabelSelector(Shape):
    match_labels: Strings = None
    match_expressions: list[LabelRequirement] | None = None


class Condition(Shape):
    type: str
    status: str
    reason: str | None = None
    message: str | None = None


class Phase(Shape):
    phase: str | None = None


class Plain(Shape):
    """For kinds of which only the metadata is read."""

    metadata: Metadata | None = None
