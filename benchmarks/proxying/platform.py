"""A platform that answers from prepared bytes, so that what is measured is what stands in front of it.

One pod, its list and its watch, which brings an event ten times a second; every token is Ada's. Run as a process;
its first line is its port.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import ClassVar

EVENTS_PER_S = 10
POD = {
    "kind": "Pod",
    "apiVersion": "v1",
    "metadata": {
        "name": "web",
        "namespace": "main",
        "uid": "8d7e4c3a-0000-4000-8000-000000000000",
        "resourceVersion": "1",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": {"app.kubernetes.io/name": "web", "pod-template-hash": "5d4f8c7b9"},
        "annotations": {"at": "0"},
    },
    "spec": {
        "containers": [
            {
                "name": "web",
                "image": "registry.example.org/web@sha256:" + "0" * 64,
                "env": [{"name": f"SETTING_{number}", "value": f"value {number}"} for number in range(20)],
                "ports": [{"containerPort": 8080, "protocol": "TCP"}],
                "resources": {"limits": {"cpu": "1", "memory": "512Mi"}},
            }
        ],
        "restartPolicy": "Always",
        "nodeName": "node-1",
    },
    "status": {
        "phase": "Running",
        "podIP": "10.1.2.3",
        "conditions": [{"type": kind, "status": "True"} for kind in ("Initialized", "Ready", "PodScheduled")],
        "containerStatuses": [
            {"name": "web", "ready": True, "restartCount": 0, "image": "web", "imageID": "", "started": True}
        ],
    },
}
REVIEW = {"status": {"authenticated": True, "user": {"username": "ada"}, "audiences": ["coop-proxy"]}}
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)")


def answered(body: object) -> bytes:
    encoded = json.dumps(body, separators=(",", ":")).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
        len(encoded),
        encoded,
    )


ONE = answered(POD)
LIST = answered({"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": [POD]})
REVIEWED = answered(REVIEW)
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


class Answering(asyncio.Protocol):
    watching: ClassVar[set[Answering]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.unread = b""

    def connection_lost(self, error: Exception | None) -> None:
        self.watching.discard(self)

    def data_received(self, data: bytes) -> None:
        self.unread += data
        while True:
            end = self.unread.find(b"\r\n\r\n")
            length = _LENGTH.search(self.unread[: end + 2]) if end >= 0 else None
            whole = end + 4 + (int(length[1]) if length else 0)
            if end < 0 or len(self.unread) < whole:
                return
            line, self.unread = self.unread[: self.unread.index(b"\r\n")], self.unread[whole:]
            self.answer(line)

    def answer(self, line: bytes) -> None:
        if b"watch=" in line:
            self.transport.write(STREAM)
            self.watching.add(self)
        elif line.startswith(b"POST"):
            self.transport.write(REVIEWED)
        elif b"/watches" in line:
            self.transport.write(answered(len(self.watching)))
        else:
            self.transport.write(ONE if b"/pods/web" in line else LIST)


async def emit() -> None:
    revision = 1
    while True:
        await asyncio.sleep(1 / EVENTS_PER_S)
        revision += 1
        annotations = {"at": f"{time.time():.6f}"}
        metadata = {**POD["metadata"], "resourceVersion": str(revision), "annotations": annotations}  # type: ignore[dict-item]
        line = json.dumps({"type": "MODIFIED", "object": {**POD, "metadata": metadata}}).encode() + b"\n"
        chunk = b"%x\r\n%s\r\n" % (len(line), line)
        for watcher in Answering.watching:
            watcher.transport.write(chunk)


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await emit()


if __name__ == "__main__":
    asyncio.run(main())
