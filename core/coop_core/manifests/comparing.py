"""Whether two renderings of a service deploy the same thing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coop_core import yamls
from coop_core.cluster import labels
from coop_core.errors import CoopError

if TYPE_CHECKING:
    from collections.abc import Mapping


def is_same_deployment(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> bool:
    """True when the files differ in nothing but the source commit that their pod templates name."""
    if old.keys() != new.keys():
        return False
    return all(old[name] == new[name] or _masked(old[name]) == _masked(new[name]) for name in new)


def _masked(text: bytes) -> Any:
    try:
        value = yamls.load(text, "manifest")
        value["spec"]["template"]["metadata"]["annotations"].pop(labels.SOURCE_COMMIT, None)
    except (CoopError, KeyError, TypeError, AttributeError):
        return text  # not a workload, or not ours: only the same bytes are the same
    return value
