"""One look at whether a container is well: HTTP, TCP or a command. The answer is why not, in a few words.

When to look, and what follows from it, is `health_watch`'s.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from coop_core.cluster.kinds import Raw

_HEAD_LIMIT = 16_384


@dataclass(frozen=True, slots=True)
class Subject:
    """What a probe needs of its container.

    port_of: from a port's name or number to the local one; None when the container has no such port.
    """

    port_of: Callable[[int | str], int | None]
    cwd: Path
    env: Mapping[str, str]


async def probe(spec: Raw, subject: Subject) -> str | None:
    """None when all is well, else the reason, e.g. "GET /healthz: connection refused"."""
    timeout_s = float(spec.get("timeoutSeconds") or 1)
    try:
        async with asyncio.timeout(timeout_s):
            trouble = await _look(spec, subject)
    except TimeoutError:
        trouble = f"no answer within {timeout_s:g}s"
    except ConnectionRefusedError:
        trouble = "connection refused"
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
        trouble = one_line(getattr(error, "strerror", None) or str(error) or type(error).__name__)
    return None if trouble is None else f"{_name(spec, subject)}: {trouble}"


async def _look(spec: Raw, subject: Subject) -> str | None:
    if "httpGet" in spec:
        return await _http(spec["httpGet"], subject)
    if "tcpSocket" in spec:
        return await _tcp(spec["tcpSocket"], subject)
    if "exec" in spec:
        return await _exec(spec["exec"].get("command") or [], subject)
    return "this kind of probe is not supported on the local platform; use httpGet, tcpSocket or exec"


def _name(spec: Raw, subject: Subject) -> str:
    """What was tried; the port is the one given in $PORT, so that a program on another one shows."""
    if "httpGet" in spec:
        http = spec["httpGet"]
        return f"GET {http.get('path') or '/'} on port {subject.port_of(http['port']) or http['port']}"
    if "tcpSocket" in spec:
        port = spec["tcpSocket"]["port"]
        return f"TCP port {subject.port_of(port) or port}"
    if "exec" in spec:
        return " ".join(spec["exec"].get("command") or [])[:80]
    return "probe"


async def _http(spec: Raw, subject: Subject) -> str | None:
    port = subject.port_of(spec["port"])
    if port is None:
        return f'the container has no port "{spec["port"]}"'
    host = spec.get("host") or "127.0.0.1"
    reader, writer = await asyncio.open_connection(
        host, port, ssl=_unverified() if spec.get("scheme") == "HTTPS" else None, limit=_HEAD_LIMIT
    )
    try:
        writer.write(_request(spec, host, port))
        status_line = await reader.readuntil(b"\n")
    finally:
        writer.close()
    words = status_line.split(None, 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        return "the answer is not HTTP"
    code = int(words[1])
    return None if 200 <= code < 400 else f"status {code}"


def _request(spec: Raw, host: str, port: int) -> bytes:
    headers = {"Host": f"{host}:{port}", "User-Agent": "kube-probe/1.34", "Accept": "*/*"}
    for header in spec.get("httpHeaders") or []:
        headers[header["name"]] = str(header.get("value", ""))
    lines = [f"GET {spec.get('path') or '/'} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    # A line break inside a manifest's value must not become a header of its own.
    clean = [line.replace("\r", " ").replace("\n", " ") for line in [*lines, "Connection: close"]]
    return ("\r\n".join(clean) + "\r\n\r\n").encode()


def _unverified() -> ssl.SSLContext:
    """Kubernetes' probes do not check certificates either: only whether the program answers."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _tcp(spec: Raw, subject: Subject) -> str | None:
    port = subject.port_of(spec["port"])
    if port is None:
        return f'the container has no port "{spec["port"]}"'
    _, writer = await asyncio.open_connection(spec.get("host") or "127.0.0.1", port)
    writer.close()
    return None


async def _exec(argv: list[str], subject: Subject) -> str | None:
    process = await asyncio.create_subprocess_exec(
        *argv,
        cwd=subject.cwd,
        env=dict(subject.env),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        output, _ = await process.communicate()
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        raise
    if process.returncode == 0:
        return None
    said = one_line(output.decode("utf-8", "replace"))
    return f"exit code {process.returncode}" + (f": {said}" if said else "")
