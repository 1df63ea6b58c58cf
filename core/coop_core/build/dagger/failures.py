"""What a build, a registry or a session says when it fails, turned into what a user can do about it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from coop_core.build.dagger import calls, dockerfile, remedies
from coop_core.build.request import BuildFailed
from coop_core.errors import CoopError
from coop_core.text import lines, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LINES_SHOWN = 15

# The engine marks where an error began, for its own screens.
_ORIGIN = re.compile(r"\s*\[traceparent:[0-9a-f-]+\]")
# What each of its layers puts before what the matter is.
_LAYERS = re.compile(
    r"failed to (convert Dockerfile( LLB)? to (LLB|Dagger ID)|sync loaded container|load container from \w+ ID): "
    r'|llbtodagger: (unsupported op "[a-z().-]*"( \(sha256:[0-9a-f]+\))?: )?'
)
_PARSING = re.compile(r"dockerfile parse error on line (\d+): ", re.IGNORECASE)


class Explainer:
    """Puts errors of one build into words. name, source: its Dockerfile's path and text, "" without one."""

    def __init__(self, service: str, hidden: Callable[[str], str], name: str = "", source: str = "") -> None:
        self._what = f"cannot build {service}"
        self._service = service
        self._hidden = hidden
        self._name = name
        self._source = source

    def refused(self, message: str) -> CoopError:
        """Dagger would not build it. message: its own words."""
        told = self._told(message)
        remedy = remedies.for_build(told, name=self._name)
        if not self._name:
            return BuildFailed(self._what, told, remedy or "correct it and save")
        line: int | None = None
        if not remedy and (unsupported := remedies.for_unsupported(message, self._source)):
            line, remedy = unsupported
            told = f"Dagger does not do this: {told}"
        elif parsing := _PARSING.search(told):
            line, told = int(parsing[1]), told[parsing.end() :]
        return BuildFailed(self._what, f"{self._place(line)}: {told}", remedy or f"correct {self._name}")

    def _place(self, line: int | None) -> str:
        return f"{self._name}:{line}" if line else self._name

    def failed(self, command: Sequence[str], exit_code: int, stdout: str, stderr: str) -> CoopError:
        """A step ran and failed."""
        line = dockerfile.line_of(self._source, command)
        where = f"{self._place(line)}: " if line else ""
        shown = one_line(self._hidden(calls.command(command)), 200)
        last = self._last_lines(stdout, stderr)
        remedy = remedies.for_disk("\n".join(last)) or "correct it and save"
        return BuildFailed(self._what, f"{where}`{shown}` ended with {exit_code}", remedy, last)

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
        return CoopError(f"cannot publish {self._service} to {host}", told, remedies.for_registry(told, host))

    def not_uploaded(self, message: str) -> CoopError:
        """The service's files did not reach the engine."""
        told = self._told(message)
        remedy = remedies.for_disk(told) or "save again to try it once more"
        return CoopError(self._what, f"its files did not reach Dagger: {told}", remedy)

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
        return one_line(self._hidden(_LAYERS.sub("", _ORIGIN.sub("", message))), 400)
