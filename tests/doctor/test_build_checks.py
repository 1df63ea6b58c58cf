from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from coop_core.doctor import build_checks
from coop_core.doctor.checking import Result, Verdict, examine
from coop_core.settings import Dagger, Registry, Settings
from tests.build_dagger import fake_cli
from tests.build_dagger.session_server import TOKEN, SessionServer
from tests.doctor.conftest import Answer, Site

if TYPE_CHECKING:
    from coop_core.doctor.case import Case


async def look(case: Case) -> dict[str, Result]:
    return {outcome.name: outcome.result for outcome in await examine(build_checks.checks(case))}


def with_dagger(case: Case, address: str = "", engine: str | None = None) -> Case:
    registry = Registry(address=address) if address else None
    return replace(case, settings=Settings(builder="dagger", registry=registry, dagger=Dagger(engine=engine)))


def program(case: Case, name: str, script: str) -> Path:
    path = Path(case.environ["PATH"]) / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


async def test_nothing_is_looked_at_for_the_local_platform(case: Case) -> None:
    assert {result.verdict for result in (await look(case)).values()} == {Verdict.SKIPPED}


async def test_what_is_missing_is_told_with_what_gets_it(case: Case) -> None:
    found = await look(with_dagger(case))
    assert {name: result.verdict for name, result in found.items()} == {
        "dagger": Verdict.FAILED, "engine": Verdict.FAILED, "registry": Verdict.FAILED,
        "credentials": Verdict.SKIPPED,
    }  # fmt: skip
    assert found["dagger"].mend.startswith("curl -fsSL https://dl.dagger.io/dagger/install.sh")
    assert found["engine"].mend == "install Docker or Podman, or name [dagger] engine"
    assert found["registry"].mend.startswith('[registry] address = "ghcr.io/you" in ')


@pytest.mark.parametrize(("said", "verdict", "says"), [
    ("dagger v0.21.8 (docker-image://x) linux/amd64", Verdict.PASSED, "Dagger 0.21.8, "),
    ("dagger v0.18.0", Verdict.FAILED, "Dagger 0.18.0 is too old"),
    ("hello", Verdict.FAILED, "does not say its version"),
])  # fmt: skip
async def test_the_cli_is_asked_for_its_version(case: Case, said: str, verdict: Verdict, says: str) -> None:
    program(case, "dagger", f"echo '{said}'")
    result = (await look(with_dagger(case)))["dagger"]
    assert result.verdict is verdict
    assert says in result.says


@pytest.fixture
def cli(case: Case, tmp_path: Path) -> Path:
    """A Dagger CLI and a Docker, both on PATH. The folder in which the CLI keeps its journal."""
    program(case, "docker", "exit 0")
    fake_cli.write(Path(case.environ["PATH"]), Path(__file__).parents[2])
    return tmp_path / "dagger"


def with_cli(case: Case, folder: Path, *starts: dict[str, Any], engine: str | None = None) -> Case:
    fake_cli.plan(folder, *starts)
    return with_dagger(replace(case, environ={**case.environ, "FAKE_DAGGER": str(folder)}), engine=engine)


def sessions_left(folder: Path) -> list[int]:
    return [entry["start"] for entry in fake_cli.journal(folder) if psutil.pid_exists(entry.get("start", -1))]


async def test_an_engine_is_asked_by_a_session_that_ends_with_the_check(case: Case, cli: Path) -> None:
    found = await look(with_cli(case, cli))
    assert found["dagger"].says.startswith("Dagger 0.21.8, ")
    assert (found["engine"].verdict, found["engine"].says) == (Verdict.PASSED, "v0.21.8 answers, run by docker")
    assert [next(iter(entry)) for entry in fake_cli.journal(cli)] == ["start", "reached", "reached", "end"]
    assert sessions_left(cli) == []


async def test_no_session_is_started_where_dagger_does_not_build(case: Case, cli: Path) -> None:
    fake_cli.plan(cli)
    await look(replace(case, environ={**case.environ, "FAKE_DAGGER": str(cli)}))
    assert fake_cli.journal(cli) == []


async def test_an_engine_that_does_not_start_is_told_in_its_own_words(case: Case, cli: Path) -> None:
    said = "start engine: Cannot connect to the Docker daemon"
    result = (await look(with_cli(case, cli, {"say": said, "end": 1})))["engine"]
    assert result.verdict is Verdict.FAILED
    assert said in result.says
    assert result.mend.startswith("start Docker or Podman, or name an engine in the settings")


async def test_an_engine_that_never_answers_is_given_up_and_its_session_ended(
    case: Case, cli: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_checks, "ENGINE_LIMIT_S", 1.0)
    async with asyncio.timeout(build_checks.LIMIT_S + 20.0):
        result = (await look(with_cli(case, cli, {"waits_for": str(cli / "never")})))["engine"]
    assert result.says == "no engine answers within 1 s, run by docker"
    assert result.mend.startswith("dagger core version")
    assert sessions_left(cli) == []


async def test_an_engine_that_is_too_old_is_told(case: Case, cli: Path) -> None:
    result = (await look(with_cli(case, cli, {"version": "v0.20.6"})))["engine"]
    assert "it is v0.20.6; coop needs 0.21.8 or newer" in result.says


async def test_a_docker_that_does_not_answer_is_told_before_a_session_is_tried(case: Case, cli: Path) -> None:
    program(case, "docker", "echo 'Cannot connect to the Docker daemon' >&2; exit 1")
    result = (await look(with_cli(case, cli)))["engine"]
    assert (result.says, result.mend) == (
        "docker is installed and does not answer", "start it; docker info shows why",
    )  # fmt: skip
    assert fake_cli.journal(cli) == []


async def test_an_engine_with_an_address_is_called_there(case: Case, cli: Path, site: Site) -> None:
    found = await look(with_cli(case, cli, engine=f"tcp://{site.host}"))
    assert found["engine"].says == f"v0.21.8 answers, at tcp://{site.host}"
    [told] = [entry["told"] for entry in fake_cli.journal(cli) if "told" in entry]
    assert told["_EXPERIMENTAL_DAGGER_RUNNER_HOST"] == f"tcp://{site.host}"
    result = (await look(with_cli(case, cli, engine="tcp://127.0.0.1:1")))["engine"]
    assert result.says == "nothing answers at tcp://127.0.0.1:1"
    assert result.mend.startswith("start the engine at tcp://127.0.0.1:1")
    assert (await look(with_cli(case, cli, engine="tcp://127.0.0.1:x")))["engine"].verdict is Verdict.FAILED


async def test_the_session_of_somebody_else_is_asked_where_there_is_one(case: Case) -> None:
    server = SessionServer()
    await server.start()
    environ = {**case.environ, "DAGGER_SESSION_PORT": str(server.port), "DAGGER_SESSION_TOKEN": TOKEN}
    result = (await look(with_dagger(replace(case, environ=environ))))["engine"]
    await server.close()
    assert result.says == "v0.21.8 answers, in the session of DAGGER_SESSION_PORT"
    result = (await look(with_dagger(replace(case, environ=environ))))["engine"]
    assert result.verdict is Verdict.FAILED
    assert "cannot reach Dagger's engine" in result.says


@pytest.mark.parametrize(("status", "verdict"), [
    (200, Verdict.PASSED), (401, Verdict.PASSED), (404, Verdict.FAILED), (302, Verdict.FAILED),
])  # fmt: skip
async def test_a_registry_is_one_that_answers_as_one(case: Case, site: Site, status: int, verdict: Verdict) -> None:
    site.answers["/v2/"] = Answer(status, b"", {"Location": "/elsewhere"})
    found = await look(with_dagger(case, f"{site.host}/acme"))
    assert found["registry"].verdict is verdict
    assert found["credentials"].says == f"none for {site.host}, which asks for none"


async def test_credentials_are_found_and_only_the_user_is_shown(case: Case) -> None:
    auth = base64.b64encode(b"ada:hunter2").decode()
    config = Path(case.environ["HOME"]) / ".docker" / "config.json"
    config.parent.mkdir()
    config.write_text(json.dumps({"auths": {"registry.example.org": {"auth": auth}}}))
    found = await look(with_dagger(case, "registry.example.org/acme"))
    assert found["credentials"].says == "ada at registry.example.org"
    shown = "".join(result.says + result.mend for result in found.values())
    assert "hunter2" not in shown
    assert auth not in shown


async def test_missing_credentials_are_told_with_the_login(case: Case) -> None:
    found = await look(with_dagger(case, "registry.example.org/acme"))
    assert found["credentials"].verdict is Verdict.FAILED
    assert found["credentials"].mend.startswith("docker login registry.example.org; or set COOP_REGISTRY_USERNAME")
