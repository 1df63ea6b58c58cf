"""The program as a web server, with nothing but the standard library."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from hello.answers import answer


class Handler(BaseHTTPRequestHandler):
    timeout = 5  # seconds that a silent client may hold a thread

    def do_GET(self) -> None:
        status, text = answer(self.path.partition("?")[0])
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        if not self.path.startswith("/healthz"):  # asked once a second, and of no interest
            super().log_request(code, size)


class Server(ThreadingHTTPServer):
    daemon_threads = False  # `server_close` waits for the answers under way
