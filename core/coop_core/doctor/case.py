"""What is looked at: where the user stands, with which settings."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core import settings as user_settings
from coop_core.errors import CoopError
from coop_core.git import repository as repositories

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from coop_core.clock import Clock
    from coop_core.git.repository import Repository
    from coop_core.paths import Home
    from coop_core.settings import Settings


@dataclass(frozen=True, slots=True)
class Case:
    """folder: where the command runs. settings: the defaults when the user's own cannot be read."""

    home: Home
    folder: Path
    environ: Mapping[str, str]
    clock: Clock
    settings: Settings

    @classmethod
    def of(cls, home: Home, folder: Path, environ: Mapping[str, str], clock: Clock) -> Case:
        try:
            settings = user_settings.load(home)
        except CoopError:  # a check of its own tells it
            settings = user_settings.Settings()
        return cls(home, folder, environ, clock, settings)

    async def repository(self) -> Repository | None:
        """None where there is none; a check of its own tells why."""
        try:
            return await asyncio.to_thread(repositories.find, self.folder)
        except CoopError:
            return None

    @property
    def uses_dagger(self) -> bool:
        """What the settings say; else Dagger builds for a cluster, and coop itself for the local platform."""
        return (self.settings.builder or ("dagger" if self.settings.cluster else "local")) == "dagger"
