"""Secrets of a build: where they come from, and that they go nowhere else."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from coop_core.build.dagger import programs
from coop_core.errors import CoopError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from coop_core.spec.building import SecretSource

_LIMIT_S = 60
_LIMIT_BYTES = 128_000
_SHORTEST = 4
"""Below this many characters, hiding a value would tear holes into words that only look like it."""

HIDDEN = "•••"


class Hidden:
    """Takes secret values out of text."""

    def __init__(self, values: Iterable[str]) -> None:
        lines = {line for value in values for line in (value, *value.splitlines())}
        # The longest first, so that no rest of a longer one stays.
        self._values = sorted((line for line in lines if len(line) >= _SHORTEST), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for value in self._values:
            text = text.replace(value, HIDDEN)
        return text


async def read(sources: Mapping[str, SecretSource], environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The values by name. Commands run in `folder`, without a terminal to ask on."""
    return {name: await _value(name, source, environ, folder) for name, source in sources.items()}


async def _value(name: str, source: SecretSource, environ: Mapping[str, str], folder: Path) -> str:
    if not source.command:
        value = environ.get(source.env, "")
        if not value:
            raise _unknown(name, f"the variable {source.env} is not set", f"export {source.env}=…")
    else:
        value = await _printed(name, source.command, environ, folder)
    if len(value.encode(errors="surrogateescape")) > _LIMIT_BYTES:
        raise _unknown(name, f"it is longer than {_LIMIT_BYTES} bytes", "shorten it")
    return value


async def _printed(name: str, command: str, environ: Mapping[str, str], folder: Path) -> str:
    try:
        code, out = await programs.output(shlex.split(command), environ, folder=folder, limit_s=_LIMIT_S)
    except (OSError, TimeoutError) as error:
        why = f"it took longer than {_LIMIT_S} s" if isinstance(error, TimeoutError) else error.strerror
        raise _unknown(name, f"its command cannot be run: {why}", "correct build.secrets in coop.yaml") from None
    # What it printed may be half a secret: neither stream is shown.
    value = os.fsdecode(out).rstrip("\r\n")
    if code != 0 or not value:
        raise _unknown(name, f"its command ended with {code} and no value", "run it by hand to see why")
    return value


def _unknown(name: str, why: str, remedy: str) -> CoopError:
    return CoopError(f"cannot read the build secret {name}", why, remedy, ExitCode.CONFIG)
