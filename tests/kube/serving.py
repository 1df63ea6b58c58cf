"""A real API server of the local platform, on loopback, over HTTPS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from coop_core.clock import SystemClock
from coop_core.kube.client import KubeClient
from coop_core.kube.configuration import Access
from coop_core.kube.identities import FixedToken
from coop_core.local.api.server import ApiServer
from coop_core.local.objects import Objects
from coop_core.local.store import Store
from coop_core.local.tls import Certificate, ensure
from coop_core.local.tokens import MASTERS, Identity, Tokens

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from coop_core.local.api.logs import LogRequest


class WrittenLogs:
    """Two lines for every pod."""

    async def read(self, namespace: str, pod: str, request: LogRequest) -> AsyncIterator[bytes]:
        yield f"{namespace}/{pod} started\n".encode()
        yield b"ready\n"


@dataclass
class Api:
    server: ApiServer
    objects: Objects
    certificate: Certificate
    tokens: Tokens

    async def restart(self) -> None:
        """A new server on the old port, over the same objects."""
        port = self.server.port
        self.server = ApiServer(self.objects, tokens=self.tokens, certificate=self.certificate, logs=WrittenLogs())
        await self.server.start(port=port)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.server.port}"

    def access(self, identity: Identity | None = None) -> Access:
        token = self.tokens.token_for(identity or Identity("admin", (MASTERS,)))
        return Access(self.url, FixedToken(token), self.certificate.client_context())


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    store = Store(tmp_path / "objects.db")
    objects = Objects(store, SystemClock())
    certificate, tokens = ensure(tmp_path / "tls"), Tokens.ensure(tmp_path / "tokens")
    server = ApiServer(objects, tokens=tokens, certificate=certificate, logs=WrittenLogs())
    await server.start()
    started = Api(server, objects, certificate, tokens)
    yield started
    await started.server.close()
    store.close()


@pytest.fixture
async def client(api: Api) -> AsyncIterator[KubeClient]:
    async with KubeClient(api.access()) as opened:
        yield opened
