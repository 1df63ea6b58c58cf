"""The key `build`: what a Dockerfile is told."""

from __future__ import annotations

import pytest
import yaml

from coop_core.errors import CoopError
from coop_core.spec import BuildSpec, SecretSource, parse
from coop_core.spec.schema import json_schema
from tests.spec.test_spec_schema import accepts

WHOLE = """\
name: hello
build:
  dockerfile: docker/Dockerfile
  target: runtime
  args: {VERSION: 3}
  secrets: {token: {env: NPM_TOKEN}, other: {command: gh auth token}}
  platform: linux/arm64/v8
"""


def test_everything_a_dockerfile_can_be_told_is_read() -> None:
    assert parse(WHOLE.encode()).build == BuildSpec(
        "docker/Dockerfile", "runtime", {"VERSION": "3"},
        {"token": SecretSource(env="NPM_TOKEN"), "other": SecretSource(command="gh auth token")},
        "linux/arm64/v8",
    )  # fmt: skip
    assert accepts(json_schema(), yaml.safe_load(WHOLE))


def test_without_the_key_nothing_is_said() -> None:
    assert parse(b"name: hello").build == BuildSpec()


@pytest.mark.parametrize(
    ("written", "remedy"),
    [
        ("dockerfile: ../Dockerfile", "use a path inside the service's folder"),
        ("dockerfile: /etc/Dockerfile", "use a path inside the service's folder"),
        ("dockerfile: a/../b", "use a path inside the service's folder"),
        ("platform: arm", "use a platform, e.g. platform: linux/amd64"),
        ("target: -x", "use the name of a stage"),
        ("secrets: {token: s3cret}", "say where it comes from"),
        ("secrets: {token: {}}", "say where it comes from"),
        ("secrets: {token: {env: A, command: b}}", "say where it comes from"),
        ("secrets: {a/b: {env: A}}", "use letters, digits and _"),
        ("stage: x", "write target"),
    ],
)
def test_what_cannot_be_is_refused_by_loader_and_schema(written: str, remedy: str) -> None:
    text = f"name: hello\nbuild:\n  {written}\n"
    with pytest.raises(CoopError) as caught:
        parse(text.encode())
    assert remedy in caught.value.remedy
    assert not accepts(json_schema(), yaml.safe_load(text))
