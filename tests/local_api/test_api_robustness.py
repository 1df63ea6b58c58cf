"""Requests that nobody sends on purpose: each gets an answer in the words of Kubernetes, none a crash."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import pytest

from coop_core.cluster import kinds
from tests.local_api.api_client import CONFIG_MAPS, PODS, Api, Lines, config_map, deployment, pod
from tests.local_api.conftest import ADMIN

if TYPE_CHECKING:
    from coop_core.local.api import ApiServer
    from coop_core.local.tls import Certificate
    from coop_core.local.tokens import Tokens

MEDIA = (
    "application/json",
    "application/yaml",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/json-patch+json",
    "application/apply-patch+yaml",
    "application/vnd.kubernetes.protobuf",
)
WORDS = ("", "a", "web", "-1", "0", "99999999999999999999", "true", "All", "Exact", "\x00", "é", "a=b", "x" * 300)
QUERY = (
    "watch", "dryRun", "fieldManager", "labelSelector", "fieldSelector", "limit", "continue", "resourceVersion",
    "resourceVersionMatch", "timeoutSeconds", "gracePeriodSeconds", "propagationPolicy", "includeObject",
    "sendInitialEvents", "pretty", "tailLines", "container", "force",
)  # fmt: skip


def nonsense(rng: random.Random, depth: int = 0) -> Any:
    choice = rng.randrange(7 if depth < 3 else 4)
    if choice < 4:
        return (None, rng.randrange(-2, 100_000), rng.choice(WORDS), rng.random() < 0.5)[choice]
    if choice == 4:
        return [nonsense(rng, depth + 1) for _ in range(rng.randrange(3))]
    return {rng.choice(WORDS): nonsense(rng, depth + 1) for _ in range(rng.randrange(3))}


def distorted(rng: random.Random, body: Any) -> Any:
    """`body` with one place made nonsense."""
    if isinstance(body, dict) and body and rng.random() < 0.8:
        key = rng.choice(list(body))
        return {**body, key: distorted(rng, body[key])}
    if isinstance(body, list) and body and rng.random() < 0.8:
        return [distorted(rng, body[0]), *body[1:]]
    return nonsense(rng)


@pytest.mark.parametrize("seed", range(3))
async def test_no_body_and_no_query_makes_the_server_fail(api: Api, lines: Lines, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(250):
        lines.written.put_nowait(None)  # every log that is asked for is empty
    bodies = [
        pod("a", app="a"),
        deployment("a"),
        config_map("a", x="y"),
        {"metadata": {"name": "a"}, "spec": {"ports": [{"port": 80}]}},
        {"metadata": {"name": "a"}, "spec": {"rules": [{"host": "a", "http": {"paths": [{"path": "/"}]}}]}},
        [{"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}],
        {"preconditions": {"uid": "x"}, "gracePeriodSeconds": 3, "dryRun": ["All"]},
    ]
    for _ in range(250):
        kind = rng.choice(kinds.ALL)
        name = rng.choice([None, "a", "main"])
        subresource = rng.choice(["", "", "", "status", "scale", "log", "finalize"]) if name else ""
        query = "&".join(f"{rng.choice(QUERY)}={rng.choice(WORDS)}" for _ in range(rng.choice([0, 0, 1, 3])))
        path = f"{kind.path('main', name, subresource)}?{query}&timeoutSeconds=1"
        body = distorted(rng, rng.choice(bodies))
        method = rng.choice(["PUT", "PATCH", "DELETE", "GET"] if name else ["POST", "POST", "DELETE", "GET"])
        if method == "GET" and "watch" in query:
            continue
        answer = await api.send(method, path, None if method == "GET" else body, Content_Type=rng.choice(MEDIA))
        assert answer.code < 500 or answer.code == 504, (method, path, body, answer.content)
        if answer.code >= 400:
            assert answer.json["code"] == answer.code
            assert answer.json["kind"] == "Status"
    for kind in kinds.ALL:
        table = await api.get(kind.path(), Accept="application/json;as=Table;v=v1;g=meta.k8s.io")
        assert table.code == 200


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET /api/v1/namespaces/main/pods/../secrets HTTP/1.1",
        b"GET //api/v1/pods HTTP/1.1",
        b"GET /api/v1/namespaces/main%2fpods HTTP/1.1",
        b"GET https://evil.example/api/v1/pods HTTP/1.1",
        b"GET /api/v1/pods;x HTTP/1.1",
        b"GET /api/v1/watch/pods HTTP/1.1",
        b"GET /api/v1/proxy/namespaces/main/pods/a HTTP/1.1",
        b"CONNECT evil.example:443 HTTP/1.1",
        b"PROPFIND /api/v1/pods HTTP/1.1",
    ],
)
async def test_a_path_with_two_readings_reaches_nothing(
    server: ApiServer, certificate: Certificate, tokens: Tokens, request_line: bytes
) -> None:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", server.port, ssl=certificate.client_context(), server_hostname="localhost"
    )
    token = tokens.token_for(ADMIN).encode()
    head = b"\r\nHost: localhost\r\nAuthorization: Bearer " + token + b"\r\nConnection: close\r\n\r\n"
    writer.write(request_line + head)
    async with asyncio.timeout(5):
        status_line = await reader.readline()
        await reader.read()
    writer.close()
    await writer.wait_closed()
    assert status_line.split()[1] in (b"400", b"404", b"405")


async def test_a_repeated_host_or_token_is_refused(
    server: ApiServer, certificate: Certificate, tokens: Tokens
) -> None:
    token = b"Authorization: Bearer " + tokens.token_for(ADMIN).encode()
    for doubled in (b"Host: localhost", token):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", server.port, ssl=certificate.client_context(), server_hostname="localhost"
        )
        lines = [b"GET /api/v1/pods HTTP/1.1", b"Host: localhost", token, doubled, b"Connection: close"]
        writer.write(b"\r\n".join(lines) + b"\r\n\r\n")
        async with asyncio.timeout(5):
            status_line = await reader.readline()
            await reader.read()
        writer.close()
        await writer.wait_closed()
        assert status_line.split()[1] in (b"400", b"401", b"403")


async def test_a_server_without_tls_says_nothing(server: ApiServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    async with asyncio.timeout(5):
        assert b"200" not in await reader.read()
    writer.close()


async def test_a_taken_port_is_told(server: ApiServer, api: Api) -> None:
    with pytest.raises(OSError, match=r"address already in use|only one usage"):
        await server.start(port=server.port)
    assert (await api.get(PODS)).code == 200
    assert (await api.get(CONFIG_MAPS)).code == 200
