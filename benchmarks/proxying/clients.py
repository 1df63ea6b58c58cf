"""Clients that cost little enough not to be what is measured. Each load runs in a process of its own."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import sys
import time

_AT = re.compile(rb'"at":\s*"([0-9.]+)"')


class Asking(asyncio.Protocol):
    """Asks the same again as soon as it has its answer."""

    def __init__(self, request: bytes, taken_s: list[float], end_s: float) -> None:
        self.request = request
        self.taken_s = taken_s
        self.end_s = end_s
        self.size = 0
        self.received = 0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        self.asked_s = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        if not self.size:
            assert data.startswith(b"HTTP/1.1 200"), data
            head, _, _ = data.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: *([0-9]+)", head)
            assert length, head
            self.size = len(head) + 4 + int(length[1])
        if self.received >= self.size:
            now_s = time.perf_counter()
            self.taken_s.append(now_s - self.asked_s)
            # Go puts a date into every head: all heads are equally long.
            self.received -= self.size
            if now_s < self.end_s:
                self.ask()
            elif not self.done.done():
                self.done.set_result(None)
                self.transport.close()


class Watching(asyncio.Protocol):
    """Notes how old events are when they come."""

    def __init__(self, request: bytes, ages_s: list[float], begin: asyncio.Event) -> None:
        self.request = request
        self.ages_s = ages_s
        self.begin = begin

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        now_s = time.time()
        if self.begin.is_set():
            self.ages_s += [now_s - float(at) for at in _AT.findall(data) if at != b"0"]


async def get(
    port: int, path: str, token: str, connections: int, seconds: float, tls: ssl.SSLContext | None
) -> dict:  # type: ignore[type-arg]
    request = _request(path, token)
    taken_s: list[float] = []
    started_s = time.perf_counter()
    end_s = started_s + seconds
    loop = asyncio.get_running_loop()
    asking = [
        (await loop.create_connection(lambda: Asking(request, taken_s, end_s), "127.0.0.1", port, ssl=tls))[1]
        for _ in range(connections)
    ]
    await asyncio.gather(*(one.done for one in asking))
    return {"per_s": len(taken_s) / (time.perf_counter() - started_s), "taken_s": sorted(taken_s)}


async def watch(port: int, path: str, token: str, watchers: int, seconds: float) -> dict:  # type: ignore[type-arg]
    request, begin = _request(path, token), asyncio.Event()
    ages_s: list[float] = []
    loop = asyncio.get_running_loop()
    for _ in range(watchers):
        await loop.create_connection(lambda: Watching(request, ages_s, begin), "127.0.0.1", port)
    await asyncio.sleep(2)
    begin.set()
    await asyncio.sleep(seconds)
    return {"ages_s": sorted(ages_s)}


def _request(path: str, token: str) -> bytes:
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\nUser-Agent: bench\r\n"
    return f"{head}Authorization: Bearer {token}\r\n\r\n".encode()


def main() -> None:
    what, port, path, token, count, seconds, tls = sys.argv[1:]
    if what == "watch":
        result = asyncio.run(watch(int(port), path, token, int(count), float(seconds)))
    else:
        context = ssl._create_unverified_context() if tls == "tls" else None
        result = asyncio.run(get(int(port), path, token, int(count), float(seconds), context))
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
