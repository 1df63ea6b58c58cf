"""What a repository says for other tools: Procfile, Dockerfile, Makefile, `.env.example`. Pure."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING

from coop_core.detection.findings import Finding, Weight, note
from coop_core.detection.routes import PATH_IN_URL, on_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coop_core.detection.tree import Tree

DOCKERFILES = ("Dockerfile", "Containerfile")
EXAMPLES = (".env.example", ".env.sample", ".env.template")

_PROCESS = re.compile(r"([A-Za-z0-9_-]+):\s*(.*)")
_INSTRUCTION = re.compile(r"\s*([A-Za-z]+)\s+(.*)")
_INTERPRETED = re.compile(
    r"(\S*/)?(python3?|gunicorn|uvicorn|hypercorn|flask|streamlit|waitress-serve|node|npm|yarn|pnpm)\s"
)


def procfile(tree: Tree) -> Iterator[Finding]:
    others = []
    for number, line in enumerate(tree.text("Procfile").splitlines(), 1):
        match = _PROCESS.fullmatch(line.strip())
        if match and match[1] == "web":
            yield Finding("run", match[2], f"Procfile:{number} says so", Weight.DECLARED)
        elif match:
            others.append(match[1])
    if others:
        yield note(
            f"the Procfile also names {', '.join(others)}: each needs a service of its own, or a Job under k8s/"
        )


def dockerfile(tree: Tree) -> Iterator[Finding]:
    """What the last stage of a Dockerfile says. The start command only where it runs without the image too."""
    path = next((path for path in DOCKERFILES if tree.has(path)), "")
    ports: list[Finding] = []
    start: Finding | None = None
    entry = ""
    for number, name, rest in _instructions(tree.text(path)):
        where = f"{path}:{number}"
        if name == "FROM":
            ports, start, entry = [], None, ""
        elif name == "EXPOSE":
            numbers = re.findall(r"\b(\d{1,5})(?:/tcp)?(?=\s|$)", rest)
            ports += [Finding("port", number, f"{where} exposes it") for number in numbers]
        elif name == "HEALTHCHECK" and (health := PATH_IN_URL.search(rest)):
            yield Finding("health", health[1], f"{where} asks for it")
        elif name == "ENTRYPOINT":
            entry = _command(rest)
            start = Finding("image", entry, f"{where} starts it")
        elif name == "CMD":
            start = Finding("image", f"{entry} {_command(rest)}".strip(), f"{where} starts it")
    yield from ports
    if start is not None:
        yield start
        yield from _without_image(start, [port.value for port in ports])


def has_dockerfile(tree: Tree) -> bool:
    return any(tree.has(path) for path in DOCKERFILES)


def _without_image(start: Finding, ports: list[str]) -> Iterator[Finding]:
    """The command as a `run` line: only for what is interpreted, and so needs no image."""
    if _INTERPRETED.match(start.value):
        yield on_port(Finding("run", start.value, start.because), ports)


def _instructions(text: str) -> Iterator[tuple[int, str, str]]:
    """(line, name, rest), continued lines joined."""
    pending, first = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        if raw.lstrip().startswith("#") or (not pending and not raw.strip()):
            continue
        first = first if pending else number
        pending += raw.rstrip().removesuffix("\\") + " "
        if raw.rstrip().endswith("\\"):
            continue
        if match := _INSTRUCTION.fullmatch(pending.strip()):
            yield first, match[1].upper(), match[2]
        pending = ""


def _command(rest: str) -> str:
    """A command in Docker's JSON form as one for a shell; in the other form, it is one."""
    try:
        words = json.loads(rest)
    except (ValueError, RecursionError):
        return rest.strip()
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return ""
    is_shell = len(words) == 3 and words[0].endswith("sh") and words[1] == "-c"
    return words[2] if is_shell else shlex.join(words)


def makefile(tree: Tree) -> Iterator[Finding]:
    if re.search(r"^test:", tree.text("Makefile"), re.MULTILINE):
        yield Finding("test", "make test", "the Makefile has the target test", Weight.LIKELY)


def example_of_env(tree: Tree) -> Iterator[Finding]:
    """Names alone: a value in an example is as likely a secret as not."""
    for path in EXAMPLES:
        names = re.findall(r"^(?:export\s+)?([A-Z][A-Z0-9_]*)=", tree.text(path), re.MULTILINE)
        wanted = [name for name in dict.fromkeys(names) if name != "PORT"][:20]
        if wanted:
            yield note(f"{path} names {', '.join(wanted)}: what is no secret belongs under env")
