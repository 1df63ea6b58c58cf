"""How the tests of this folder talk to the server, and the objects they talk about."""

from __future__ import annotations

import asyncio
import io
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import aiohttp

    from coop_core.cluster.kinds import Raw
    from coop_core.local.api import LogRequest

PODS = "/api/v1/namespaces/main/pods"
CONFIG_MAPS = "/api/v1/namespaces/main/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/main/deployments"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


class Answer:
    """A finished response."""

    def __init__(self, response: aiohttp.ClientResponse, body: bytes) -> None:
        self.code = response.status
        self.headers = response.headers
        self.content = body

    @property
    def json(self) -> Any:
        return json.loads(self.content)


class Watch:
    """An open watch."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def event(self) -> Raw:
        """The next event; fails the test when there is none for a while."""
        async with asyncio.timeout(5):
            line = await self.response.content.readline()
        assert line.endswith(b"\n"), "the stream ended"
        event: Raw = json.loads(line)
        return event

    async def seen(self) -> tuple[str, str]:
        """The next event's type and name."""
        event = await self.event()
        return event["type"], event["object"]["metadata"].get("name", "")

    async def is_over(self) -> bool:
        async with asyncio.timeout(5):
            return await self.response.content.readline() == b""


class Api:
    """Requests with one identity's token."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str) -> None:
        self._session = session
        self.url = url
        self._headers = {"Authorization": f"Bearer {token}"}

    async def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        if data is not None:
            named.setdefault("Content-Type", "application/json")
        async with self._session.request(
            method, self.url + path, data=data and io.BytesIO(data), headers={**self._headers, **named}
        ) as response:
            return Answer(response, await response.read())

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.send("GET", path, **headers)

    async def post(self, path: str, body: Any, **headers: str) -> Answer:
        return await self.send("POST", path, body, **headers)

    async def put(self, path: str, body: Any) -> Answer:
        return await self.send("PUT", path, body)

    async def delete(self, path: str, body: Any = None) -> Answer:
        return await self.send("DELETE", path, body)

    async def patch(self, path: str, body: Any, kind: str = "merge-patch+json") -> Answer:
        return await self.send("PATCH", path, body, Content_Type=f"application/{kind}")

    async def made(self, path: str, body: Any) -> Raw:
        """Creates, and fails the test when that is refused."""
        answer = await self.post(path, body)
        assert answer.code == 201, answer.content
        created: Raw = answer.json
        return created

    @asynccontextmanager
    async def watch(self, path: str, query: str = "", **headers: str) -> AsyncIterator[Watch]:
        url = f"{self.url}{path}?watch=1&{query}"
        async with self._session.get(url, headers={**self._headers, **headers}) as response:
            assert response.status == 200, await response.read()
            yield Watch(response)


class Lines:
    """The log of one container: what is put in comes out, until it is ended."""

    def __init__(self) -> None:
        self.requests: list[LogRequest] = []
        self.written: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def read(self, _namespace: str, _pod: str, request: LogRequest) -> AsyncIterator[bytes]:
        self.requests.append(request)
        while (chunk := await self.written.get()) is not None:
            yield chunk


def pod(name: str, **labels: str) -> Raw:
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"containers": [{"name": "web", "image": "web:1"}]},
    }


def config_map(name: str, /, **data: str) -> Raw:
    return {"metadata": {"name": name}, "data": data}


def deployment(name: str, **spec: Any) -> Raw:
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": "web", "image": "web:1", "ports": [{"containerPort": 8080}]}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "main"},
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": template, **spec},
    }
