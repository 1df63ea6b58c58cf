"""What a builder is asked for, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from coop_core.git.repository import Repository
    from coop_core.spec.service import ServiceSpec


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """commit: a snapshot, or any commit. prefix: the service's folder in it, "" for the root."""

    repository: Repository
    commit: str
    prefix: str
    spec: ServiceSpec


@dataclass(frozen=True, slots=True)
class Image:
    """reference: `<registry>/<name>@sha256:<64 hex>`. was_cached: nothing had to be built."""

    reference: str
    was_cached: bool


class Builder(Protocol):
    """Makes an image of a commit. The same content gives the same reference."""

    async def build(self, request: BuildRequest) -> Image:
        """Raises CoopError with what the build said when it failed."""
