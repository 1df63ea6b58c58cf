"""The life of one container of a pod: started, watched, restarted with growing pauses, ended.

Owns the container's process. The pod (`pods.py`) owns the order of containers, the record and the status.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from coop_core.clock import rfc3339
from coop_core.local.runtime import lifecycle, processes
from coop_core.local.runtime.caring import Care
from coop_core.local.runtime.container import Container
from coop_core.local.runtime.environment import BadConfig, command
from coop_core.local.runtime.exits import ExitFile
from coop_core.local.runtime.pod_status import terminated
from coop_core.local.runtime.waiting import Running

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw
    from coop_core.local.runtime.container import Pod
    from coop_core.local.runtime.records import Instance

FIRST_PAUSE_S = 10.0
LAST_PAUSE_S = 300.0
FORGIVEN_AFTER_S = 600.0
"""A run this long makes the next restart immediate again."""
CONFIG_PAUSE_S = 2.0
"""Until a missing ConfigMap or Secret is looked for again."""
NOT_STARTED = ("ContainerCreating", "PodInitializing")
"""Reasons of a container that waits for its first run."""
YOUNG_S = 1.0


class ContainerRunner(Container):
    """restart_policy: of this container; Always, OnFailure or Never."""

    def __init__(self, pod: Pod, wish: Raw, *, instance: Instance, status: Raw | None, restart_policy: str) -> None:
        super().__init__(pod, wish, instance=instance, status=status)
        self.care = Care(self)
        self._policy = restart_policy
        self._running: Running | None = None
        self._began_s = time.monotonic()

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
                self.pod.node.logs.end(self.pod.uid, self.name)
                self.pod.publish()
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
        return ExitFile(self.pod.node.folder / self.pod.uid, self.name, self.instance.number)

    def _found(self, process: processes.Identity) -> Running:
        return Running(process, owner=(self.pod.uid, self.name), is_child=False, exit_file=self._exit_file)

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
        self.pod.node.logs.open(self.pod.uid, self.name, self.instance.number)
        if "running" not in self.state.state:
            self.state.is_ready = self.state.is_started = False
            self.state.state = {"running": {"startedAt": rfc3339(self.instance.started_s)}}
        return True

    async def _start(self) -> None:
        if self.instance.number:
            self.pod.bind()
        env, argv = await self._configured()
        self._began_s = time.monotonic()
        instance = self.instance
        instance.number += 1
        instance.pid, instance.began, instance.is_starting, instance.is_stopped = 0, "", True, False
        instance.started_s, instance.exit_code, instance.is_greeted = self._now_s(), None, False
        self.pod.keep_record()
        log = self.pod.node.logs.open(self.pod.uid, self.name, instance.number)
        try:
            kept = self._exit_file
            line = kept.around(argv, env) if kept else argv
            pid = processes.spawn(processes.Command(line, self.folder(), env, log.path))
        except (OSError, ValueError) as error:
            self._note_no_start(argv, error)
            return
        identity = processes.identify(pid)
        assert identity is not None, "a child that was not waited for has a pid"
        self._running = Running(identity, owner=(self.pod.uid, self.name), is_child=True, exit_file=kept)
        instance.pid, instance.began, instance.is_starting = pid, identity.began, False
        self.pod.keep_record()
        self._note_start()

    async def _configured(self) -> tuple[dict[str, str], list[str]]:
        """Environment and command line, once all that they refer to is there."""
        while True:
            try:
                env = self.environment()
                return env, command(self.wish, env, self.image.command if self.image else ())
            except BadConfig as bad:
                self.wait_with("CreateContainerConfigError", str(bad))
                self.warn("Failed", f"Error: {bad}")
                await asyncio.sleep(CONFIG_PAUSE_S)

    def _note_start(self) -> None:
        state = self.state
        if "terminated" in state.state:
            state.last = state.state
        state.container_id = _container_id(self.instance)
        state.state = {"running": {"startedAt": rfc3339(self.instance.started_s)}}
        state.is_ready = state.is_started = False
        state.trouble = ""
        if not self.wish.get("startupProbe") and not lifecycle.handler(self.wish, "postStart"):
            state.is_started = True
            state.is_ready = not self.wish.get("readinessProbe")
        self.pod.publish()
        self.note("Created", f"Created container: {self.name}")
        self.note("Started", f"Started container {self.name}")

    def _note_no_start(self, argv: list[str], error: Exception) -> None:
        why = getattr(error, "strerror", None) or str(error)
        message = f"cannot start {argv[0]}: {why}"
        now_s = self._now_s()
        self.state.state = terminated(128, container_id="", started_s=now_s, finished_s=now_s, message=message)
        self.state.state["terminated"]["reason"] = "StartError"
        self.instance.is_starting = False
        self.pod.keep_record()
        self.pod.publish()
        self.warn("Failed", f"Error: {message}")

    # Running

    async def _watch(self, running: Running, *, is_adopted: bool) -> int | None:
        async with self.care.during_a_run(is_adopted=is_adopted):
            return await running.ended()

    # Ending

    def _note_end(self, code: int | None) -> None:
        started_s = self.instance.started_s
        self.state.state = terminated(
            code,
            container_id=self.state.container_id,
            started_s=started_s,
            finished_s=self._now_s(),
            message=self.pod.node.logs.last_words(self.pod.uid, self.name) if code else "",
        )
        self.state.is_ready = self.state.is_started = False
        self.state.trouble = f"container {self.name} ended with exit code {self.state.exit_code}"
        self._running = None
        self.instance.pid, self.instance.exit_code = 0, self.state.exit_code
        self.pod.keep_record()

    async def _pause(self, pause_s: float) -> None:
        """Waits before a restart; the first is immediate."""
        if not pause_s:
            return
        metadata = self.pod.body["metadata"]
        where = f"{self.name} in pod {metadata['name']}_{metadata['namespace']}({metadata['uid']})"
        if "terminated" in self.state.state:
            self.state.last = self.state.state
        self.wait_with("CrashLoopBackOff", f"back-off {pause_s:g}s restarting failed container={where}")
        self.warn("BackOff", f"Back-off restarting failed container {where}")
        await asyncio.sleep(pause_s)

    def _is_finished(self) -> bool:
        code = self.state.exit_code
        if code is None or self._running is not None:
            return False
        self.state.is_over = self._policy == "Never" or (self._policy == "OnFailure" and code == 0)
        return self.state.is_over

    def _now_s(self) -> float:
        return self.pod.node.objects.clock.now_s()


def _container_id(instance: Instance) -> str:
    return f"coop://{instance.pid}-{int(instance.started_s * 1000)}"
