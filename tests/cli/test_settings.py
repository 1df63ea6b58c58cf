"""`settings.toml`: what it may hold, and what a mistake in it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from coop_core import settings
from coop_core.errors import CoopError, ExitCode
from coop_core.paths import Home
from coop_core.settings import Cluster, Dagger, Registry, Settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home.under(tmp_path)
    made.settings_file.parent.mkdir(parents=True)
    return made


def mistake(home: Home, text: str) -> tuple[str, str]:
    """Why and remedy, without the file's name."""
    home.settings_file.write_text(text)
    with pytest.raises(CoopError) as caught:
        settings.load(home)
    assert caught.value.exit_code == ExitCode.CONFIG
    return caught.value.why.removeprefix(str(home.settings_file)), caught.value.remedy


def test_no_file_is_every_default(home: Home) -> None:
    assert settings.load(home) == Settings()


def test_every_key_is_read(home: Home) -> None:
    home.settings_file.write_text("""\
user = "ada"
expires = "12h"
port = 0
[cluster]
kubeconfig = "~/k"
[registry]
address = "ghcr.io/ada"
[dagger]
images = {python = "mirror/python:3"}
""")
    read = settings.load(home)
    assert read.lifetime_s == 12 * 3600
    assert read.cluster == Cluster("~/k")
    assert read.registry == Registry("ghcr.io/ada")
    assert read.dagger == Dagger(images={"python": "mirror/python:3"})


@pytest.mark.parametrize(
    ("text", "why", "remedy"),
    [
        ("port = 99999", ':1: "port" does not hold', "write port as a whole number from 0 to 65535"),
        ('user = "a"\nport = "x"', ':2: "port" does not hold', "whole number"),
        ('expires = "7w"', ':1: "expires" does not', '"never", or hours or days'),
        ('builder = "docker"', ':1: "builder" does not', '"local" or "dagger"'),
        ("\nprot = 1", ':2: there is no key "prot"', 'did you mean "port"? The keys are user, remote, expires'),
        ('[cluster]\nkubconfig = "a"', ':2: there is no key "cluster.kubconfig"', '"cluster.kubeconfig"'),
        ("[cluster]\n", ":1: [cluster] needs the key kubeconfig", "write there kubeconfig = …: a path"),
        ("[dagger]\nengine = 1", ':2: "dagger.engine" does not', "tcp://host:1234"),
        ('[dagger]\nimages = {perl = "x"}', ':2: "dagger.images" does not', "python, node, static"),
        ("cluster = 1", ':1: "cluster" does not', "[cluster] on a line of its own"),
        ("dagger.cli = 1", ': "dagger.cli" does not', "a path"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_to_write(home: Home, text: str, why: str, remedy: str) -> None:
    said, advice = mistake(home, text)
    assert said.startswith(why)
    assert remedy in advice


@pytest.mark.parametrize("text", ["colour = 1", '[cluster]\nkubeconfig = "a"\ncolour = "red"'])
def test_a_key_that_is_like_no_other_is_not_guessed_at(home: Home, text: str) -> None:
    _, advice = mistake(home, text)
    assert advice.startswith("The keys")


def test_what_is_no_toml_is_told_with_its_place(home: Home) -> None:
    said, advice = mistake(home, "port 3")
    assert "line 1" in said
    assert "correct the TOML" in advice


def test_a_key_that_is_hostile_reaches_no_terminal(home: Home) -> None:
    said, _ = mistake(home, '"\\u001b]0;title\\u0007" = 1')
    assert "\x1b" not in said
    assert "\x07" not in said


def test_errors_know_every_key() -> None:
    tables: dict[str, type[msgspec.Struct]] = {
        "": Settings,
        "cluster": Cluster,
        "registry": Registry,
        "dagger": Dagger,
    }
    keys = {
        f"{table}.{field.name}".lstrip(".")
        for table, struct in tables.items()
        for field in msgspec.structs.fields(struct)
    }
    assert keys == set(settings._WANTED)
