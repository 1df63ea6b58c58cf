"""The agent and remotes over HTTP: what it asks, and what a bad remote does to the others."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING

import pytest

from coop_core.agent.agent import Agent
from coop_core.clock import SystemClock
from coop_core.cluster import kinds
from coop_core.git.mirror import Mirror
from tests.agent.test_agent import Remote, applications, argocd, until
from tests.git.conftest import own_settings
from tests.git.http_remote import Faults, GitHost, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from coop_core.kube.client import KubeClient
    from tests.kube.serving import Api

__all__ = ["argocd", "own_settings"]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[GitHost]:
    folder = tmp_path / "repositories"
    folder.mkdir()
    with serving(GitHost(folder)) as started:
        yield started


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "agent.json"


@pytest.fixture
async def agent(client: KubeClient, config: Path, tmp_path: Path) -> AsyncIterator[Agent]:
    started = Agent(client, Mirror(tmp_path / "mirror"), config, SystemClock())
    running = asyncio.create_task(started.run())
    yield started
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def repository(host: GitHost, name: str) -> Remote:
    return Remote(host.folder / name)


def follow(config: Path, *urls: str) -> None:
    config.write_text(json.dumps({"repositories": [{"url": url} for url in urls]}))


async def test_environments_come_and_go_with_one_question_a_look_however_many_there_are(
    agent: Agent, api: Api, host: GitHost, config: Path
) -> None:
    remote = repository(host, "a.git")
    for number in range(6):
        remote.write(f"dev-u{number}", "hello")
    follow(config, f"{host.url}/a.git")
    await until(lambda: len(applications(api)) == 6, 20)
    # git begins each fetch with `info`, and the agent its acquaintance: one fetch brought six environments.
    assert host.seen["a.git", "info"] == 1 + 1
    asked = host.seen["a.git", "refs"]
    remote.write("dev-u0", "hello", "web")
    await until(lambda: len(applications(api)) == 7, 20)
    assert host.seen["a.git", "info"] == 1 + 2
    assert host.seen["a.git", "refs"] > asked
    for number in range(1, 6):
        remote.delete(f"dev-u{number}")

    def living() -> list[str]:
        bodies = api.objects.select(kinds.APPLICATION)
        return [body["metadata"]["name"] for body in bodies if "deletionTimestamp" not in body["metadata"]]

    await until(lambda: living() == ["dev-u0-hello", "dev-u0-web"], 20)


async def test_remotes_that_hang_fail_or_talk_nonsense_delay_no_other(
    agent: Agent, api: Api, host: GitHost, config: Path
) -> None:
    bad = {
        "hangs.git": Faults(hangs=True),
        "broken.git": Faults(status=500),
        "nonsense.git": Faults(body=b"zzzz"),
        "busy.git": Faults(status=429, retry_after="30"),
        "locked.git": Faults(login="nobody:knows"),
    }
    for name, faults in bad.items():
        repository(host, name).write("main", name.removesuffix(".git"))
        host.faults[name] = faults
    good = repository(host, "good.git")
    good.write("main", "good")
    follow(config, *(f"{host.url}/{name}" for name in bad), f"{host.url}/good.git")
    await until(lambda: applications(api) == ["main-good"], 20)
    good.write("main", "good", "better")
    await until(lambda: "main-better" in applications(api), 20)
    assert all(host.seen[name, "info"] or host.seen[name, "refs"] for name in bad)
    for name in ("broken.git", "nonsense.git"):
        del host.faults[name]
    await until(lambda: {"main-broken", "main-nonsense"} <= set(applications(api)), 30)


async def test_a_remote_that_starts_to_fail_takes_nothing_away(
    agent: Agent, api: Api, host: GitHost, config: Path
) -> None:
    repository(host, "a.git").write("dev-ada", "hello")
    follow(config, f"{host.url}/a.git")
    await until(lambda: applications(api) == ["dev-ada-hello"], 20)
    before = host.seen["a.git", "refs"]
    host.faults["a.git"] = Faults(body=b"0000"[:2])
    await until(lambda: host.seen["a.git", "refs"] > before, 20)
    host.faults["a.git"] = Faults(status=503)
    asked = sum(host.seen.values())
    await until(lambda: sum(host.seen.values()) > asked, 20)
    (body,) = api.objects.select(kinds.APPLICATION)
    assert "deletionTimestamp" not in body["metadata"]


async def test_no_log_line_carries_a_login(
    agent: Agent, api: Api, host: GitHost, config: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    repository(host, "a.git").write("dev-ada", "hello")
    host.faults["a.git"] = Faults(login="bot:hunter2")
    login = host.url.replace("http://", "http://bot:hunter2@")
    wrong = host.url.replace("http://", "http://bot:hunter3@")
    follow(config, f"{login}/a.git", f"{wrong}/a.git", f"{login}/gone.git")
    await until(lambda: applications(api) == ["dev-ada-hello"], 20)
    await until(lambda: caplog.text.count("cannot") >= 2, 20)
    assert "hunter" not in caplog.text
    assert "hunter" not in json.dumps(api.objects.select(kinds.APPLICATION))
