"""Which loopback port stands behind a containerPort of a pod; written by the runtime, read by all the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.cluster.labels import LOCAL_PORT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coop_core.cluster.kinds import Raw


def listening(pod_spec: Raw) -> Iterator[tuple[str, Raw]]:
    """The containers that listen, each with the annotation that carries its port.

    The first one's annotation is LOCAL_PORT itself, further ones add their name to it.
    """
    found = [one for one in pod_spec.get("containers") or [] if one.get("ports")]
    for index, container in enumerate(found):
        yield (LOCAL_PORT if index == 0 else f"{LOCAL_PORT}.{container['name']}"), container


def local_port(pod: Raw, target: int | str) -> int | None:
    """The port that `target` (a containerPort's number or name) means; None while it has none.

    The first containerPort of a container is where its program listens, on $PORT. Any other number is taken at its
    word: the program chose it itself.
    """
    annotations = pod["metadata"].get("annotations") or {}
    for annotation, container in listening(pod["spec"]):
        for index, port in enumerate(container["ports"]):
            if target not in (port.get("containerPort"), port.get("name")):
                continue
            if index:
                return int(port["containerPort"])
            given = annotations.get(annotation, "")
            return int(given) if given.isdigit() else None
    return target if isinstance(target, int) else None
