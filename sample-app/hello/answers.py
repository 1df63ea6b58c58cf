"""What the program says to whom. Knows nothing of sockets."""

from __future__ import annotations

import os

from hello import MESSAGE


def answer(method: str, path: str) -> tuple[int, str]:
    """Status and text for a request. path: without query."""
    if method not in ("GET", "HEAD"):
        return 405, "only GET, please\n"
    if path == "/healthz":
        return 200, "ok\n"
    if path == "/":
        return 200, f"{MESSAGE}\n{os.environ.get('GREETING', 'hello')}\n"
    return 404, "there is nothing here\n"
