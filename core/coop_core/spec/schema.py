"""The JSON Schema of `coop.yaml`, for editors. Made of the fields that the loader reads with."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from coop_core.spec.reading import FILE_NAME, SERVICE
from coop_core.spec.service import EnvironmentSpec, ServiceSpec

if TYPE_CHECKING:
    from coop_core.spec.fields import Schema

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> Schema:
    """Accepts what the loader accepts, but for a whole number written as 1.0, which JSON cannot tell from 1."""
    found = SERVICE.schema()
    _add_defaults(found, ServiceSpec)
    for environment in found["properties"]["environments"]["properties"].values():
        _add_defaults(environment, EnvironmentSpec)
    return {"$schema": DIALECT, "title": FILE_NAME, "description": SERVICE.about, **found}


def _add_defaults(schema: Schema, made: type[ServiceSpec | EnvironmentSpec]) -> None:
    for field in dataclasses.fields(made):
        if isinstance(field.default, int | str) and field.default != "" and field.name in schema["properties"]:
            schema["properties"][field.name]["default"] = field.default
