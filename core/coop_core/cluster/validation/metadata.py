"""Names, labels and annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.cluster import kinds
from coop_core.cluster.causes import (
    KEY_NAME,
    KEY_RULE,
    LABEL,
    LABEL_1035,
    LABEL_1035_RULE,
    LABEL_RULE,
    SEGMENT,
    SEGMENT_RULE,
    SUBDOMAIN,
    SUBDOMAIN_RULE,
    VALUE,
    VALUE_RULE,
    invalid,
    required,
)

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from coop_core.cluster.causes import Cause
    from coop_core.cluster.kinds import Kind, Raw


_PATH_SEGMENTS = (kinds.ROLE, kinds.ROLE_BINDING, kinds.CLUSTER_ROLE, kinds.CLUSTER_ROLE_BINDING)


def _name_rule(kind: Kind) -> tuple[re.Pattern[str], int, str]:
    if kind == kinds.NAMESPACE:
        return LABEL, 63, LABEL_RULE
    if kind == kinds.SERVICE:
        return LABEL_1035, 63, LABEL_1035_RULE
    if kind in _PATH_SEGMENTS:
        return SEGMENT, 253, SEGMENT_RULE
    return SUBDOMAIN, 253, SUBDOMAIN_RULE


def metadata_causes(kind: Kind, metadata: Raw) -> Iterator[Cause]:
    name = metadata.get("name") or ""
    pattern, limit, rule = _name_rule(kind)
    if not name:
        yield required("metadata.name", "name or generateName is required")
    elif not pattern.fullmatch(name):
        yield invalid("metadata.name", f'"{name[:limit]}"', rule)
    elif len(name) > limit:
        yield invalid("metadata.name", f'"{name}"', f"must be no more than {limit} characters")
    if kind.namespaced and not metadata.get("namespace"):
        yield required("metadata.namespace")
    yield from labels_causes("metadata.labels", metadata.get("labels"))
    for key in metadata.get("annotations") or ():
        yield from _key("metadata.annotations", key)


def labels_causes(field: str, labels: dict[str, str] | None) -> Iterator[Cause]:
    for key, value in (labels or {}).items():
        yield from _key(field, key)
        if not VALUE.fullmatch(value):
            yield invalid(field, f'"{value}"', VALUE_RULE)
        elif len(value) > 63:
            yield invalid(field, f'"{value}"', "must be no more than 63 bytes")


def _key(field: str, key: str) -> Iterator[Cause]:
    prefix, slash, name = key.rpartition("/")
    if not KEY_NAME.fullmatch(name) or len(name) > 63:
        yield invalid(field, f'"{key}"', KEY_RULE)
    if slash and not (SUBDOMAIN.fullmatch(prefix) and len(prefix) <= 253):
        yield invalid(field, f'"{key}"', f"prefix part {SUBDOMAIN_RULE}")
