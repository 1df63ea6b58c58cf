"""Starts the program: listens on $PORT until it is asked to stop, and finishes what it began."""

from __future__ import annotations

import os
import signal
import threading

from hello.server import Handler, Server


def main() -> None:
    address = os.environ.get("HOST", "0.0.0.0"), int(os.environ.get("PORT", "8080"))
    with Server(address, Handler) as server:
        # `shutdown` waits for `serve_forever` to return, so it cannot run in the thread that serves.
        signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
        print(f"listening on port {server.server_port}", flush=True)
        server.serve_forever(poll_interval=0.1)
    print("stopped", flush=True)


main()
