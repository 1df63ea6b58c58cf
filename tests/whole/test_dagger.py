"""`coop dev` with a cluster in the settings: images by Dagger, named by digest in Git.

The cluster is a local platform's API, read as any cluster is; the Dagger CLI is one that builds nothing.
"""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.build_dagger import fake_cli
from tests.build_dagger.session_server import exec_fault
from tests.whole.whole_kit import save, wait_until

if TYPE_CHECKING:
    from tests.whole.whole_kit import User

ROOT = Path(__file__).parents[2]
REGISTRY = '[registry]\naddress = "registry.example.org/team"\n'


@pytest.fixture
def team(service: User) -> User:
    """The user's settings name a cluster, a registry, and there is a Dagger CLI on PATH."""
    assert service.coop("platform", "up").code == 0
    settings(service, REGISTRY)
    program = fake_cli.write(service.folder.parent / "bin", ROOT)
    service.environ["PATH"] = f"{program.parent}:{service.environ['PATH']}"
    service.environ["FAKE_DAGGER"] = str(service.folder.parent / "dagger")
    fake_cli.plan(service.folder.parent / "dagger")
    return service


def settings(user: User, *tables: str, builder: str = "", cluster: bool = True) -> None:
    kubeconfig = user.home.platform / "kubeconfig"
    there = f'[cluster]\nkubeconfig = "{kubeconfig}"\nscheme = "http"\n' if cluster else ""
    chosen = f'builder = "{builder}"\n' if builder else ""
    user.home.settings_file.write_text("\n".join(['user = "ada"\nport = 0', chosen, there, *tables]))


def events(user: User, name: str) -> list[dict[str, Any]]:
    log = user.home.devloop("dev-ada", "hello") / "events.jsonl"
    lines = log.read_text().splitlines() if log.exists() else []
    return [entry for line in lines if (entry := json.loads(line))["event"] == name]


def image_in_git(user: User) -> str:
    text = user.git("--git-dir", "../hello.git", "show", "env/dev-ada:hello/deployment-hello.yaml")
    image: str = yaml.safe_load(text)["spec"]["template"]["spec"]["containers"][0]["image"]
    return image


def test_a_save_becomes_an_image_whose_digest_is_in_git(team: User) -> None:
    running = team.start("dev", "--no-logs")
    wait_until(lambda: events(team, "Pushed"), f"the first version is in Git: {running.text}")
    first = image_in_git(team)
    assert first.startswith("registry.example.org/team/hello@sha256:")
    assert first == events(team, "BuildFinished")[0]["image"]
    save(team.folder / "app.py", "print('two')\n")
    wait_until(lambda: len(events(team, "Pushed")) == 2, f"the second version is in Git: {running.text}")
    assert image_in_git(team) not in ("", first)
    wait_until(lambda: events(team, "BuildStepped"), "steps are in the event log")
    assert {"name", "was_cached", "took_ms"} <= set(events(team, "BuildStepped")[0])
    journal = fake_cli.journal(team.folder.parent / "dagger")
    assert len([entry for entry in journal if "start" in entry]) == 1
    assert running.stop(signal.SIGINT) in (0, 130)
    wait_until(
        lambda: any("end" in entry for entry in fake_cli.journal(team.folder.parent / "dagger")),
        "the session has ended",
    )


def test_a_failing_build_shows_its_lines_and_the_next_save_goes_on(team: User) -> None:
    fault = exec_fault("Container.sync", ["/bin/sh", "-c", "make"], 2, stderr="cc: no input files\n")
    fake_cli.plan(team.folder.parent / "dagger", {"faults": [fault.__dict__]})
    (team.folder / "Dockerfile").write_text("FROM scratch\nRUN make\n")
    running = team.start("dev", "--no-logs")
    running.until("│ cc: no input files")
    assert "Dockerfile:2: `make` ended with 2" in running.text
    assert events(team, "BuildFailed")[0]["lines"] == ["cc: no input files"]
    save(team.folder / "app.py", "print('mended')\n")
    wait_until(lambda: events(team, "Pushed"), f"the mended version is in Git: {running.text}")


def test_without_a_cli_the_way_to_get_one_is_shown(team: User) -> None:
    (team.folder.parent / "bin" / "dagger").unlink()
    folders = team.environ["PATH"].split(":")
    team.environ["PATH"] = ":".join(folder for folder in folders if not (Path(folder) / "dagger").exists())
    running = team.start("dev", "--no-logs")
    running.until("dl.dagger.io/dagger/install.sh")
    assert "cannot build with Dagger" in running.text


def test_what_does_not_go_together_is_said_before_anything_starts(team: User) -> None:
    settings(team)
    done = team.coop("dev")
    assert done.code == 3
    assert "the settings name no registry" in done.err
    assert 'address = "ghcr.io/<you>"' in done.err
    settings(team, REGISTRY, builder="local")
    assert "what the local builder makes is on this machine alone" in team.coop("dev").err
    settings(team, REGISTRY, builder="dagger", cluster=False)
    done = team.coop("dev")
    assert done.code == 3
    assert "the local platform runs programs as they are, and no container images" in done.err
    assert 'remove builder = "dagger"' in done.err
    settings(team, '[registry]\naddress = "https://ghcr.io"\n')
    assert "without https:// and without a tag" in team.coop("dev").err
