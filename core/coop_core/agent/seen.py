"""What the agent knows of Git: the environment branches of all repositories, as they were read last."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Branch:
    """One environment branch of one repository: what runs in that environment, as far as this repository says."""

    url: str
    environment: str
    commit: str
    folders: tuple[str, ...]
    """All folders at the branch's root, checked or not."""
    expires_s: float | None = None
    """When nothing of it shall run any more, in seconds since the epoch; None is never."""


@dataclass(frozen=True, slots=True)
class GitView:
    """branches: in order of configuration. unread: URLs whose branches are not known now."""

    branches: tuple[Branch, ...] = ()
    unread: frozenset[str] = frozenset()
    configured: frozenset[str] = frozenset()
