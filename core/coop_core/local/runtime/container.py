"""One container of a pod as all that handle it see it: what is wished for, what is known, and how it speaks.

No life of its own: `running.py` runs it, `caring.py` looks after it while it runs.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol

from coop_core.cluster import kinds, links
from coop_core.local.runtime import processes
from coop_core.local.runtime.environment import BadConfig, Given, variables
from coop_core.local.runtime.pod_status import ContainerState
from coop_core.local.runtime.probes import Subject

if TYPE_CHECKING:
    import signal
    from collections.abc import Sequence

    from coop_core.build.images import StagedImage
    from coop_core.cluster.kinds import Raw
    from coop_core.local.runtime.node import Node
    from coop_core.local.runtime.records import Instance, Record


class Pod(Protocol):
    """What a container, and whoever prepares the pod, ask of it."""

    node: Node
    body: Raw
    record: Record
    volumes: dict[str, str]
    """Variables with the directories of its volumes."""

    @property
    def uid(self) -> str: ...

    @property
    def runners(self) -> Sequence[Container]:
        """All containers, in the order in which they start."""

    def publish(self) -> None:
        """Writes the pod's status."""

    def keep_record(self) -> None:
        """Writes the pod's record."""

    def bind(self) -> None:
        """Gives containers whose port somebody else has taken another."""

    def port_for(self, container: str) -> int | None:
        """The loopback port given to a container, None when it does not listen."""

    def port_of(self, container: Raw, target: int | str) -> int | None:
        """The local port behind a port of this container's, by name or number."""


class Container:
    """wish: the container as the pod's spec has it. status: what the pod's status says of it, None if nothing."""

    def __init__(self, pod: Pod, wish: Raw, *, instance: Instance, status: Raw | None) -> None:
        self.pod = pod
        self.wish = wish
        self.name: str = wish["name"]
        self.instance = instance
        self.state = ContainerState.of(wish, status)
        self.image: StagedImage | None = None
        """Set before it starts."""

    @property
    def field_path(self) -> str:
        return f"spec.containers{{{self.name}}}"

    @property
    def process(self) -> processes.Identity | None:
        return self.instance.process

    def terminate(self, number: signal.Signals) -> bool:
        """Signals it and all it started; False when it is gone already."""
        process = self.instance.process
        return process is not None and processes.signal_group(process, number)

    # What it is given

    def environment(self) -> dict[str, str]:
        """Its variables; raises BadConfig when something they refer to is not there."""
        node = self.pod.node
        forced = {processes.POD_UID: self.pod.uid, processes.CONTAINER: self.name, "HOST": "127.0.0.1"}
        forced |= self.pod.volumes
        port = self.pod.port_for(self.name)
        if port is not None:
            forced["PORT"] = str(port)
        folder = self.image.bin_folder if self.image else None
        given = Given(str(folder) if folder else None, self._links(), forced)
        return variables(self.pod.body, self.wish, given, node.objects.find)

    def _links(self) -> dict[str, str]:
        """The variables of the Services that there are now."""
        node, body = self.pod.node, self.pod.body
        if body["spec"].get("enableServiceLinks") is False:
            return {}
        found: dict[str, str] = {}
        for service in node.objects.select(kinds.SERVICE, body["metadata"]["namespace"]):
            found |= links.variables(service, "127.0.0.1", node.services.ports(service))
        return found

    def folder(self) -> Path:
        """Where it runs; raises OSError when that is outside of its image."""
        assert self.image is not None, "the pod finds the image before it starts a container"
        inside = PurePosixPath("/" + (self.wish.get("workingDir") or ""))
        if ".." in inside.parts:
            raise OSError(f"workingDir {inside} leaves the image")
        return Path(self.image.root, *inside.parts[1:])

    def subject(self) -> Subject:
        """What probes and hooks need of this container."""
        try:
            env = self.environment()
        except BadConfig:
            env = {}  # its ConfigMap is gone since: only commands would have used it
        return Subject(lambda port: self.pod.port_of(self.wish, port), self.folder(), env)

    # What it says

    def note(self, reason: str, message: str) -> None:
        self.pod.node.recorder.normal(self.pod.body, reason, message, field_path=self.field_path)

    def warn(self, reason: str, message: str) -> None:
        self.pod.node.recorder.warning(self.pod.body, reason, message, field_path=self.field_path)

    def wait_with(self, reason: str, message: str) -> None:
        """From now on, its pod's status says that it waits, and why."""
        self.state.state = {"waiting": {"reason": reason, "message": message}}
        self.pod.publish()
