"""Runs every client that is here, and writes docs/clients.md anew."""

from __future__ import annotations

import argparse
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tests.clients import kubectls, page
from tests.clients.kubectl_commands import COMMANDS, judged
from tests.clients.libraries import LIBRARIES, tried
from tests.clients.scene import playing

if TYPE_CHECKING:
    from tests.clients.kubectls import Kubectl


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.clients", description=__doc__)
    about = "a kubectl to try; several may be given. All that lie beside the one on PATH, by default"
    parser.add_argument("--kubectl", action="append", type=Path, metavar="PATH", help=about)
    given: list[Path] = parser.parse_args().kubectl or []
    of_kubectl = _of_kubectl([kubectls.at(path) for path in given] or kubectls.found())
    page.PAGE.write_text(page.HEAD + of_kubectl + "".join(map(_of_library, LIBRARIES)), "utf-8")


def _of_kubectl(tried_ones: list[Kubectl]) -> str:
    direct: dict[str, page.Outcomes] = {command.line: {} for command in COMMANDS}
    proxied: dict[str, page.Outcomes] = {command.line: {} for command in COMMANDS}
    for kubectl in tried_ones:
        with tempfile.TemporaryDirectory() as folder, playing(Path(folder)) as scene:
            for command in COMMANDS:
                # The viewer first: what the proxy refuses must leave the command its work to do.
                proxied[command.line][kubectl.minor] = judged(scene, kubectl, command, viewer=True)
                direct[command.line][kubectl.minor] = judged(scene, kubectl, command, viewer=False)
    return page.of_kubectl([(line, direct[line], proxied[line]) for line in direct])


def _of_library(name: str) -> str:
    """Of one that is not installed, the page goes on to say what it said."""
    if find_spec(name) is None:
        return page.section(page.PAGE.read_text("utf-8"), f"{name} (Python)")
    with tempfile.TemporaryDirectory() as folder, playing(Path(folder)) as scene:
        return page.of_library(name, tried(scene, name))


if __name__ == "__main__":
    main()
