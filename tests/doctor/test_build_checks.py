from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from coop_core.doctor import build_checks
from coop_core.doctor.checking import Result, Verdict, examine
from coop_core.settings import Dagger, Registry, Settings
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


async def test_docker_that_answers_can_run_an_engine_and_one_that_does_not_is_told(case: Case) -> None:
    program(case, "docker", "exit 0")
    assert (await look(with_dagger(case)))["engine"].says == "docker runs it"
    program(case, "docker", "echo 'Cannot connect to the Docker daemon' >&2; exit 1")
    result = (await look(with_dagger(case)))["engine"]
    assert (result.says, result.mend) == ("docker is installed and does not answer", "docker info shows why")


async def test_an_engine_with_an_address_is_called(case: Case, site: Site) -> None:
    assert (await look(with_dagger(case, engine=f"tcp://{site.host}")))["engine"].verdict is Verdict.PASSED
    result = (await look(with_dagger(case, engine="tcp://127.0.0.1:1")))["engine"]
    assert result.says == "nothing answers at tcp://127.0.0.1:1"
    assert result.mend.startswith("start the engine at tcp://127.0.0.1:1")
    assert (await look(with_dagger(case, engine="tcp://127.0.0.1:x")))["engine"].verdict is Verdict.FAILED


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
