"""A real API server on loopback, over a store in tmp_path."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import aiohttp
import pytest

from coop_core.clock import SystemClock
from coop_core.cluster.kinds import NAMESPACE
from coop_core.local import tls
from coop_core.local.api import ApiServer
from coop_core.local.objects import Objects
from coop_core.local.store import Store
from coop_core.local.tokens import MASTERS, PROXIES, Identity, Tokens
from tests.local_api.api_client import Api, Lines

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from coop_core.local.tls import Certificate

ADMIN = Identity("admin", (MASTERS,))
PROXY = Identity("proxy", (PROXIES,))
NOBODY = Identity("nobody")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return tls.ensure(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens.ensure(tmp_path)


@pytest.fixture
def objects(tmp_path: Path) -> Iterator[Objects]:
    objects = Objects(Store(tmp_path / "objects.db"), SystemClock())
    objects.create(NAMESPACE, {"metadata": {"name": "main"}})
    yield objects
    objects.close()
    objects.store.close()


@pytest.fixture
def lines() -> Lines:
    """What the containers of the platform under test have written."""
    return Lines()


@pytest.fixture
async def server(
    objects: Objects, tokens: Tokens, certificate: Certificate, lines: Lines
) -> AsyncIterator[ApiServer]:
    server = ApiServer(objects, tokens=tokens, certificate=certificate, logs=lines)
    await server.start()
    yield server
    await server.close()


@pytest.fixture
async def session(certificate: Certificate) -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(ssl=certificate.client_context())
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session


@pytest.fixture
def api_as(server: ApiServer, session: aiohttp.ClientSession, tokens: Tokens) -> Callable[[Identity], Api]:
    def make(identity: Identity) -> Api:
        return Api(session, f"https://127.0.0.1:{server.port}", tokens.token_for(identity))

    return make


@pytest.fixture
def api(api_as: Callable[[Identity], Api]) -> Api:
    """A client that may everything."""
    return api_as(ADMIN)


@pytest.fixture(scope="session")
def kubectl_path() -> str:
    path = shutil.which("kubectl")
    if path is None:
        pytest.skip("kubectl is not on PATH")
    return path
