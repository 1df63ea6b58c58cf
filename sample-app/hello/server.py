"""A small HTTP/1.1 server: keep-alive, one thread for each connection, and a stop that loses no request.

`http.server` would do as well, and takes 45 ms more to import: most of the time from save to answer.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

_REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    500: "Internal Server Error",
}
_LINE_LIMIT_BYTES = 8192
_BODY_LIMIT_BYTES = 1024 * 1024
_IDLE_S = 75


class Server:
    """Answers with what `answer(method, path)` says. Port 0 lets the system choose."""

    def __init__(self, host: str, port: int, answer: Callable[[str, str], tuple[int, str]]) -> None:
        self._listener = socket.create_server((host, port), backlog=128)
        self._answer = answer
        self._open: dict[socket.socket, threading.Thread] = {}
        self._is_stopping = False
        self.port: int = self._listener.getsockname()[1]

    def run(self) -> None:
        """Takes connections until `stop` is called; then answers what has arrived, and returns."""
        while not self._is_stopping:
            self._take()
        self._listener.setblocking(False)
        with self._listener, contextlib.suppress(BlockingIOError):
            while True:  # clients that came before the stop and are still waiting in line
                self._take()
        for connection, thread in list(self._open.items()):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RD)  # ends the wait for another request, not an answer
            thread.join(timeout=10)

    def stop(self) -> None:
        """Makes `run` return. A signal handler or another thread may call it."""
        self._is_stopping = True
        with contextlib.suppress(OSError):  # wakes `run`, which waits for a connection
            socket.create_connection(self._listener.getsockname()[:2], timeout=1).close()

    def _take(self) -> None:
        connection, _ = self._listener.accept()
        connection.settimeout(_IDLE_S)
        thread = threading.Thread(target=self._converse, args=(connection,), daemon=True)
        self._open[connection] = thread
        thread.start()

    def _converse(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as lines:
                while self._exchange(connection, lines):
                    pass
        except OSError:
            pass  # the client went away
        finally:
            self._open.pop(connection, None)

    def _exchange(self, connection: socket.socket, lines: BinaryIO) -> bool:
        """One request and its answer; whether another may follow."""
        request = lines.readline(_LINE_LIMIT_BYTES).decode("latin-1").split()
        if not request:
            return False
        headers = _headers(lines)
        length = headers.get("content-length", "0")
        is_clear = len(request) == 3 and "transfer-encoding" not in headers and length.isdecimal()
        if not is_clear or int(length) > _BODY_LIMIT_BYTES:
            connection.sendall(_response(400, "that is no request this server understands\n", is_last=True))
            return False
        lines.read(int(length))
        method, target, version = request
        status, text = self._answer(method, target.partition("?")[0])
        is_last = version != "HTTP/1.1" or headers.get("connection") == "close" or self._is_stopping
        response = _response(status, text, is_last=is_last)
        connection.sendall(response.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if method == "HEAD" else response)
        return not is_last


def _headers(lines: BinaryIO) -> dict[str, str]:
    """Names in lower case. Ends at the empty line."""
    headers: dict[str, str] = {}
    while len(headers) < 100 and (line := lines.readline(_LINE_LIMIT_BYTES).strip()):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip().lower()
    return headers


def _response(status: int, text: str, *, is_last: bool) -> bytes:
    body = text.encode()
    lines = [
        f"HTTP/1.1 {status} {_REASONS.get(status, 'OK')}",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(body)}",
        f"Connection: {'close' if is_last else 'keep-alive'}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body
