"""Starts the program: listens on $PORT until it is asked to stop."""

from __future__ import annotations

import os
import signal

from hello.answers import answer
from hello.server import Server


def main() -> None:
    server = Server(os.environ.get("HOST", "0.0.0.0"), int(os.environ.get("PORT", "8080")), answer)
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: server.stop())
    print(f"listening on port {server.port}", flush=True)
    server.run()
    print("stopped", flush=True)


main()
