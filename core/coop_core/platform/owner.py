"""Whose personal environment it is: every command asks here, so that all of them mean the same one.

The settings name the user; else a local platform keeps the one that it had, since all that runs on it would seem
gone under another name; else Git's identity does. A platform that runs serves its own user until it starts anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.git.repository import user_slug
from coop_core.platform import record as records

if TYPE_CHECKING:
    from pathlib import Path

    from coop_core.paths import Home
    from coop_core.settings import Settings


def user(home: Home, settings: Settings, folder: Path) -> str:
    """The user as a DNS label. folder: where git looks for an identity; it need not lie in a repository.

    Raises CoopError when nothing names the user.
    """
    if settings.cluster is None:
        last = records.read(home.platform) if not settings.user else records.living(home.platform)
        if last is not None:
            return last.user
    return wanted(settings, folder)


def wanted(settings: Settings, folder: Path) -> str:
    """The user as a platform that never ran before would have it: what the settings say, else Git's identity."""
    return user_slug(folder, settings.user or "")
