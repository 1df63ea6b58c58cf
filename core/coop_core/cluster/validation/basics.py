"""ConfigMaps, Secrets and Applications."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.cluster.causes import DATA_KEY, invalid, required

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coop_core.cluster.causes import Cause
    from coop_core.cluster.kinds import Raw


def data(body: Raw) -> Iterator[Cause]:
    for field in ("data", "binaryData"):
        for key in body.get(field) or ():
            if not DATA_KEY.fullmatch(key) or len(key) > 253:
                rule = (
                    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',"
                    "  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
                )
                yield invalid(f"{field}[{key}]", f'"{key}"', rule)


def application(body: Raw) -> Iterator[Cause]:
    spec = body.get("spec") or {}
    for field in ("destination", "project"):
        if spec.get(field) is None:
            yield required(f"spec.{field}")
