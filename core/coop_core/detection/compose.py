"""What a compose file says of the services that are built here. Pure."""

from __future__ import annotations

import posixpath
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coop_core import yamls
from coop_core.detection.findings import Finding, note
from coop_core.detection.routes import PATH_IN_URL, on_port
from coop_core.errors import CoopError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coop_core.detection.tree import Tree

FILES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")

SECRET = re.compile(r"PASS|SECRET|TOKEN|KEY|CREDENTIAL|PRIVATE|DSN", re.IGNORECASE)
"""In the name of a variable whose value is not to be copied into Git."""


@dataclass(frozen=True, slots=True)
class Compose:
    """folders: of what is built here, by the name it has there. others: services that are images of others."""

    path: str
    folders: dict[str, str]
    others: tuple[str, ...]
    bodies: dict[str, dict[str, Any]]


def read(tree: Tree) -> Compose | None:
    """None when there is no compose file that can be read."""
    path = next((path for path in FILES if tree.text(path)), "")
    try:
        content = yamls.load(tree.text(path).encode(), path) if path else None
    except CoopError:
        return None
    services = content.get("services") if isinstance(content, dict) else None
    if not isinstance(services, dict):
        return None
    bodies = {name: body for name, body in services.items() if isinstance(body, dict)}
    folders = {name: folder for name, body in bodies.items() if (folder := _context(body)) is not None}
    return Compose(path, folders, tuple(name for name in bodies if name not in folders), bodies)


def look(compose: Compose, folder: str) -> Iterator[Finding]:
    """What it says of the service that is built in `folder`, and only when there is exactly one."""
    names = [name for name, where in compose.folders.items() if where == folder]
    if len(names) != 1:
        return
    body, says = compose.bodies[names[0]], f"{compose.path}, service {names[0]}"
    yield Finding("name", names[0], says)
    ports = list(dict.fromkeys(_ports(body)))
    for port in ports:
        yield Finding("port", port, says)
    command = body.get("command")
    if isinstance(command, list) and all(isinstance(word, str) for word in command):
        command = shlex.join(command)
    if isinstance(command, str) and "${" not in command:
        yield on_port(Finding("run", command.strip(), says), ports)
    check = body.get("healthcheck")
    if isinstance(check, dict) and (health := PATH_IN_URL.search(str(check.get("test", "")))):
        yield Finding("health", health[1], says)
    yield from _environment(body, says, re.compile(rf"//({'|'.join(map(re.escape, compose.bodies))})\b"))


def backing(compose: Compose) -> Iterator[Finding]:
    if compose.others:
        names = ", ".join(compose.others)
        yield note(
            f"{compose.path} also starts {names}: coop does not; run it elsewhere, or describe it under k8s/"
        )


def _context(body: dict[str, Any]) -> str | None:
    """The folder that is built, "" for the root; None for what is not built, or not here."""
    build = body.get("build")
    context = build.get("context", ".") if isinstance(build, dict) else build
    if not isinstance(context, str) or "://" in context or context.startswith("/"):
        return None
    folder = posixpath.normpath(context)
    return None if folder.startswith("..") else folder.removeprefix(".")


def _ports(body: dict[str, Any]) -> Iterator[str]:
    """The side of the container, of published ports and exposed ones."""
    for key in ("ports", "expose"):
        listed = body.get(key)
        for port in listed if isinstance(listed, list) else ():
            target = port.get("target") if isinstance(port, dict) else port
            found = re.search(r"(\d{1,5})(?:/tcp)?$", str(target))
            if found:
                yield found[1]


def _environment(body: dict[str, Any], says: str, neighbours: re.Pattern[str]) -> Iterator[Finding]:
    """neighbours: finds the address of another service of the file, which is another one here."""
    given = body.get("environment")
    if isinstance(given, list):
        given = dict(line.split("=", 1) for line in given if isinstance(line, str) and "=" in line)
    secret, elsewhere = [], []
    for name, value in given.items() if isinstance(given, dict) else ():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if name == "PORT":
            yield Finding("port", text, says)
        elif value is None or SECRET.search(name) or "${" in text or re.search(r"://[^/\s]*@", text):
            secret.append(name)
        elif neighbours.search(text):
            elsewhere.append(name)
        elif re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            yield Finding(f"env.{name}", text, says)
    if secret:
        yield note(f"{says}, sets {', '.join(secret)}: left out, for a secret does not belong in Git")
    if elsewhere:
        yield note(
            f"{says}, sets {', '.join(elsewhere)} to the address of another service: it has another one here"
        )
