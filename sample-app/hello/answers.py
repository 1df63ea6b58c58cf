"""What the program says. Knows nothing of sockets."""

from __future__ import annotations

import os

from hello import MESSAGE


def answer(path: str) -> tuple[int, str]:
    """Status and text for a path without its query."""
    if path == "/healthz":
        return 200, "ok\n"
    if path == "/":
        return 200, f"{MESSAGE}\n{os.environ.get('GREETING', 'hello')}\n"
    return 404, "there is nothing here\n"
