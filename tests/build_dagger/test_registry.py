"""Who we are at a registry, and what images are called there."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from coop_core.build.dagger.registry import Credentials, credentials, registry
from coop_core.build.dagger.secret_values import Hidden
from coop_core.errors import CoopError

if TYPE_CHECKING:
    from pathlib import Path


def auth(username: str, secret: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{username}:{secret}".encode()).decode()}


def environ(folder: Path, config: Any, **helpers: str) -> dict[str, str]:
    """A home whose Docker configuration is `config`; helpers: shell programs by name."""
    (folder / ".docker").mkdir(exist_ok=True)
    (folder / ".docker" / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    for name, text in helpers.items():
        program = folder / f"docker-credential-{name}"
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
    return {"HOME": str(folder), "PATH": f"{folder}:/usr/bin:/bin"}


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("acme", "docker.io"), ("docker.io/acme", "docker.io"), ("ghcr.io/acme", "ghcr.io"),
        ("localhost:5000", "localhost:5000"), ("localhost/x", "localhost"), ("acme/team", "docker.io"),
        ("europe-west1-docker.pkg.dev/project/repo", "europe-west1-docker.pkg.dev"), ("reg:5000/a", "reg:5000"),
    ],
)  # fmt: skip
def test_the_host_is_read_as_docker_reads_it(address: str, host: str) -> None:
    assert registry(address, None).host == host


@pytest.mark.parametrize(
    "address", ["https://ghcr.io/acme", "ghcr.io/acme:tag", "ghcr.io/Acme", "a b", "/", "x/../y"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(CoopError) as caught:
        registry(address, None)
    assert "without https:// and without a tag" in caught.value.remedy


@pytest.mark.parametrize(
    "published",
    [
        f"docker.io/acme/hello:coop-1@sha256:{'a' * 64}",
        f"docker.io/acme/hello@sha256:{'a' * 64}",
        f"localhost:5000/hello:x@sha256:{'a' * 64}\n",
    ],
)
def test_the_digest_is_taken_from_whatever_name_comes_back(published: str) -> None:
    assert registry("acme", "mirror:5000").reference("hello", published) == f"mirror:5000/hello@sha256:{'a' * 64}"


async def test_the_environment_goes_first(tmp_path: Path) -> None:
    env = environ(tmp_path, {"auths": {"ghcr.io": auth("file", "x")}})
    env |= {"COOP_REGISTRY_USERNAME": "ada", "COOP_REGISTRY_PASSWORD": "pa55word"}
    assert await credentials("ghcr.io", env) == Credentials("ada", "pa55word")


@pytest.mark.parametrize("key", ["ghcr.io", "https://ghcr.io", "https://ghcr.io/"])
async def test_what_docker_login_wrote_is_read(tmp_path: Path, key: str) -> None:
    env = environ(tmp_path, {"auths": {key: auth("ada", "a:colon")}})
    assert await credentials("ghcr.io", env) == Credentials("ada", "a:colon")
    assert await credentials("other.example.org", env) is None


async def test_docker_hub_is_known_by_its_old_name(tmp_path: Path) -> None:
    env = environ(tmp_path, {"auths": {"https://index.docker.io/v1/": auth("ada", "hub")}})
    assert await credentials("docker.io", env) == Credentials("ada", "hub")


async def test_the_hosts_own_helper_goes_before_the_common_store(tmp_path: Path) -> None:
    answer = 'read host; printf \'{"Username":"%s","Secret":"token-for-%s"}\' gcloud "$host"'
    env = environ(
        tmp_path, {"credHelpers": {"pkg.example.org": "gcloud"}, "credsStore": "desktop"},
        gcloud=answer, desktop='echo \'{"Username":"ada","Secret":"common"}\'',
    )  # fmt: skip
    assert await credentials("pkg.example.org", env) == Credentials("gcloud", "token-for-pkg.example.org")
    assert await credentials("ghcr.io", env) == Credentials("ada", "common")


@pytest.mark.parametrize(
    "answer",
    [
        "echo 'credentials not found in native keychain'; exit 1",
        "echo nonsense",
        'echo \'{"Username":"<token>","Secret":"identity"}\'',
        "echo '[]'",
    ],
)
async def test_a_helper_that_knows_nothing_usable_leaves_it_to_the_session(tmp_path: Path, answer: str) -> None:
    assert await credentials("ghcr.io", environ(tmp_path, {"credsStore": "desktop"}, desktop=answer)) is None


async def test_a_helper_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CoopError, match="docker-credential-desktop is not on PATH") as caught:
        await credentials("ghcr.io", environ(tmp_path, {"credsStore": "desktop"}))
    assert "COOP_REGISTRY_USERNAME" in caught.value.remedy


async def test_a_helpers_name_runs_nothing_else(tmp_path: Path) -> None:
    for name in ("../evil", "x; touch y", "/bin/sh"):
        with pytest.raises(CoopError):
            await credentials("ghcr.io", environ(tmp_path, {"credsStore": name}))


async def test_a_broken_configuration_is_told_and_none_is_none(tmp_path: Path) -> None:
    with pytest.raises(CoopError) as caught:
        await credentials("ghcr.io", environ(tmp_path, "{"))
    assert "correct" in caught.value.remedy
    assert await credentials("ghcr.io", {"HOME": str(tmp_path / "nobody"), "PATH": ""}) is None
    odds: list[Any] = [{"auths": []}, {"auths": {"ghcr.io": {"auth": "!"}}}, [], {"credHelpers": {"ghcr.io": 1}}]
    for odd in odds:
        assert await credentials("ghcr.io", environ(tmp_path, odd)) is None


def test_a_password_is_in_no_representation() -> None:
    assert "pa55word" not in repr(Credentials("ada", "pa55word"))


def test_hidden_values_vanish_whole_and_line_by_line() -> None:
    hidden = Hidden(["longer-secret", "secret", "first\nsecond-line", "abc", ""])
    assert hidden("a longer-secret and a secret, second-line, abc") == "a ••• and a •••, •••, abc"
