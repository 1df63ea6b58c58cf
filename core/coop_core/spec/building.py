"""The key `build` of `coop.yaml`: what a Dockerfile is told. Only the dagger builder reads Dockerfiles."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coop_core import yamls
from coop_core.spec.fields import Command, Group, Variables, Word
from coop_core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coop_core.spec.fields import Field, Problems, Schema
    from coop_core.yamls import Node

_SECRET = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}"
_PATH = r"(?!/)(?!.*(?:^|/)\.\.?(?:/|$))[A-Za-z0-9_.][A-Za-z0-9_./-]{0,250}"


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where a secret comes from when it is needed: a variable where coop runs, or what a command prints."""

    env: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True)
class BuildSpec:
    """dockerfile: "" for `Dockerfile` where there is one. platform: "" for the builder's own."""

    dockerfile: str = ""
    target: str = ""
    args: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, SecretSource] = field(default_factory=dict)
    platform: str = ""


_SOURCE = Group(
    "Where the secret comes from: a variable, or a command.",
    {
        "env": Word(
            "The variable that holds it where coop runs.", "[A-Za-z_][A-Za-z0-9_]*",
            "use the name of a variable, e.g. env: NPM_TOKEN", "NPM_TOKEN",
        ),
        "command": Command("What prints it.", "gh auth token"),
    },
    SecretSource,
    "say where it comes from, e.g. {env: NPM_TOKEN} or {command: gh auth token}",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Secrets:
    """Names and sources. A value never stands in the file."""

    about: str

    def read(self, problems: Problems, key: str, node: Node) -> dict[str, SecretSource]:
        if not isinstance(node, yamls.Mapping):
            problems.refuse(key, node, "use names and sources, e.g. secrets: {token: {env: NPM_TOKEN}}")
            return {}
        found = {}
        for name, (line, value) in node.items.items():
            if not re.fullmatch(_SECRET, name):
                problems.add(line, f"{one_line(name, 60)!r} is no name for a secret", "use letters, digits and _")
                continue
            source: SecretSource = _SOURCE.read(problems, f"{key}.{name}", value)
            if isinstance(value, yamls.Mapping) and len(value.items) != 1:
                problems.add(line, f"{key}.{name} has not one source", _SOURCE.remedy)
            found[name] = source
        return found

    def schema(self) -> Schema:
        return {
            "type": "object",
            "propertyNames": {"pattern": f"^(?:{_SECRET})$"},
            "additionalProperties": {**_SOURCE.schema(), "minProperties": 1, "maxProperties": 1},
        }


_FIELDS: dict[str, Field] = {
    "dockerfile": Word(
        "The Dockerfile, inside the service's folder.", _PATH,
        "use a path inside the service's folder, e.g. dockerfile: docker/Dockerfile", "Dockerfile",
    ),
    "target": Word(
        "The stage to build; by default the last one.", "[A-Za-z0-9][A-Za-z0-9_.-]{0,127}",
        "use the name of a stage, e.g. target: runtime", "runtime",
    ),
    "args": Variables("Values for the Dockerfile's ARG lines. No place for secrets: images keep them."),
    "secrets": Secrets("Secrets for RUN --mount=type=secret,id=<name>; no image keeps them."),
    "platform": Word(
        "What it is built for; by default what the builder runs on.", "[a-z0-9]+/[a-z0-9_]+(/[a-z0-9]+)?",
        "use a platform, e.g. platform: linux/amd64", "linux/amd64",
    ),
}  # fmt: skip

BUILD = Group(
    "How its image is built by Dagger. Left out: by its Dockerfile, else by its language.",
    _FIELDS,
    BuildSpec,
    "use dockerfile, target, args, secrets, platform, e.g. build: {target: runtime}",
)
