"""What a build, a registry or a session says when it fails, turned into what a user can do about it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from coop_core.build.dagger import calls, dockerfile
from coop_core.build.request import BuildFailed
from coop_core.errors import CoopError
from coop_core.text import lines, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LINES_SHOWN = 15

# The engine marks where an error began, for its own screens.
_ORIGIN = re.compile(r"\s*\[traceparent:[0-9a-f-]+\]")
_UNSUPPORTED = re.compile(r"llbtodagger|unsupported|not supported|frontend", re.IGNORECASE)

# (what a registry answers, remedy); the first that matches wins.
_REGISTRY = (
    (
        "server gave HTTP response to HTTPS client",
        'it speaks plain HTTP: put "registries": {{"{host}": {{"http": true}}}}'
        " into ~/.config/dagger/engine.json, then remove Dagger's engine container, which reads it when it is made",
    ),
    (
        "x509|certificate",
        'put its certificate into ~/.config/dagger/engine.json, under "registries", "{host}", "ca", then remove'
        " Dagger's engine container: it reads that file when it is made",
    ),
    (
        "40[13]|unauthorized|denied|forbidden|authentication",
        "docker login {host}; or set COOP_REGISTRY_USERNAME and COOP_REGISTRY_PASSWORD",
    ),
    (
        "no such host|connection refused|timeout|unreachable|connection reset|EOF|50[0-9]",
        "check that {host} answers from where Dagger's engine runs; inside it, localhost is the engine itself",
    ),
)


class Explainer:
    """Puts errors of one build into words. source: its Dockerfile's text, "" without one."""

    def __init__(self, service: str, hidden: Callable[[str], str], name: str = "", source: str = "") -> None:
        self._what = f"cannot build {service}"
        self._service = service
        self._hidden = hidden
        self._name = name
        self._source = source

    def refused(self, message: str) -> CoopError:
        """Dagger would not build it. message: its own words."""
        told = self._told(message)
        if self._source and _UNSUPPORTED.search(told):
            return BuildFailed(
                self._what, f"Dagger cannot build this {self._name}: {told}",
                "write it without that; Dagger knows Docker's own syntax and no custom #syntax line",
            )  # fmt: skip
        if re.search("secret .* is required", told):
            return BuildFailed(
                self._what, told, "name it in coop.yaml, e.g. build: {secrets: {token: {env: TOKEN}}}"
            )
        if self._source:
            return BuildFailed(self._what, f"{self._name}: {told}", f"correct {self._name}")
        return BuildFailed(self._what, told, "correct it and save")

    def failed(self, command: Sequence[str], exit_code: int, stdout: str, stderr: str) -> CoopError:
        """A step ran and failed."""
        line = dockerfile.line_of(self._source, command) if self._source else None
        where = f"{self._name}:{line}: " if line else ""
        shown = one_line(self._hidden(calls.command(command)), 200)
        return BuildFailed(
            self._what, f"{where}`{shown}` ended with {exit_code}", "correct it and save",
            self._last_lines(stdout, stderr),
        )  # fmt: skip

    def _last_lines(self, stdout: str, stderr: str) -> tuple[str, ...]:
        """What it said last: its errors, and as much of its output as there is room for."""
        errors = self._printable(stderr)
        room = LINES_SHOWN - len(errors)
        return (*(self._printable(stdout)[-room:] if room > 0 else ()), *errors)

    def _printable(self, output: str) -> list[str]:
        end = self._hidden(output)[-64 * 1024 :]
        return [line for line in lines(end, 400) if line][-LINES_SHOWN:]

    def unpublished(self, message: str, host: str) -> CoopError:
        """The registry did not take it."""
        told = self._told(message)
        remedy = next(
            (remedy for pattern, remedy in _REGISTRY if re.search(pattern, told, re.IGNORECASE)),
            "check [registry] in the settings",
        )
        return CoopError(f"cannot publish {self._service} to {host}", told, remedy.format(host=host))

    def not_uploaded(self, message: str) -> CoopError:
        """The service's files did not reach the engine."""
        return CoopError(
            self._what, f"its files did not reach Dagger: {self._told(message)}", "save again to try it once more"
        )

    def lost(self, why: str, *, often: str = "") -> CoopError:
        return CoopError(
            self._what, f"the Dagger session was lost{often}: {one_line(self._hidden(why), 200)}",
            "check that the engine runs (docker ps), then save again",
        )  # fmt: skip

    def lost_in_publishing(self, why: str) -> CoopError:
        """Not tried again: nobody knows whether the image arrived."""
        return CoopError(
            f"cannot publish {self._service}",
            f"the Dagger session was lost while the image was on its way: {one_line(self._hidden(why), 200)}",
            "save again to build and publish anew",
        )  # fmt: skip

    def _told(self, message: str) -> str:
        return one_line(self._hidden(_ORIGIN.sub("", message)), 400)
