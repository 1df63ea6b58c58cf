"""Environments whose time is over: what the agent does about those that nobody comes back to. Pure.

A personal environment's newest commit says when it ends; each deploy says so anew. The agent only reads Git, so
it cannot commit zero replicas, and scaling what Git declares would be a fight with Argo CD, which heals drift. So
an expired branch counts as if it held no services: its applications are deleted, which Argo CD follows by deleting
what they deployed, of any kind, volumes included. Branch and namespace stay. Nothing but the clock and the branch
decides, so a newer commit, or a clock that is put right, brings everything back.

A repository that cannot be read now expires nothing: there may be a newer commit in it. The shared environment
never expires, whatever its commits say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.clock import rfc3339
from coop_core.cluster import labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from coop_core.agent.seen import Branch
    from coop_core.cluster.kinds import Raw


def is_expired(branch: Branch, now_s: float) -> bool:
    return branch.expires_s is not None and branch.expires_s <= now_s


def marks(
    branches: Iterable[Branch], unread: frozenset[str], spaces: Mapping[str, Raw], now_s: float
) -> Iterator[tuple[str, Raw]]:
    """Namespace and merge patch, where the annotation that tells people of the expiry must come or go."""
    by_environment: dict[str, list[Branch]] = {}
    for branch in branches:
        by_environment.setdefault(branch.environment, []).append(branch)
    for environment, own in by_environment.items():
        space = spaces.get(environment)
        if space is None or "deletionTimestamp" in space["metadata"] or any(one.url in unread for one in own):
            continue
        present = (space["metadata"].get("annotations") or {}).get(labels.EXPIRED)
        ends_s = [one.expires_s for one in own if one.expires_s is not None and is_expired(one, now_s)]
        wanted = rfc3339(max(ends_s)) if len(ends_s) == len(own) else None
        if wanted != present:
            yield environment, {"metadata": {"annotations": {labels.EXPIRED: wanted}}}
