from __future__ import annotations

import asyncio
import json
import subprocess
import time
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from coop_core.agent.agent import Agent
from coop_core.clock import SystemClock
from coop_core.cluster import kinds, labels
from coop_core.git.mirror import Mirror
from coop_core.kube.following import Changed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from coop_core.cluster.kinds import Raw
    from coop_core.kube.client import KubeClient
    from tests.kube.serving import Api


class Remote:
    """A bare repository, and a way to write environment branches into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._git("init", "--quiet", "--bare", str(folder))

    @property
    def url(self) -> str:
        return str(self.folder)

    def write(self, environment: str, *services: str, note: str = "") -> str:
        """A commit whose root has these folders becomes the branch's head, by a push as a developer makes it."""
        trees = {name: self._tree(f"100644 blob {self._blob(note + name)}\ta.yaml\n") for name in services}
        folders = "".join(f"040000 tree {tree}\t{name}\n" for name, tree in sorted(trees.items()))
        commit = self._git("commit-tree", "-m", note or "deploy", self._tree(folders))
        self._git("push", "--quiet", "--force", self.url, f"{commit}:refs/heads/env/{environment}")
        return commit

    def delete(self, environment: str) -> None:
        self._git("update-ref", "-d", f"refs/heads/env/{environment}")

    def pack(self) -> None:
        self._git("pack-refs", "--all")

    def _blob(self, text: str) -> str:
        return self._git("hash-object", "-w", "--stdin", stdin=text)

    def _tree(self, listing: str) -> str:
        return self._git("mktree", stdin=listing)

    def _git(self, *arguments: str, stdin: str = "") -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        where = ["-C", str(self.folder)] if self.folder.exists() else []
        run = subprocess.run(
            ["git", *where, *identity, *arguments], input=stdin, capture_output=True, text=True, check=True
        )
        return run.stdout.strip()


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    return Remote(tmp_path / "remote.git")


@pytest.fixture
def config(tmp_path: Path, remote: Remote) -> Path:
    return configure(tmp_path / "agent.json", remote)


def configure(path: Path, *remotes: Remote) -> Path:
    path.write_text(json.dumps({"repositories": [{"url": remote.url} for remote in remotes]}))
    return path


@pytest.fixture
async def agent(client: KubeClient, config: Path, tmp_path: Path) -> AsyncIterator[Agent]:
    started = Agent(client, Mirror(tmp_path / "mirror"), config, SystemClock())
    running = asyncio.create_task(started.run())
    yield started
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def until(is_so: Callable[[], bool], limit_s: float = 5.0) -> None:
    async with asyncio.timeout(limit_s):
        while not is_so():
            await asyncio.sleep(0.01)


def applications(api: Api) -> list[str]:
    return [body["metadata"]["name"] for body in api.objects.select(kinds.APPLICATION)]


def refreshed_for(api: Api, name: str) -> str:
    body = api.objects.find(kinds.APPLICATION, "argocd", name) or {"metadata": {}}
    return str((body["metadata"].get("annotations") or {}).get(labels.ARGO_REFRESH_TIMESTAMP, ""))


@pytest.fixture(autouse=True)
def argocd(api: Api) -> None:
    api.objects.create(kinds.NAMESPACE, {"metadata": {"name": "argocd"}})


async def test_a_pushed_branch_becomes_a_namespace_and_applications(agent: Agent, api: Api, remote: Remote) -> None:
    remote.write("dev-ada", "hello", "web")
    await until(lambda: applications(api) == ["dev-ada-hello", "dev-ada-web"])
    one = api.objects.get(kinds.APPLICATION, "argocd", "dev-ada-hello")
    assert one["metadata"]["finalizers"] == ["resources-finalizer.argocd.argoproj.io"]
    assert one["metadata"]["labels"][labels.MANAGED_BY] == "coop"
    assert one["spec"]["source"] == {
        "repoURL": remote.url, "targetRevision": "refs/heads/env/dev-ada", "path": "hello",
    }  # fmt: skip
    assert one["spec"]["destination"] == {"server": "https://kubernetes.default.svc", "namespace": "dev-ada"}
    space = api.objects.get(kinds.NAMESPACE, "", "dev-ada")
    assert space["metadata"]["labels"][labels.ENVIRONMENT] == "dev-ada"


async def test_a_push_asks_for_a_refresh_within_milliseconds(
    agent: Agent, api: Api, client: KubeClient, remote: Remote
) -> None:
    remote.write("dev-ada", "hello")
    await until(lambda: applications(api) == ["dev-ada-hello"])
    took_ms: list[float] = []
    async with aclosing(client.follow(kinds.APPLICATION, "argocd")) as seen:
        await anext(seen)
        for number in range(5):
            while_pushing = asyncio.create_task(heard_refresh(seen))
            ended_s = await asyncio.to_thread(pushed_at, remote, f"change {number}")
            took_ms.append((await while_pushing - ended_s) * 1000)
            reconciled(api, "dev-ada-hello", remote)
    assert sorted(took_ms)[2] < 100, took_ms


def pushed_at(remote: Remote, note: str) -> float:
    remote.write("dev-ada", "hello", note=note)
    return (remote.folder / "refs/heads/env/dev-ada").stat().st_mtime


async def heard_refresh(seen: AsyncIterator[object]) -> float:
    async with asyncio.timeout(5):
        async for change in seen:
            if isinstance(change, Changed) and labels.ARGO_REFRESH in (
                change.object["metadata"].get("annotations") or {}
            ):
                return time.time()
    raise AssertionError("the stream ended")


def reconciled(api: Api, name: str, remote: Remote) -> None:
    """What Argo CD writes after a comparison: the revision, and no annotation any more."""
    body = api.objects.get(kinds.APPLICATION, "argocd", name)
    head = (remote.folder / "refs/heads/env/dev-ada").read_text().strip()
    annotations = {k: v for k, v in body["metadata"]["annotations"].items() if k != labels.ARGO_REFRESH}
    status = {"sync": {"status": "Synced", "revision": head}}
    api.objects.update(
        kinds.APPLICATION, {**body, "metadata": {**body["metadata"], "annotations": annotations}, "status": status}
    )


async def test_a_lost_refresh_is_asked_for_again(agent: Agent, api: Api, remote: Remote) -> None:
    remote.write("dev-ada", "hello")
    await until(lambda: refreshed_for(api, "dev-ada-hello") != "", 8)
    first = refreshed_for(api, "dev-ada-hello")
    await until(lambda: refreshed_for(api, "dev-ada-hello") != first, 8)


async def test_a_deleted_branch_takes_application_and_namespace_with_it(
    agent: Agent, api: Api, remote: Remote
) -> None:
    remote.write("dev-ada", "hello")
    remote.write("main", "hello")
    await until(lambda: applications(api) == ["dev-ada-hello", "main-hello"])
    remote.delete("dev-ada")
    remote.delete("main")

    def is_marked(name: str) -> bool:
        return "deletionTimestamp" in api.objects.get(kinds.APPLICATION, "argocd", name)["metadata"]

    await until(lambda: is_marked("dev-ada-hello") and is_marked("main-hello"))
    assert "deletionTimestamp" not in api.objects.get(kinds.NAMESPACE, "", "dev-ada")["metadata"]
    for name in applications(api):  # Argo CD has cleaned up
        body = api.objects.get(kinds.APPLICATION, "argocd", name)
        api.objects.update(kinds.APPLICATION, {**body, "metadata": {**body["metadata"], "finalizers": []}})

    def space_is_going() -> bool:
        space = api.objects.find(kinds.NAMESPACE, "", "dev-ada")
        return space is None or "deletionTimestamp" in space["metadata"]

    await until(space_is_going)
    assert "deletionTimestamp" not in api.objects.get(kinds.NAMESPACE, "", "main")["metadata"]


async def test_packed_refs_and_a_folder_that_is_made_later_are_noticed(
    agent: Agent, api: Api, remote: Remote
) -> None:
    assert not (remote.folder / "refs/heads/env").exists()
    remote.write("main", "one")
    await until(lambda: applications(api) == ["main-one"])
    remote.pack()
    remote.write("main", "one", "two")
    await until(lambda: applications(api) == ["main-one", "main-two"])


async def test_a_repository_added_to_the_configuration_is_followed_and_a_bad_one_harms_no_other(
    agent: Agent, api: Api, remote: Remote, config: Path, tmp_path: Path
) -> None:
    second = Remote(tmp_path / "second.git")
    second.write("main", "second")
    gone = Remote(tmp_path / "gone.git")
    gone.folder.rename(tmp_path / "elsewhere")
    remote.write("main", "first")
    configure(config, gone, second, remote)
    await until(lambda: applications(api) == ["main-first", "main-second"])


async def test_what_is_not_coops_is_left_alone(agent: Agent, api: Api, remote: Remote) -> None:
    theirs: Raw = {
        "metadata": {"name": "main-hello", "namespace": "argocd"},
        "spec": {"project": "default", "destination": {"namespace": "main", "server": "x"}},
    }
    api.objects.create(kinds.APPLICATION, theirs)
    api.objects.create(kinds.NAMESPACE, {"metadata": {"name": "dev-theirs"}})
    remote.write("main", "hello", "other")
    remote.write("dev-theirs", "hello")
    await until(lambda: "main-other" in applications(api))
    assert api.objects.get(kinds.APPLICATION, "argocd", "main-hello")["spec"]["project"] == "default"
    assert "dev-theirs-hello" not in applications(api)
    api.objects.delete(kinds.NAMESPACE, "", "dev-theirs")
