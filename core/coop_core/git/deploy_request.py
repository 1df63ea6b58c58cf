"""What a deploy commit is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.git.repository import COOP, Identity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coop_core.git.objects import Commit

LIFETIME_S = 7 * 24 * 3600.0
"""How long a personal environment stays after its last deploy commit, unless the user says otherwise."""


@dataclass(frozen=True, slots=True)
class DeployRequest:
    """One service's manifests for one environment, and where they come from.

    files: file name to canonical YAML; empty takes the service out of the environment.
    source_commit: the snapshot or commit that was built. reference: the commit it stands on, for Argo CD's UI;
    None on a branch without commits.
    """

    environment: str
    service: str
    files: Mapping[str, bytes]
    image: str
    source_commit: str
    reference: Commit | None = None
    source_url: str = ""
    author: Identity = COOP
    subject: str = ""
    """First line of the message; "" for "deploy <service> to <environment>"."""
    lifetime_s: float | None = LIFETIME_S
    """How long a personal environment stays if nothing is deployed to it any more; None for ever."""
