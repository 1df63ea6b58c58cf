"""Runs every client that is here, and writes docs/clients.md anew."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.clients import page
from tests.clients.kubectl_commands import COMMANDS, judged
from tests.clients.libraries import LIBRARIES, tried
from tests.clients.scene import playing


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, playing(Path(folder)) as scene:
        libraries = "".join(page.of_library(name, tried(scene, name)) for name in LIBRARIES)
        rows = []
        for command in COMMANDS:
            # The viewer first: what the proxy refuses must leave the command its work to do.
            proxied = judged(scene, command, viewer=True)
            rows.append((command.line, judged(scene, command, viewer=False), proxied))
    page.PAGE.write_text(page.HEAD + page.of_kubectl(rows) + libraries, "utf-8")


if __name__ == "__main__":
    main()
