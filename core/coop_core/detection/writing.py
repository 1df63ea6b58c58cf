"""A proposal as the text of a `coop.yaml`, each line with its reason. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core import yamls
from coop_core.spec.reading import parse
from coop_core.text import one_line

if TYPE_CHECKING:
    from coop_core.detection.proposing import Proposal

_COLUMN = 40
"""Where comments begin, unless the line is longer."""

_HEAD = "# How coop builds and runs this service; `coop schema` describes every key."


def text(proposal: Proposal) -> str:
    """Checked: the loader takes it."""
    lines = [_HEAD, *_lines(proposal)]
    written = "\n".join([*lines, ""])
    parse(written.encode())
    return written


def _lines(proposal: Proposal) -> list[str]:
    found = {key: choice.best for key, choice in proposal.choices.items()}

    def line(key: str, missing: str = "") -> list[str]:
        if key not in found:
            return [missing] if missing else []
        return [_commented(_pair(key, found[key].value), found[key].because)]

    name = _commented(_pair("name", proposal.name), "part of its URL")
    port = _commented("port: 8080", "given to it as $PORT")
    lines = [name, *line("run", _no_run(proposal)), *(line("port") or [port])]
    lines += line("health", "# health: /healthz") + line("test")
    variables = [key for key in found if key.startswith("env.")]
    if variables:
        lines.append("env:")
        lines += [
            _commented(f"  {_pair(key.removeprefix('env.'), found[key].value)}", found[key].because)
            for key in sorted(variables)
        ]
    main = {key: found[f"main.{key}"].value for key in ("replicas", "host") if f"main.{key}" in found}
    inside = ", ".join(f"{key}: {value}" for key, value in ({"replicas": "2"} | main).items())
    return [*lines, "environments:", f"  main: {{{inside}}}", "  personal: {replicas: 1}"]


def _no_run(proposal: Proposal) -> str:
    for key in ("image", "site"):
        if key in proposal.choices:
            found = proposal.choices[key].best
            what = "the image starts with" if key == "image" else "static files in"
            return f"# no run: {what} {one_line(found.value, 120)} ({one_line(found.because, 120)})"
    return ""


def _pair(key: str, value: str) -> str:
    written: object = int(value) if key == "port" else value
    return yamls.dump({key: written}).decode().rstrip("\n")


def _commented(line: str, because: str) -> str:
    """The comment behind the line, or above it when there is no room."""
    comment = f"# {one_line(because, 110)}"
    return f"{line:{_COLUMN}} {comment}" if len(line) <= _COLUMN else f"{comment}\n{line}"
