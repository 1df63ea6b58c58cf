"""One container of a pod: started, watched, restarted with growing pauses, ended.

Owns the container's process. The pod (`pods.py`) owns the order of containers, the record and the status.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol

from coop_core.clock import rfc3339
from coop_core.local.runtime import lifecycle, processes
from coop_core.local.runtime.environment import BadConfig, Given, command, variables
from coop_core.local.runtime.exits import ExitFile
from coop_core.local.runtime.health_watch import HealthWatch
from coop_core.local.runtime.pod_status import ContainerState, terminated
from coop_core.local.runtime.probes import Subject
from coop_core.local.runtime.waiting import Running

if TYPE_CHECKING:
    from coop_core.build.images import StagedImage
    from coop_core.cluster.kinds import Raw
    from coop_core.local.runtime.node import Node
    from coop_core.local.runtime.records import Instance

log = logging.getLogger("coop.runtime")

FIRST_PAUSE_S = 10.0
LAST_PAUSE_S = 300.0
FORGIVEN_AFTER_S = 600.0
"""A run this long makes the next restart immediate again."""
CONFIG_PAUSE_S = 2.0
"""Until a missing ConfigMap or Secret is looked for again."""
NOT_STARTED = ("ContainerCreating", "PodInitializing")
"""Reasons of a container that waits for its first run."""
YOUNG_S = 1.0
TROUBLE_AFTER_S = 1.0
"""A container that is not ready gives its reason after this long: a normal start needs no word, and no write."""


class Pod(Protocol):
    """What a container asks of its pod."""

    node: Node
    body: Raw
    volumes: dict[str, str]
    """Variables with the directories of its volumes."""

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


class ContainerRunner:
    """restart_policy: of this container; Always, OnFailure or Never."""

    def __init__(
        self, pod: Pod, container: Raw, *, instance: Instance, status: Raw | None, restart_policy: str
    ) -> None:
        self._pod = pod
        self.container = container
        self.name: str = container["name"]
        self.instance = instance
        self.state = ContainerState.of(container, status)
        self.image: StagedImage | None = None
        self._policy = restart_policy
        self._running: Running | None = None
        self._began_s = time.monotonic()
        self._killing: asyncio.Task[None] | None = None
        self.has_started = asyncio.Event()
        """Set once its startup probe has succeeded, or it runs and has none."""

    async def run(self) -> int | None:
        """Runs it for as long as its restart policy says; returns its last exit code."""
        self._recall()
        if self._is_finished():
            return self.state.exit_code
        pause_s = min(LAST_PAUSE_S, FIRST_PAUSE_S * 2 ** (self.state.restarts - 1)) if self.state.restarts else 0.0
        was_running = self._adopt()
        while True:
            if not was_running:
                await self._start()
            if self._running is not None:
                code = await self._watch(self._running, is_adopted=was_running)
                self._note_end(code)
            if self._is_finished():
                self._pod.node.logs.end(self._uid, self.name)
                self._pod.publish()
                return self.state.exit_code
            if time.monotonic() - self._began_s >= FORGIVEN_AFTER_S:
                pause_s = 0.0
            await self._pause(pause_s)
            pause_s = min(LAST_PAUSE_S, max(FIRST_PAUSE_S, 2 * pause_s))
            self.state.restarts += 1
            self.instance.restarts = self.state.restarts
            was_running = False

    @property
    def is_young(self) -> bool:
        """Whether it began a moment ago, inside a shell that may not have started it yet."""
        return self._exit_file is not None and time.monotonic() - self._began_s < YOUNG_S

    @property
    def process(self) -> processes.Identity | None:
        return self.instance.process

    def terminate(self, number: signal.Signals) -> bool:
        """Signals it and all it started; False when it is gone already."""
        process = self.instance.process
        return process is not None and processes.signal_group(process, number)

    async def ended(self) -> None:
        """Returns once its process is gone, and has noted how it ended."""
        process = self.instance.process
        running = self._running or (self._found(process) if process else None)
        if running is not None:
            self._note_end(await running.ended())

    # Starting

    @property
    def _exit_file(self) -> ExitFile | None:
        """None for a program that is to run for ever: how it ended decides nothing."""
        if self._policy == "Always":
            return None
        return ExitFile(self._pod.node.folder / self._uid, self.name, self.instance.number)

    def _found(self, process: processes.Identity) -> Running:
        return Running(process, owner=(self._uid, self.name), exit_file=self._exit_file)

    def _recall(self) -> None:
        """Notes an end that a crash, or a stop of the platform, kept from the pod's status."""
        instance, waiting = self.instance, self.state.state.get("waiting") or {}
        if not instance.number or instance.pid or instance.is_starting or self._exit_file is None:
            return
        code = self._exit_file.read() if instance.exit_code is None else instance.exit_code
        is_told = "terminated" in self.state.state or waiting.get("reason") not in (None, *NOT_STARTED)
        is_cut_short = instance.is_stopped and self._policy == "OnFailure"
        if code == 0 or not (is_told or is_cut_short):
            self._note_end(code)

    def _adopt(self) -> bool:
        """Takes over a process that an earlier platform started; whether there is one."""
        if self.instance.pid == 0:
            if self.instance.number and not self.instance.is_stopped:
                self.state.restarts += 1
                self.instance.restarts = self.state.restarts
            return False
        process = self.instance.process
        assert process is not None
        if self._running is None or self._running.identity != process:
            self._running = self._found(process)
        self.state.container_id = _container_id(self.instance)
        self._pod.node.logs.open(self._uid, self.name, self.instance.number)
        if "running" not in self.state.state:
            self.state.is_ready = self.state.is_started = False
            self.state.state = {"running": {"startedAt": rfc3339(self.instance.started_s)}}
        return True

    async def _start(self) -> None:
        if self.instance.number:
            self._pod.bind()
        env, argv = await self._configured()
        self._began_s = time.monotonic()
        instance = self.instance
        instance.number += 1
        instance.pid, instance.began, instance.is_starting, instance.is_stopped = 0, "", True, False
        instance.started_s, instance.exit_code, instance.is_greeted = self._now_s(), None, False
        self._pod.keep_record()
        log = self._pod.node.logs.open(self._uid, self.name, instance.number)
        try:
            kept = self._exit_file
            line = kept.around(argv, env) if kept else argv
            pid = processes.spawn(processes.Command(line, self._cwd(), env, log.path))
        except (OSError, ValueError) as error:
            self._note_no_start(argv, error)
            return
        identity = processes.identify(pid)
        assert identity is not None, "a child that was not waited for has a pid"
        self._running = Running(identity, exit_file=kept)
        instance.pid, instance.began, instance.is_starting = pid, identity.began, False
        self._pod.keep_record()
        self._note_start()

    async def _configured(self) -> tuple[dict[str, str], list[str]]:
        """Environment and command line, once all that they refer to is there."""
        while True:
            try:
                env = self._environment()
                return env, command(self.container, env, self.image.command if self.image else ())
            except BadConfig as bad:
                self._wait_with("CreateContainerConfigError", str(bad))
                self._tell("Failed", f"Error: {bad}")
                await asyncio.sleep(CONFIG_PAUSE_S)

    def _environment(self) -> dict[str, str]:
        node = self._pod.node
        forced = {processes.POD_UID: self._uid, processes.CONTAINER: self.name, "HOST": "127.0.0.1"}
        forced |= self._pod.volumes
        port = self._pod.port_for(self.name)
        if port is not None:
            forced["PORT"] = str(port)
        folder = self.image.bin_folder if self.image else None
        given = Given(str(folder) if folder else None, forced)
        return variables(self._pod.body, self.container, given, node.objects.find)

    def _cwd(self) -> Path:
        assert self.image is not None, "the pod finds the image before it starts a container"
        inside = PurePosixPath("/" + (self.container.get("workingDir") or ""))
        if ".." in inside.parts:
            raise OSError(f"workingDir {inside} leaves the image")
        return Path(self.image.root, *inside.parts[1:])

    def _note_start(self) -> None:
        state = self.state
        if "terminated" in state.state:
            state.last = state.state
        state.container_id = _container_id(self.instance)
        state.state = {"running": {"startedAt": rfc3339(self.instance.started_s)}}
        state.is_ready = state.is_started = False
        state.trouble = ""
        if not self.container.get("startupProbe") and not lifecycle.handler(self.container, "postStart"):
            state.is_started = True
            state.is_ready = not self.container.get("readinessProbe")
        self._pod.publish()
        self._note("Created", f"Created container: {self.name}")
        self._note("Started", f"Started container {self.name}")

    def _note_no_start(self, argv: list[str], error: Exception) -> None:
        why = getattr(error, "strerror", None) or str(error)
        message = f"cannot start {argv[0]}: {why}"
        now_s = self._now_s()
        self.state.state = terminated(128, container_id="", started_s=now_s, finished_s=now_s, message=message)
        self.state.state["terminated"]["reason"] = "StartError"
        self.instance.is_starting = False
        self._pod.keep_record()
        self._pod.publish()
        self._tell("Failed", f"Error: {message}")

    # Running

    async def _watch(self, running: Running, *, is_adopted: bool) -> int | None:
        health = asyncio.create_task(self._keep_well(is_adopted=is_adopted), name=f"probes of {self.name}")
        try:
            return await running.ended()
        finally:
            for task in filter(None, (health, self._killing)):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            self._killing = None

    async def _keep_well(self, *, is_adopted: bool) -> None:
        was_ready = is_adopted and self.state.is_ready
        try:
            if not await self._greet():
                return
            await HealthWatch(self.container, self.subject(), self, is_adopted=was_ready).run()
        except Exception:  # the worker's door: a probe that breaks must not take the running program along
            log.exception("probes of container %s in pod %s", self.name, self._pod.body["metadata"]["name"])

    def subject(self) -> Subject:
        """What probes and hooks need of this container."""
        try:
            env = self._environment()
        except BadConfig:
            env = {}  # its ConfigMap is gone since: only commands would have used it
        return Subject(lambda port: self._pod.port_of(self.container, port), self._cwd(), env)

    async def _greet(self) -> bool:
        """Does what is to be done after the start; False when that failed, and the container has to end."""
        what = lifecycle.handler(self.container, "postStart")
        if what is None or self.instance.is_greeted:
            return True
        trouble = await lifecycle.perform(what, self.subject())
        if trouble is not None:
            self._tell("FailedPostStartHook", f"PostStartHook failed: {trouble}")
            self.failed(self.name, "FailedPostStartHook")
            return False
        self.instance.is_greeted = True
        self._pod.keep_record()
        return True

    async def take_leave(self) -> None:
        """Does what is to be done before the end."""
        what = lifecycle.handler(self.container, "preStop")
        if what is None or self.instance.process is None:
            return
        trouble = await lifecycle.perform(what, self.subject())
        if trouble is not None:
            self._tell("FailedPreStopHook", f"PreStopHook failed: {trouble}")

    def started(self, container: str) -> None:
        is_news = not self.state.is_started
        self.state.is_started = True
        self.has_started.set()
        if is_news and self.container.get("readinessProbe"):
            self._pod.publish()  # without one, it is ready at once, and this is told along with it

    def readiness(self, container: str, ready: bool, trouble: str) -> None:
        is_news = ready != self.state.is_ready
        if trouble and trouble != self.state.trouble and time.monotonic() - self._began_s >= TROUBLE_AFTER_S:
            is_news = True
        if is_news:
            self.state.is_ready, self.state.trouble = ready, trouble
            self._pod.publish()

    def unwell(self, container: str, trouble: str) -> None:
        self._tell("Unhealthy", trouble)

    def failed(self, container: str, trouble: str) -> None:
        self._note("Killing", f"Container {self.name} will be restarted: {trouble}")
        self._killing = asyncio.create_task(self._kill(), name=f"kill {self.name}")

    async def _kill(self) -> None:
        wished = self._pod.body["spec"].get("terminationGracePeriodSeconds")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(30 if wished is None else wished):
                await self.take_leave()
                self.terminate(signal.SIGTERM)
                await asyncio.Event().wait()  # the end of the process ends this
        self.terminate(signal.SIGKILL)

    # Ending

    def _note_end(self, code: int | None) -> None:
        started_s = self.instance.started_s
        self.state.state = terminated(
            code,
            container_id=self.state.container_id,
            started_s=started_s,
            finished_s=self._now_s(),
            message=self._pod.node.logs.last_words(self._uid, self.name) if code else "",
        )
        self.state.is_ready = self.state.is_started = False
        self.state.trouble = f"container {self.name} ended with exit code {self.state.exit_code}"
        self._running = None
        self.instance.pid, self.instance.exit_code = 0, self.state.exit_code
        self._pod.keep_record()

    async def _pause(self, pause_s: float) -> None:
        """Waits before a restart; the first is immediate."""
        if not pause_s:
            return
        metadata = self._pod.body["metadata"]
        where = f"{self.name} in pod {metadata['name']}_{metadata['namespace']}({metadata['uid']})"
        if "terminated" in self.state.state:
            self.state.last = self.state.state
        self._wait_with("CrashLoopBackOff", f"back-off {pause_s:g}s restarting failed container={where}")
        self._tell("BackOff", f"Back-off restarting failed container {where}")
        await asyncio.sleep(pause_s)

    def _is_finished(self) -> bool:
        code = self.state.exit_code
        if code is None or self._running is not None:
            return False
        self.state.is_over = self._policy == "Never" or (self._policy == "OnFailure" and code == 0)
        return self.state.is_over

    def _wait_with(self, reason: str, message: str) -> None:
        self.state.state = {"waiting": {"reason": reason, "message": message}}
        self._pod.publish()

    def _note(self, reason: str, message: str) -> None:
        self._pod.node.recorder.normal(self._pod.body, reason, message, field_path=self.field_path)

    def _tell(self, reason: str, message: str) -> None:
        self._pod.node.recorder.warning(self._pod.body, reason, message, field_path=self.field_path)

    @property
    def field_path(self) -> str:
        return f"spec.containers{{{self.name}}}"

    @property
    def _uid(self) -> str:
        return str(self._pod.body["metadata"]["uid"])

    def _now_s(self) -> float:
        return self._pod.node.objects.clock.now_s()


def _container_id(instance: Instance) -> str:
    return f"coop://{instance.pid}-{int(instance.started_s * 1000)}"
