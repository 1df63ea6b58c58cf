"""Where coop keeps things: the XDG folders, and what lies in them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Home:
    """coop's three folders. State is precious, cache can be deleted at any time, config belongs to the user."""

    config: Path
    state: Path
    cache: Path

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Home:
        """The XDG folders; a relative XDG variable is ignored, as its specification says."""
        env = os.environ if environ is None else environ
        user = Path(env.get("HOME") or Path.home())

        def folder(variable: str, default: str) -> Path:
            value = env.get(variable, "")
            return (Path(value) if value.startswith("/") else user / default) / "coop"

        return cls(
            config=folder("XDG_CONFIG_HOME", ".config"),
            state=folder("XDG_STATE_HOME", ".local/state"),
            cache=folder("XDG_CACHE_HOME", ".cache"),
        )

    @classmethod
    def under(cls, folder: Path) -> Home:
        """All three below one folder, for a platform that leaves nothing behind."""
        return cls(
            config=folder / "config" / "coop", state=folder / "state" / "coop", cache=folder / "cache" / "coop"
        )

    @property
    def settings_file(self) -> Path:
        return self.config / "settings.toml"

    @property
    def platform(self) -> Path:
        """State of the local platform: its objects, keys, tokens, logs and local Git remotes. Mode 0700."""
        return self.state / "platform"

    @property
    def images(self) -> Path:
        """What the local builder built, by digest."""
        return self.cache / "images"

    @property
    def language_environments(self) -> Path:
        """Installed dependencies, by the digest of what asked for them."""
        return self.cache / "environments"

    @property
    def staging(self) -> Path:
        """Services' files as the dagger builder uploads them."""
        return self.cache / "staging"

    def devloop(self, environment: str, service: str) -> Path:
        """Lock and event log of the dev loop of one service in one environment."""
        return self.state / "devloop" / f"{environment}-{service}"

    def environ(self) -> dict[str, str]:
        """The variables that make another coop process use this home."""
        return {
            "XDG_CONFIG_HOME": str(self.config.parent),
            "XDG_STATE_HOME": str(self.state.parent),
            "XDG_CACHE_HOME": str(self.cache.parent),
        }
