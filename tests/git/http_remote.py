"""Bare repositories over smart HTTP on loopback, as a Git host serves them: `git http-backend` behind aiohttp.

What goes wrong with real hosts can be made to go wrong here: see `Faults`. Requests are counted by what they ask.
"""

from __future__ import annotations

import asyncio
import base64
import os
import subprocess
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass
class Faults:
    """What happens to requests for one repository. login: "user:password" that is asked for, "" for none."""

    hangs: bool = False
    status: int = 0
    retry_after: str = ""
    body: bytes | None = None
    login: str = ""
    speaks_v2: bool = True


@dataclass
class GitHost:
    """Serves every repository below `folder` at `url/<name>`."""

    folder: Path
    url: str = ""
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often each repository was asked for what: `refs` (the narrow question), `info`, `fetch`, `push`."""
    faults: dict[str, Faults] = field(default_factory=dict)
    bodies: list[bytes] = field(default_factory=list)
    """Requests for refs, as they came."""

    def count(self, kind: str) -> int:
        return sum(number for (_, what), number in self.seen.items() if what == kind)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        name = request.path.strip("/").split("/")[0]
        body = await request.read()
        kind = _kind(request, body)
        self.seen[name, kind] += 1
        if kind == "refs":
            self.bodies.append(body)
        faults = self.faults.get(name) or Faults()
        if faults.hangs:
            await asyncio.Event().wait()
        if faults.status:
            headers = {"Retry-After": faults.retry_after} if faults.retry_after else {}
            return web.Response(status=faults.status, headers=headers)
        if faults.login and request.headers.get("Authorization", "") != _basic(faults.login):
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="git"'})
        if faults.body is not None and kind == "refs":
            return web.Response(body=faults.body, content_type="application/x-git-upload-pack-result")
        return await self._backend(request, body, speaks_v2=faults.speaks_v2)

    async def _backend(self, request: web.Request, body: bytes, *, speaks_v2: bool) -> web.Response:
        environ = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": request.path,
            "QUERY_STRING": request.query_string,
            "REQUEST_METHOD": request.method,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_USER": "tester",
            "REMOTE_ADDR": "127.0.0.1",
        }
        if request.headers.get("Content-Encoding"):
            environ["HTTP_CONTENT_ENCODING"] = request.headers["Content-Encoding"]
        if speaks_v2 and "Git-Protocol" in request.headers:
            environ["GIT_PROTOCOL"] = request.headers["Git-Protocol"]
        process = await asyncio.create_subprocess_exec(
            "git", "http-backend", env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        out, _ = await process.communicate(body)
        head, _, answer = out.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        status = int(headers.pop("Status", "200").split()[0])
        return web.Response(status=status, headers=headers, body=answer)


def _kind(request: web.Request, body: bytes) -> str:
    if request.path.endswith("/info/refs"):
        return "info"
    if request.path.endswith("/git-receive-pack"):
        return "push"
    return "refs" if b"command=ls-refs" in body else "fetch"


def _basic(login: str) -> str:
    return "Basic " + base64.b64encode(login.encode()).decode()


async def start(host: GitHost) -> web.AppRunner:
    """Serves on a free port, in this event loop."""
    application = web.Application(client_max_size=64 * 1024 * 1024)
    application.router.add_route("*", "/{rest:.*}", host.answer)
    # Bodies as they came: the backend unpacks what git packed.
    runner = web.AppRunner(application, auto_decompress=False, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    host.url = f"http://127.0.0.1:{port}"
    return runner


@contextmanager
def serving(host: GitHost) -> Iterator[GitHost]:
    """The same in a thread of its own, for what blocks."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    runner = asyncio.run_coroutine_threadsafe(start(host), loop).result(10)
    try:
        yield host
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
