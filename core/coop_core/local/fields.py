"""Field ownership for any kind that the platform has, and the fields that a kind does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.cluster.ownership import Fields
from coop_core.cluster.schemas import pruned
from coop_core.local import models

if TYPE_CHECKING:
    from coop_core.cluster.definitions import Served
    from coop_core.cluster.kinds import Kind, Raw


def fields_of(kind: Kind, custom: Served | None) -> Fields:
    """custom: what the definition of a custom kind says."""
    return Fields(_schema(kind, custom), models.resolve, has_status=kind.has_status)


def unknown_fields(kind: Kind, custom: Served | None, body: Raw) -> list[str]:
    """Their paths, e.g. "spec.replica"."""
    schema = _schema(kind, custom)
    return pruned(schema, body, resolve=models.resolve, drops_null=True)[1] if schema else []


def _schema(kind: Kind, custom: Served | None) -> Raw | None:
    return custom.schema if custom else models.schema_of(kind)
