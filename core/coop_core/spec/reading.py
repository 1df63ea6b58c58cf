"""Reads `coop.yaml`. Problems are reported all at once, each with its line and with what to write instead."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Callable
from typing import Any

from coop_core import yamls
from coop_core.errors import CoopError, ExitCode
from coop_core.spec.service import EnvironmentSpec, ServiceSpec
from coop_core.text import one_line
from coop_core.yamls import Mapping, Node, Scalar

FILE_NAME = "coop.yaml"

REPLICAS_LIMIT = 100
_TEXT_LIMIT = 4096

_LABEL = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")

_Reader = Callable[["_Problems", str, Node], Any]


def parse(text: bytes, where: str = FILE_NAME) -> ServiceSpec:
    """The service that a `coop.yaml` describes. where: the file's name, for messages."""
    documents = [node for node in yamls.nodes(text, where) if not (isinstance(node, Scalar) and node.value is None)]
    if len(documents) != 1 or not isinstance(documents[0], Mapping):
        line = documents[1].line if len(documents) > 1 else 1
        raise yamls.problem(where, line, "it is not one mapping of keys to values", "start it with: name: hello")
    problems = _Problems(where)
    values = problems.read(documents[0], _SERVICE, "")
    if "name" not in documents[0].items:
        problems.add(documents[0].line, "there is no name", "add a line like: name: hello")
    problems.report()
    environments = values.pop("environments", {})
    return ServiceSpec(**values, **environments)


class _Problems:
    """Collects what is wrong in one file."""

    def __init__(self, where: str) -> None:
        self._where = one_line(where)
        self._found: list[tuple[int, str, str]] = []

    def add(self, line: int, why: str, remedy: str) -> None:
        self._found.append((line, why, remedy))

    def refuse(self, key: str, node: Node, remedy: str) -> None:
        """`key` has a value that it cannot have."""
        value = repr(one_line(node.text, 60)) if isinstance(node, Scalar) else "a list or a mapping"
        self.add(node.line, f"{key} is {value}", remedy)

    def report(self) -> None:
        """Raises when there was anything."""
        if not self._found:
            return
        found = sorted(self._found)
        why = "; ".join(f"{self._where}:{line}: {told}" for line, told, _ in found)
        remedy = "; ".join(dict.fromkeys(remedy for _, _, remedy in found))
        raise CoopError(f"cannot read {self._where}", why, remedy, ExitCode.CONFIG)

    def read(self, node: Mapping, readers: dict[str, _Reader], inside: str) -> dict[str, Any]:
        """The values of the known keys that are there and right."""
        values = {}
        for key, (line, value) in node.items.items():
            if key not in readers:
                self._unknown(key, line, list(readers), inside)
                continue
            before = len(self._found)
            read = readers[key](self, f"{inside}{key}", value)
            if len(self._found) == before:
                values[key] = read
        return values

    def _unknown(self, key: str, line: int, known: list[str], inside: str) -> None:
        nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
        remedy = f"write {nearest[0]}" if nearest else f"use one of: {', '.join(known)}"
        self.add(line, f"the key {one_line(inside + key, 60)!r} is not known", remedy)


def _name(problems: _Problems, key: str, node: Node) -> str:
    if isinstance(node, Scalar) and _LABEL.fullmatch(node.text):
        return node.text
    problems.refuse(
        key, node, "use lower-case letters, digits and dashes, and start with a letter, e.g. name: hello"
    )
    return ""


def _port(problems: _Problems, key: str, node: Node) -> int:
    return _number(problems, key, node, (1, 65535, 8080))


def _replicas(problems: _Problems, key: str, node: Node) -> int:
    return _number(problems, key, node, (0, REPLICAS_LIMIT, 2))


def _number(problems: _Problems, key: str, node: Node, limits: tuple[int, int, int]) -> int:
    low, high, example = limits
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return value
    word = key.rsplit(".", 1)[-1]
    problems.refuse(key, node, f"use a number from {low} to {high}, e.g. {word}: {example}")
    return low


def _text(problems: _Problems, key: str, node: Node) -> str:
    text = node.text if isinstance(node, Scalar) and node.value is not None else ""
    if 0 < len(text) <= _TEXT_LIMIT and "\0" not in text:
        return text
    problems.refuse(key, node, f"write text, or leave {key} out")
    return ""


def _command(problems: _Problems, key: str, node: Node) -> str:
    text = _text(problems, key, node)
    try:
        shlex.split(text)
    except ValueError:
        problems.refuse(key, node, "close the quotation marks")
    return text.strip()


def _path(problems: _Problems, key: str, node: Node) -> str:
    if isinstance(node, Scalar) and re.fullmatch(r"/[!-~]{0,500}", node.text):
        return node.text
    problems.refuse(key, node, "use a path that starts with a slash, e.g. health: /healthz")
    return ""


def _host(problems: _Problems, key: str, node: Node) -> str:
    if isinstance(node, Scalar) and _HOST.fullmatch(node.text):
        return node.text
    problems.refuse(key, node, "use a host name alone, e.g. host: hello.example.org")
    return ""


def _no_host(problems: _Problems, key: str, node: Node) -> str:
    problems.refuse(key, node, "remove it: everybody's personal environment has a host of its own")
    return ""


def _env(problems: _Problems, key: str, node: Node) -> dict[str, str]:
    """Variables; a number or a boolean stays as its author wrote it."""
    if not isinstance(node, Mapping):
        problems.refuse(key, node, f"use names and values, e.g. {key.rsplit('.', 1)[-1]}: {{GREETING: hello}}")
        return {}
    found = {}
    for name, (line, value) in node.items.items():
        if not _VARIABLE.fullmatch(name):
            problems.add(line, f"{one_line(name, 60)!r} is no name for a variable", "use letters, digits and _")
        elif name == "PORT":
            problems.add(line, f"{key} sets PORT", "remove it and use the key port")
        elif not isinstance(value, Scalar) or (value.is_plain and value.value is None) or "\0" in value.text:
            problems.add(line, f"{key}.{name} is no text", f"write {name}: 'value'; an empty one is ''")
        else:
            found[name] = value.text
    return found


def _environments(problems: _Problems, key: str, node: Node) -> dict[str, EnvironmentSpec]:
    if not isinstance(node, Mapping):
        problems.refuse(key, node, "use main and personal, e.g. environments: {main: {replicas: 2}}")
        return {}
    return problems.read(node, {"main": _main, "personal": _personal}, f"{key}.")


def _main(problems: _Problems, key: str, node: Node) -> EnvironmentSpec:
    return _environment(problems, key, node, _MAIN)


def _personal(problems: _Problems, key: str, node: Node) -> EnvironmentSpec:
    return _environment(problems, key, node, _PERSONAL)


def _environment(problems: _Problems, key: str, node: Node, readers: dict[str, _Reader]) -> EnvironmentSpec:
    if isinstance(node, Mapping):
        return EnvironmentSpec(**problems.read(node, readers, f"{key}."))
    problems.refuse(key, node, f"use {', '.join(_MAIN)}, e.g. {key.rsplit('.', 1)[-1]}: {{replicas: 2}}")
    return EnvironmentSpec()


_MAIN: dict[str, _Reader] = {"replicas": _replicas, "env": _env, "host": _host}
_PERSONAL: dict[str, _Reader] = {"replicas": _replicas, "env": _env, "host": _no_host}
_SERVICE: dict[str, _Reader] = {
    "name": _name,
    "run": _command,
    "port": _port,
    "test": _command,
    "health": _path,
    "env": _env,
    "environments": _environments,
}
