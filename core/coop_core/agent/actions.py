"""What the agent can do to the platform, as data. The `body` or `patch` of each is what the API is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw


@dataclass(frozen=True, slots=True)
class CreateNamespace:
    body: Raw


@dataclass(frozen=True, slots=True)
class MarkNamespace:
    """A merge patch that says whether the environment has expired."""

    name: str
    patch: Raw


@dataclass(frozen=True, slots=True)
class DeleteNamespace:
    name: str


@dataclass(frozen=True, slots=True)
class CreateApplication:
    body: Raw


@dataclass(frozen=True, slots=True)
class ChangeApplication:
    """A merge patch that puts right what we own of it."""

    name: str
    patch: Raw


@dataclass(frozen=True, slots=True)
class DeleteApplication:
    name: str


Action = (
    CreateNamespace | MarkNamespace | DeleteNamespace | CreateApplication | ChangeApplication | DeleteApplication
)
