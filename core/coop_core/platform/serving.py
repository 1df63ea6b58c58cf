"""The local platform, wired: API server, controllers, process runtime, router, proxy and agent in one process.

Agent and proxy reach the API over HTTPS with a kubeconfig, exactly as they do on a cluster.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import signal
import sys
import time
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

from coop_core.agent.agent import Agent
from coop_core.build.images import ImageStore
from coop_core.clock import SystemClock
from coop_core.git.mirror import Mirror
from coop_core.kube.client import KubeClient
from coop_core.kube.configuration import from_kubeconfig
from coop_core.local import tls
from coop_core.local.api.server import ApiServer
from coop_core.local.controllers.wiring import Controllers
from coop_core.local.objects import Objects
from coop_core.local.router.server import Router
from coop_core.local.runtime import processes
from coop_core.local.runtime.runtime import Runtime
from coop_core.local.store import Store
from coop_core.local.tokens import MASTERS, PROXIES, PROXY_AUDIENCE, Identity, Tokens
from coop_core.local.watchdog import Watchdog
from coop_core.platform import bootstrap, kubeconfigs, remotes
from coop_core.platform import record as records
from coop_core.platform.control import PODS
from coop_core.platform.housekeeping import keep_house
from coop_core.platform.supervising import supervised
from coop_core.proxy.server import ProxyServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from coop_core.paths import Home
    from coop_core.platform.record import Record

logger = logging.getLogger("coop.platform")


LOCK_LIMIT_S = 1.0
"""Others hold the lock for a moment to see whether a platform has it."""


class Second(Exception):
    """Another platform has this home."""


@dataclass(frozen=True, slots=True)
class Options:
    """port: of the HTTP router, 0 for any. user: whose personal environment and token there are."""

    port: int
    user: str
    until_stdin_closes: bool = False


async def serve(home: Home, options: Options, ready: Callable[[Record], None]) -> None:
    """Runs the platform until it is told to stop. `ready` is called once everything listens.

    Raises Second when there is a platform already.
    """
    home.platform.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _lock(home):
        async with AsyncExitStack() as stack:
            stopping = _stop_signal(watch_stdin=options.until_stdin_closes)
            record = await _start(home, options, stack)
            records.write(home.platform, record)
            ready(record)
            logger.info("ready: http://127.0.0.1:%d", record.http_port)
            await stopping.wait()
            logger.info("stopping")


async def _start(home: Home, options: Options, stack: AsyncExitStack) -> Record:
    """Starts every part; what was started is closed in reverse order when `stack` unwinds."""
    folder, clock = home.platform, SystemClock()
    previous = records.read(folder)
    certificate, tokens = tls.ensure(folder / "tls"), Tokens.ensure(folder)
    store = Store(folder / "objects.db")
    stack.callback(store.close)
    objects = Objects(store, clock)
    stack.callback(objects.close)
    bootstrap.ensure(objects)
    mirror = Mirror(home.cache / "mirror")

    router = Router(objects)
    await router.start(options.port)
    stack.push_async_callback(router.close)
    images = ImageStore(home.images, home.language_environments)
    runtime = Runtime(objects, images, folder=folder / PODS, router=router)
    watchdog = Watchdog(folder / PODS, records.lock_file(folder))
    watchdog.start()
    stack.push_async_callback(watchdog.close)
    api = ApiServer(objects, tokens=tokens, certificate=certificate, logs=runtime)
    await _listen(api, previous.api_port if previous else 0)
    stack.push_async_callback(api.close)
    controllers = Controllers(objects, mirror, runtime)
    stack.push_async_callback(controllers.close)
    await controllers.start()

    server = f"https://127.0.0.1:{api.port}"
    admin = _kubeconfig(home, "agent.kubeconfig", server, Identity("coop-agent", (MASTERS,)), tokens)
    reader = _kubeconfig(home, "proxy.kubeconfig", server, Identity("coop-proxy", (PROXIES,)), tokens)
    proxy = ProxyServer(
        await from_kubeconfig(reader, None), clock=clock, tls=certificate.server_context(), audience=PROXY_AUDIENCE
    )
    await _listen(proxy, previous.proxy_port if previous else 0)
    stack.push_async_callback(proxy.close)
    developer = Identity(options.user, ("coop:developers",), (PROXY_AUDIENCE,))
    _kubeconfig(home, "kubeconfig", f"https://127.0.0.1:{proxy.port}", developer, tokens)

    client = KubeClient(await from_kubeconfig(admin, None))
    stack.push_async_callback(client.close)
    remotes.ensure(home)
    for name, run in {
        "agent": lambda: Agent(client, mirror, remotes.config_file(home), clock).run(),
        "housekeeper": lambda: keep_house(objects, images),
    }.items():
        stack.push_async_callback(_cancel, asyncio.create_task(supervised(name, run)))
    process = processes.identify(os.getpid())
    assert process is not None, "we run"
    return records.Record(
        pid=process.pid,
        began=process.began,
        started_s=clock.now_s(),
        user=options.user,
        api_port=api.port,
        proxy_port=proxy.port,
        http_port=router.port,
        version=version("coop"),
    )


def _kubeconfig(home: Home, name: str, server: str, identity: Identity, tokens: Tokens) -> Path:
    """Writes the kubeconfig with which `identity` talks to `server`."""
    path = home.platform / name
    content = kubeconfigs.text(
        server=server,
        ca=(home.platform / "tls" / "ca.crt").read_bytes(),
        token=tokens.token_for(identity),
        user=identity.user,
        namespace=f"dev-{identity.user}",
    )
    kubeconfigs.write(path, content)
    return path


async def _listen(server: ApiServer | ProxyServer, wanted: int) -> None:
    """On the port it had before, so that kubeconfigs stay true; on a free one when somebody took that."""
    try:
        await server.start(port=wanted)
    except OSError:
        await server.start()


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


@contextmanager
def _lock(home: Home) -> Iterator[None]:
    with records.lock_file(home.platform).open("a") as file:
        deadline_s = time.monotonic() + LOCK_LIMIT_S
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline_s:
                    raise Second from None
                time.sleep(0.02)
        yield


def _stop_signal(*, watch_stdin: bool) -> asyncio.Event:
    """Set by SIGTERM, by SIGINT and, if asked for, by the end of standard input."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if watch_stdin:
        fd = sys.stdin.fileno()

        def readable() -> None:
            if not os.read(fd, 1024):
                loop.remove_reader(fd)
                stop.set()

        loop.add_reader(fd, readable)
    return stop
