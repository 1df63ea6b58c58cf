"""What all pods of this machine share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from coop_core.build.images import StagedImage
    from coop_core.local.controllers.events import Recorder
    from coop_core.local.free_ports import FreePorts
    from coop_core.local.objects import Objects
    from coop_core.local.router.services import ServicePorts
    from coop_core.local.router.traffic import Traffic
    from coop_core.local.runtime.pod_logs import LogKeeper

NAME = "local"
"""The one node there is; `spec.nodeName` of every pod."""


class Images(Protocol):
    """Where built images lie."""

    def locate(self, reference: str) -> StagedImage:
        """The image's folder. Raises NotThere when it cannot be started here."""


@dataclass(frozen=True, slots=True)
class Node:
    """folder: of pod records and logs."""

    objects: Objects
    images: Images
    folder: Path
    logs: LogKeeper
    ports: FreePorts
    traffic: Traffic
    services: ServicePorts
    recorder: Recorder
