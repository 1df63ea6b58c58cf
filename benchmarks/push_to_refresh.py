"""From a push that was acknowledged to the refresh that the agent asks for, among many repositories over HTTP.

One agent watches 200 bare repositories, served by `git http-backend` on loopback in a process of its own; a local
API server takes the refreshes. Pushes go to one repository after the other, at random moments, twice to each: first
as if nothing had happened in it for long, so that it is looked at less often; then as by somebody who develops.
`--repositories` and `--pushes` change the numbers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from timing import percentile

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from coop_core.agent import watching
from coop_core.agent.agent import Agent
from coop_core.clock import SystemClock
from coop_core.cluster import kinds, labels
from coop_core.git.mirror import Mirror
from coop_core.kube.client import KubeClient
from coop_core.kube.configuration import Access
from coop_core.kube.following import Changed, Listed
from coop_core.kube.identities import FixedToken
from coop_core.local.api.server import ApiServer
from coop_core.local.objects import Objects
from coop_core.local.store import Store
from coop_core.local.tls import ensure
from coop_core.local.tokens import MASTERS, Identity, Tokens
from tests.git.http_remote import GitHost, start

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

P50_TARGET_MS, P99_TARGET_MS = 1500, 4000
BRANCH = "refs/heads/env/dev-ada"
ENVIRON = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}


class NoLogs:
    """There are no pods."""

    async def read(self, *_: object) -> Any:
        yield b""


def git(folder: Path, *arguments: str, stdin: str = "") -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    command = ["git", *identity, *arguments]
    done = subprocess.run(command, cwd=folder, env=ENVIRON, input=stdin, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def make_repositories(folder: Path, number: int) -> list[str]:
    """Bare repositories, each with an environment; copies, because git makes one in 30 ms."""
    first = folder / "r0.git"
    git(folder, "init", "--quiet", "--bare", "--template=", str(first))
    git(first, "config", "http.receivepack", "true")
    for at in range(number):
        place = folder / f"r{at}.git"
        if at:
            shutil.copytree(folder / "r0.git", place)
        blob = git(place, "hash-object", "-w", "--stdin", stdin=f"{at}")
        tree = git(place, "mktree", stdin=f"100644 blob {blob}\ta.yaml\n")
        root = git(place, "mktree", stdin=f"040000 tree {tree}\ts{at}\n")
        git(place, "update-ref", BRANCH, git(place, "commit-tree", "-m", "one", root))
    return [f"r{at}.git" for at in range(number)]


def serve(folder: Path, tell: Connection) -> None:
    """The Git host, until `tell` is closed; answers every message with what was counted."""

    async def run() -> None:
        host = GitHost(folder)
        runner = await start(host)
        tell.send(host.url)
        while await asyncio.to_thread(tell.poll, None):
            try:
                tell.recv()
            except EOFError:
                break
            tell.send({kind: host.count(kind) for kind in ("refs", "info", "fetch", "push")})
            host.bodies.clear()
        await runner.cleanup()

    asyncio.run(run())


class Refreshes:
    """When the newest refresh of each application was asked for; plays Argo CD, which compares at once."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self.heads: dict[str, str] = {}
        self.asked_s: dict[str, float] = {}
        self.changed = asyncio.Event()

    async def follow(self, client: KubeClient) -> None:
        async for seen in client.follow(kinds.APPLICATION, "argocd"):
            bodies = seen.items if isinstance(seen, Listed) else [seen.object] if isinstance(seen, Changed) else []
            for body in bodies:
                annotations = body["metadata"].get("annotations") or {}
                name = body["metadata"]["name"]
                if annotations.get(labels.ARGO_REFRESH):
                    self.asked_s[name] = time.time()
                    self.compared(name)
            self.changed.set()

    def compared(self, name: str) -> None:
        body = self._objects.get(kinds.APPLICATION, "argocd", name)
        annotations = {k: v for k, v in body["metadata"].get("annotations", {}).items() if k != labels.ARGO_REFRESH}
        status = {"sync": {"status": "Synced", "revision": self.heads.get(name, "")}}
        metadata = {**body["metadata"], "annotations": annotations}
        self._objects.update(kinds.APPLICATION, {**body, "metadata": metadata, "status": status})


async def pushed(work: Path, url: str, at: int, note: str) -> tuple[str, float]:
    """A developer's push over HTTP: the commit, and when git said that it is there."""

    def push() -> tuple[str, float]:
        head = git(work, "ls-remote", url, BRANCH).split("\t")[0]
        git(work, "fetch", "--quiet", url, BRANCH)
        commit = git(work, "commit-tree", "-m", note, "-p", head, f"{head}^{{tree}}")
        git(work, "push", "--quiet", url, f"{commit}:{BRANCH}")
        return commit, time.time()

    return await asyncio.to_thread(push)


async def measure(folder: Path, names: list[str], rounds: int) -> None:
    ours, theirs = multiprocessing.Pipe()
    host = multiprocessing.Process(target=serve, args=(folder / "repositories", theirs), daemon=True)
    host.start()
    url = ours.recv()
    async with AsyncExitStack() as stack:
        stack.callback(host.terminate)
        store = Store(folder / "objects.db")
        stack.callback(store.close)
        objects = Objects(store, SystemClock())
        objects.create(kinds.NAMESPACE, {"metadata": {"name": "argocd"}})
        certificate, tokens = ensure(folder / "tls"), Tokens.ensure(folder / "tokens")
        server = ApiServer(objects, tokens=tokens, certificate=certificate, logs=NoLogs())
        await server.start()
        stack.push_async_callback(server.close)
        token = FixedToken(tokens.token_for(Identity("admin", (MASTERS,))))
        access = Access(f"https://127.0.0.1:{server.port}", token, certificate.client_context())
        client = await stack.enter_async_context(KubeClient(access))
        config = folder / "agent.json"
        config.write_text(json.dumps({"repositories": [{"url": f"{url}/{name}"} for name in names]}))
        refreshes = Refreshes(objects)
        agent = Agent(client, Mirror(folder / "mirror"), config, SystemClock())
        tasks = [asyncio.create_task(agent.run()), asyncio.create_task(refreshes.follow(client))]
        began_s = time.perf_counter()
        while len(objects.select(kinds.APPLICATION)) < len(names):
            await asyncio.sleep(0.1)
        print(f"{len(names)} repositories known after {time.perf_counter() - began_s:.1f} s")
        await run(agent, refreshes, folder, url, names, rounds, ours)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def run(
    agent: Agent, refreshes: Refreshes, folder: Path, url: str, names: list[str], rounds: int, host: Connection
) -> None:
    work = folder / "work.git"
    git(folder, "init", "--quiet", "--bare", "--template=", str(work))
    make_quiet(agent)
    await asyncio.sleep(5)
    await idle(agent, host, "all quiet")
    taken_ms: dict[str, list[float]] = {"quiet before": [], "developing": []}
    order = random.sample(range(len(names)), k=min(rounds, len(names)))
    for at in order:
        for kind, values_ms in taken_ms.items():
            await asyncio.sleep(random.uniform(0.0, 1.5))
            name = f"dev-ada-s{at}"
            commit, acknowledged_s = await pushed(work, f"{url}/{names[at]}", at, kind)
            refreshes.heads[name] = commit
            values_ms.append(await until_asked(refreshes, name, acknowledged_s) * 1000)
    await idle(agent, host, f"{len(order)} developing")
    both = [value_ms for values_ms in taken_ms.values() for value_ms in values_ms]
    for label, values_ms in (*taken_ms.items(), ("all pushes", both)):
        p50, p99 = percentile(values_ms, 50), percentile(values_ms, 99)
        figures = f"p50 {p50:6.0f} ms  p99 {p99:6.0f} ms  max {max(values_ms):6.0f} ms"
        print(f"{label:13} {figures}  {len(values_ms)} pushes")
    holds = percentile(both, 50) <= P50_TARGET_MS and percentile(both, 99) <= P99_TARGET_MS
    print(f"targets: p50 {P50_TARGET_MS} ms, p99 {P99_TARGET_MS} ms: {'hold' if holds else 'DO NOT HOLD'}")


async def until_asked(refreshes: Refreshes, name: str, since_s: float) -> float:
    """Seconds from `since_s` to the refresh that belongs to it; what was asked before git said so took none."""
    async with asyncio.timeout(60):
        while refreshes.asked_s.pop(name, 0.0) < since_s - 0.25:
            refreshes.changed.clear()
            await refreshes.changed.wait()
    return max(0.0, time.time() - since_s)


def make_quiet(agent: Agent) -> None:
    """As if the last change of each repository were long ago."""
    for follower in agent._followers.values():
        follower._pace.changed_at_s -= watching.ACTIVE_FOR_S


async def idle(agent: Agent, host: Connection, label: str) -> None:
    """Counts for ten seconds in which nobody pushes."""
    seconds = 10.0
    host.send(None)
    before, asked = host.recv(), agent.requests
    cpu_s = resource.getrusage(resource.RUSAGE_SELF).ru_utime + resource.getrusage(resource.RUSAGE_SELF).ru_stime
    await asyncio.sleep(seconds)
    used = resource.getrusage(resource.RUSAGE_SELF)
    host.send(None)
    after = host.recv()
    each = {kind: after[kind] - before[kind] for kind in after}
    number, sent = len(agent._followers), agent.requests - asked
    tick_s = number * seconds / max(1, sent)
    core = (used.ru_utime + used.ru_stime - cpu_s) / seconds
    print(
        f"{label}: {sent} requests in {seconds:.0f} s for {number} repositories, each every {tick_s:.1f} s; "
        f"the host counted {each}; agent and API take {core:.1%} of a core"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repositories", type=int, default=200)
    parser.add_argument("--pushes", type=int, default=50, help="repositories that are pushed to, twice each")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="coop-bench-") as name:
        folder = Path(name)
        (folder / "repositories").mkdir()
        names = make_repositories(folder / "repositories", arguments.repositories)
        asyncio.run(measure(folder, names, arguments.pushes))


if __name__ == "__main__":
    main()
