"""Reads `coop.yaml`. Problems are reported all at once, each with its line and with what to write instead.

`SERVICE` says which keys there are; the JSON Schema is made of it too.
"""

from __future__ import annotations

import shlex
from typing import Any

from coop_core import yamls
from coop_core.spec.building import BUILD
from coop_core.spec.fields import Command, Field, Group, Number, Problems, Refused, Variables, Word, Words
from coop_core.spec.service import EnvironmentSpec, ServiceSpec
from coop_core.yamls import Mapping, Scalar

FILE_NAME = "coop.yaml"
NEAR_MISS = "coop.yml"
"""What people call it who mean the same."""

REPLICAS_LIMIT = 100

_LABEL = "[a-z]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*"


def rename(near_miss: str) -> str:
    """The command that gives such a file its right name."""
    return f"mv {shlex.quote(near_miss)} {shlex.quote(near_miss.removesuffix(NEAR_MISS) + FILE_NAME)}"


def parse(text: bytes, where: str = FILE_NAME) -> ServiceSpec:
    """The service that a `coop.yaml` describes. where: the file's name, for messages."""
    documents = [node for node in yamls.nodes(text, where) if not (isinstance(node, Scalar) and node.value is None)]
    if len(documents) != 1 or not isinstance(documents[0], Mapping):
        line = documents[1].line if len(documents) > 1 else 1
        raise yamls.problem(where, line, "it is not one mapping of keys to values", SERVICE.remedy)
    problems = Problems(where)
    values = SERVICE.values(problems, "", documents[0])
    problems.report()
    return _service(**values)


def _service(
    *, environments: dict[str, Any] | None = None, watch: dict[str, Any] | None = None, **values: Any
) -> ServiceSpec:
    return ServiceSpec(**values, **(environments or {}), **(watch or {}))


def _environment(kind: str, host: Field) -> Group:
    about = {"main": "What everybody shares, from the branch main.", "personal": "What is yours alone, dev-<you>."}
    fields: dict[str, Field] = {
        "replicas": Number("How many of it run.", 0, REPLICAS_LIMIT, 2),
        "env": Variables("Variables for this environment alone; they win over the common ones."),
        "host": host,
    }
    remedy = f"use replicas, env, host, e.g. {kind}: {{replicas: 2}}"
    return Group(about[kind], fields, EnvironmentSpec, remedy)


SERVICE = Group(
    "A service, as coop deploys it.",
    {
        "name": Word(
            "The service's name, a DNS label; part of its URL.", _LABEL,
            "use lower-case letters, digits and dashes, and start with a letter, e.g. name: hello", "hello",
        ),
        "run": Command("How it starts. It must listen on $PORT. Left out: what its image says.", "python -m hello"),
        "port": Number("The port that it listens on, given as $PORT.", 1, 65535, 8080),
        "build": BUILD,
        "test": Command("What runs before it is built for everybody.", "python -m unittest"),
        "health": Word(
            "A path that answers 200 once it is ready. Left out: an open port is ready.", "/[!-~]{0,500}",
            "use a path that starts with a slash, e.g. health: /healthz", "/healthz",
        ),
        "env": Variables("Variables, the same in every environment."),
        "needs": Words(Word(
            "Services of this repository that run before this one; <NAME>_SERVICE_HOST and _PORT say where.",
            _LABEL, "use the names of services, e.g. needs: [database]", "database",
        )),
        "watch": Group(
            "What the dev loop looks at.",
            {"ignore": Words(Word(
                "Files whose change deploys nothing, as a .gitignore names them.", r"(?!#)[^\0\r\n]{1,400}",
                "use patterns, e.g. ignore: ['*.md', docs/]", "*.md",
            ))},
            dict,
            "use ignore, e.g. watch: {ignore: ['*.md']}",
        ),
        "environments": Group(
            "What differs between environments.",
            {
                "main": _environment("main", Word(
                    "The host name; by default <service>.<environment>.<domain>.", _HOST,
                    "use a host name alone, e.g. host: hello.example.org", "hello.example.org",
                )),
                "personal": _environment("personal", Refused(
                    "remove it: everybody's personal environment has a host of its own"
                )),
            },
            dict,
            "use main and personal, e.g. environments: {main: {replicas: 2}}",
        ),
    },
    _service,
    "start it with: name: hello",
    required=("name",),
)  # fmt: skip
