"""What a builder is asked for, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from coop_core.errors import CoopError

if TYPE_CHECKING:
    from collections.abc import Callable

    from coop_core.git.repository import Repository
    from coop_core.spec.service import ServiceSpec


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a build, ended. The name is printable and free of secrets."""

    name: str
    was_cached: bool
    took_ms: float
    has_failed: bool = False


@dataclass(frozen=True, slots=True)
class Pushing:
    """The image is made, and its way to a registry begins. A builder that pushes none never says so."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """The build cannot begin yet. reason: what it waits for, in words for the user."""

    reason: str


Progress = Waiting | Step | Pushing


def _nobody(progress: Progress) -> None:
    """It is told to nobody."""


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """commit: a snapshot, or any commit. prefix: the service's folder in it, "" for the root.

    progress: told what the build is at, on the event loop; the last steps may come after the build has ended.
    """

    repository: Repository
    commit: str
    prefix: str
    spec: ServiceSpec
    progress: Callable[[Progress], None] = _nobody


@dataclass(frozen=True, slots=True)
class Image:
    """reference: `<registry>/<name>@sha256:<64 hex>`. was_cached: nothing had to be built."""

    reference: str
    was_cached: bool


class BuildFailed(CoopError):
    """The program's own build said no. lines: the last that it printed, fit for a terminal."""

    def __init__(self, what: str, why: str, remedy: str, lines: tuple[str, ...] = ()) -> None:
        super().__init__(what, why, remedy)
        self.lines = lines


class Builder(Protocol):
    """Makes an image of a commit. The same content gives the same reference."""

    def prepare(self) -> None:
        """Begins in the background what the first build would wait for, and returns at once."""

    async def build(self, request: BuildRequest) -> Image:
        """Raises CoopError with what the build said when it failed. Cancelled, it ends promptly, and can go on."""

    async def close(self) -> None:
        """Ends what is kept open between builds, within seconds."""
