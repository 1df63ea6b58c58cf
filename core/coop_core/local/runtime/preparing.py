"""What a pod gets before its programs start: node, ports, images, volumes. Waits for what is not there yet."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from coop_core.build.images import NotThere
from coop_core.cluster import kinds
from coop_core.local import ports
from coop_core.local.free_ports import is_free
from coop_core.local.objects import NotFound
from coop_core.local.runtime import node as nodes
from coop_core.local.runtime import processes, volumes
from coop_core.local.runtime.environment import BadConfig
from coop_core.local.runtime.running import CONFIG_PAUSE_S, FIRST_PAUSE_S, LAST_PAUSE_S

if TYPE_CHECKING:
    from coop_core.local.runtime.container import Container, Pod

ONLY_LOCAL = (
    "the local platform runs images of the local builder only: deploy with `coop dev`, or use a cluster for others"
)

LOOK_S = 0.5
"""How often an image that is not here is looked for: a look opens one file."""


def bind(pod: Pod) -> None:
    """Gives the pod its node and its ports, which is all the scheduling there is."""
    metadata, spec = pod.body["metadata"], pod.body["spec"]
    annotations = dict(metadata.get("annotations") or {})
    for annotation, container in ports.listening(spec):
        annotations[annotation] = str(_port(pod, container["name"]))
    is_new = not spec.get("nodeName")
    changed = {
        **pod.body,
        "metadata": {**metadata, "annotations": annotations},
        "spec": {**spec, "nodeName": nodes.NAME},
    }
    changed["metadata"].pop("resourceVersion", None)
    with contextlib.suppress(NotFound):
        pod.body = pod.node.objects.update(kinds.POD, changed)
    if is_new:
        _warn_of_volumes(pod)
        where = f"{metadata['namespace']}/{metadata['name']}"
        message = f"Successfully assigned {where} to {nodes.NAME}"
        pod.node.recorder.normal(pod.body, "Scheduled", message)


def _port(pod: Pod, container: str) -> int:
    """The port it has, if it may keep it: its own process uses it, or nobody does."""
    known = pod.record.ports.get(container)
    process = pod.record.instance(container).process
    if known is not None and ((process and processes.is_alive(process)) or is_free(known)):
        pod.node.ports.keep(known)
    else:
        if known is not None:
            pod.node.ports.give_back(known)
        known = pod.node.ports.take()
        pod.record.ports[container] = known
    pod.node.traffic.reopen(known)
    return known


async def find_images(pod: Pod) -> None:
    """Returns once the images of all containers are there."""
    pause_s = FIRST_PAUSE_S
    while True:
        troubles = [runner for runner in pod.runners if not _find_image(pod, runner)]
        if not troubles:
            return
        pod.publish()
        if await _come(pod, troubles, pause_s):
            continue
        for runner in troubles:
            text = f'Back-off pulling image "{runner.state.image}"'
            message = runner.state.state["waiting"]["message"]
            runner.state.state = {"waiting": {"reason": "ImagePullBackOff", "message": f"{text}: {message}"}}
            pod.node.recorder.normal(pod.body, "BackOff", text, field_path=runner.field_path)
        pod.publish()
        pause_s = min(LAST_PAUSE_S, pause_s * 2)


async def _come(pod: Pod, lacking: list[Container], pause_s: float) -> bool:
    """Whether the images that containers lack came before `pause_s` was over: a build may make them any moment."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(pause_s):
            while not all(_is_here(pod, runner) for runner in lacking):
                await asyncio.sleep(LOOK_S)
            return True
    return False


def _is_here(pod: Pod, runner: Container) -> bool:
    with contextlib.suppress(NotThere):
        return bool(pod.node.images.locate(runner.state.image))
    return False


def _find_image(pod: Pod, runner: Container) -> bool:
    reference = runner.state.image
    try:
        runner.image = pod.node.images.locate(reference)
    except NotThere as error:
        message = f"{error}; {ONLY_LOCAL}"
        if "message" not in (runner.state.state.get("waiting") or {}):
            runner.state.state = {"waiting": {"reason": "ErrImagePull", "message": message}}
        text = f'Failed to pull image "{reference}": {message}'
        pod.node.recorder.warning(pod.body, "Failed", text, field_path=runner.field_path)
        return False
    runner.state.image_id = reference
    if not runner.instance.number:
        text = f'Container image "{reference}" already present on machine'
        pod.node.recorder.normal(pod.body, "Pulled", text, field_path=runner.field_path)
    return True


async def lay_out_volumes(pod: Pod) -> None:
    """Returns once the content of all volumes is there."""
    folder = pod.node.folder / pod.uid
    while True:
        try:
            pod.volumes = volumes.lay_out(pod.body, folder, pod.node.objects.find)
            return
        except (BadConfig, OSError) as trouble:
            pod.node.recorder.warning(pod.body, "FailedMount", f"MountVolume.SetUp failed: {trouble}")
            pod.publish()
            await asyncio.sleep(CONFIG_PAUSE_S)


def _warn_of_volumes(pod: Pod) -> None:
    for name, (volume, paths) in sorted(volumes.mounted(pod.body["spec"]).items()):
        where = ", ".join(sorted(set(paths)))
        if volumes.is_supported(volume):
            text, reason = f"its directory is in ${volumes.variable(name)}", "MountedElsewhere"
        elif volumes.is_in_place(volume, paths):
            continue
        else:
            text, reason = "this kind of volume is not to be had here", "FailedMount"
        message = f'volume "{name}" is not at {where}: the local platform runs programs on this machine\'s files'
        pod.node.recorder.warning(pod.body, reason, f"{message}; {text}")
