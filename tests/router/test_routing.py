from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web as aioweb
from yarl import URL

from coop_core.cluster import kinds, rollout
from coop_core.errors import CoopError, ExitCode
from coop_core.local.router import Router
from tests.router.backends import Backends, free_port, says
from tests.runtime.running_kit import NAMESPACE, Bench, listening, web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from coop_core.cluster.kinds import Raw


@pytest.fixture
async def client(bench: Bench) -> AsyncIterator[aiohttp.ClientSession]:
    base = f"http://127.0.0.1:{bench.router.port}"
    async with aiohttp.ClientSession(base, headers={"Host": "web.localhost"}, auto_decompress=False) as session:
        yield session


@pytest.mark.parametrize("host", ["web.localhost", "WEB.localhost", "web.localhost.", "web.localhost:4780"])
async def test_the_host_is_read_as_people_write_it(bench: Bench, backends: Backends, host: str) -> None:
    backends.route(await backends.serve(says("web")))
    assert await bench.ask(host=host) == (200, "web")


async def test_the_longest_path_wins_and_counts_by_segments(bench: Bench, backends: Backends) -> None:
    backends.route(await backends.serve(says("all")))
    backends.route(await backends.serve(says("api")), path="/api")
    backends.route(await backends.serve(says("exact")), path="/api/v1", path_type="Exact")
    answers = {
        path: (await bench.ask(path))[1] for path in ("/", "/api", "/api/x", "/apis", "/api/v1", "/api/v1/x")
    }
    assert answers == {
        "/": "all", "/api": "api", "/api/x": "api", "/apis": "all", "/api/v1": "exact", "/api/v1/x": "api",
    }  # fmt: skip


async def test_a_wildcard_host_matches_one_label(bench: Bench, backends: Backends) -> None:
    backends.route(await backends.serve(says("any")), host="*.example.localhost")
    assert await bench.ask(host="a.example.localhost") == (200, "any")
    assert (await bench.ask(host="a.b.example.localhost"))[0] == 404


async def test_an_unknown_host_is_told_the_known_ones(bench: Bench, backends: Backends) -> None:
    backends.route(await backends.serve(says("web")))
    status, text = await bench.ask(host="wbe.localhost")
    assert status == 404
    assert f"http://web.localhost:{bench.router.port}/" in text


async def test_ready_pods_take_turns(bench: Bench, backends: Backends) -> None:
    backends.route(await backends.serve(says("a")), await backends.serve(says("b")))
    answers = Counter([(await bench.ask())[1] for _ in range(6)])
    assert answers == {"a": 3, "b": 3}


async def test_a_pod_that_cannot_be_reached_is_passed_over(bench: Bench, backends: Backends) -> None:
    backends.route(free_port(), await backends.serve(says("alive")))
    assert {await bench.ask() for _ in range(4)} == {(200, "alive")}


async def test_a_get_is_asked_again_when_the_pod_hangs_up_but_a_post_is_not(
    client: aiohttp.ClientSession, backends: Backends
) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    posted: list[str] = []

    async def take(request: aioweb.BaseRequest) -> aioweb.StreamResponse:
        posted.append(request.method)
        return aioweb.Response(text="taken")

    backends.route(await backends.listen(hang_up), await backends.serve(take))
    gets = [(await client.get("/")).status for _ in range(4)]
    posts = [(await client.post("/", data=b"x")).status for _ in range(4)]
    assert gets == [200] * 4
    assert sorted(posts) == [200, 200, 502, 502]
    assert Counter(posted) == {"GET": 4, "POST": 2}


async def test_no_pod_gives_503_and_the_reason(bench: Bench) -> None:
    deployment, service, ingress = web(listening(bench.container("", command=["/bin/sh", "-c", "sleep 60"])))
    for kind, body in ((kinds.SERVICE, service), (kinds.INGRESS, ingress)):
        bench.apply(kind, body)
    assert await bench.ask() == (503, "coop: service web in dev-ada has no pods\ntry `coop status`\n")
    bench.apply(kinds.DEPLOYMENT, deployment)
    await bench.until(lambda: "probe" in str([one.get("status") for one in bench.objects.select(kinds.POD)]))
    status, text = await bench.ask()
    assert status == 503
    assert "no pod of service web in dev-ada is ready: Readiness probe failed: GET / on port" in text


async def test_bodies_stream_both_ways(client: aiohttp.ClientSession, backends: Backends) -> None:
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def echo(request: aioweb.BaseRequest) -> aioweb.StreamResponse:
        response = aioweb.StreamResponse()
        await response.prepare(request)
        async for chunk in request.content.iter_any():
            heard.put_nowait(chunk)
            await response.write(b"<" + chunk + b">")
        await response.write_eof()
        return response

    go_on = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"one"
        await go_on.wait()
        yield b"two"

    backends.route(await backends.serve(echo))
    async with client.post("/", data=body()) as answer:
        assert await answer.content.readany() == b"<one>"
        go_on.set()
        assert await answer.content.read() == b"<two>"


async def test_headers_of_one_hop_stay_there_and_the_program_learns_who_asked(
    bench: Bench, client: aiohttp.ClientSession, backends: Backends
) -> None:
    seen: list[Any] = []

    async def note(request: aioweb.BaseRequest) -> aioweb.StreamResponse:
        seen.append(request.headers)
        response = aioweb.Response(text="ok", headers={"Connection": "X-Hop", "X-Hop": "1", "X-End": "2"})
        response.headers.add("Set-Cookie", "a=1")
        response.headers.add("Set-Cookie", "b=2")
        return response

    backends.route(await backends.serve(note))
    sent = {"Connection": "X-Secret-Hop", "X-Secret-Hop": "1", "TE": "trailers", "X-Forwarded-For": "10.0.0.1"}
    async with client.get("/p%2Fq?x=%20", headers=sent) as answer:
        assert "X-Hop" not in answer.headers
        assert answer.headers["X-End"] == "2"
        assert answer.headers.getall("Set-Cookie") == ["a=1", "b=2"]
    (headers,) = seen
    assert not {"X-Secret-Hop", "TE"} & set(headers)
    assert headers["Host"] == "web.localhost"
    assert headers["X-Forwarded-For"] == "10.0.0.1, 127.0.0.1"
    assert headers["X-Forwarded-Host"] == "web.localhost"
    assert headers["X-Forwarded-Proto"] == "http"
    assert headers["X-Forwarded-Port"] == str(bench.router.port)


async def test_the_path_and_a_redirect_pass_as_they_are(
    bench: Bench, client: aiohttp.ClientSession, backends: Backends
) -> None:
    async def redirect(request: aioweb.BaseRequest) -> aioweb.StreamResponse:
        return aioweb.Response(status=302, headers={"Location": request.raw_path})

    backends.route(await backends.serve(redirect))
    url = URL(f"http://127.0.0.1:{bench.router.port}/p%2Fq?x=%20&y", encoded=True)
    async with client.get(url, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, "/p%2Fq?x=%20&y")


async def test_websockets_pass_both_ways(client: aiohttp.ClientSession, backends: Backends) -> None:
    async def shout(request: aioweb.BaseRequest) -> aioweb.StreamResponse:
        socket_ = aioweb.WebSocketResponse(protocols=("loud",))
        await socket_.prepare(request)
        async for message in socket_:
            await socket_.send_str(message.data.upper())
            await socket_.send_bytes(b"\x00\xff")
        return socket_

    backends.route(await backends.serve(shout))
    async with client.ws_connect("/", protocols=("quiet", "loud")) as socket_:
        assert socket_.protocol == "loud"
        await socket_.send_str("hello")
        assert await socket_.receive_str() == "HELLO"
        assert await socket_.receive_bytes() == b"\x00\xff"


async def test_a_taken_port_is_named_with_a_way_out(bench: Bench) -> None:
    other = Router(bench.objects)
    with pytest.raises(CoopError) as refused:
        await other.start(bench.router.port)
    assert refused.value.exit_code is ExitCode.BUSY
    assert str(bench.router.port) in refused.value.why
    assert refused.value.remedy == "coop platform up --port N"


async def test_a_pod_waits_for_its_requests_before_it_ends(bench: Bench) -> None:
    deployment, service, ingress = web(listening(bench.container()))
    for kind, body in ((kinds.DEPLOYMENT, deployment), (kinds.SERVICE, service), (kinds.INGRESS, ingress)):
        bench.apply(kind, body)
    await bench.until(lambda: _is_done(bench))
    slow = asyncio.create_task(bench.ask("/slow"))
    (pod,) = bench.objects.select(kinds.POD)
    port = int(pod["metadata"]["annotations"]["coop.internal/local-port"])
    while not bench.router.traffic.in_flight(port):
        await asyncio.sleep(0.005)
    bench.objects.delete(kinds.POD, NAMESPACE, pod["metadata"]["name"], grace_s=5)
    assert await slow == (200, "hello\n")


async def test_rolling_updates_under_constant_load_lose_no_request(bench: Bench) -> None:
    def version(answer: str) -> Raw:
        container = listening(bench.container(env=[{"name": "ANSWER", "value": answer}]))
        deployment, service, ingress = web(container, replicas=2)
        bench.apply(kinds.SERVICE, service)
        bench.apply(kinds.INGRESS, ingress)
        return bench.apply(kinds.DEPLOYMENT, deployment)

    version("v0")
    await bench.until(lambda: _is_done(bench))
    answers: Counter[tuple[int, str]] = Counter()
    stop = asyncio.Event()

    async def load(session: aiohttp.ClientSession) -> None:
        url, methods = f"http://127.0.0.1:{bench.router.port}/", ("GET", "HEAD")
        while not stop.is_set():
            for method in methods:
                async with session.request(method, url, headers={"Host": "web.localhost"}) as answer:
                    answers[(answer.status, await answer.text())] += 1

    async with aiohttp.ClientSession() as session:
        clients = [asyncio.create_task(load(session)) for _ in range(4)]
        for number in (1, 2, 3):
            version(f"v{number}")
            await bench.until(lambda: _is_done(bench))
        stop.set()
        await asyncio.gather(*clients)
    assert {status for status, _ in answers} == {200}
    assert {text for _, text in answers} == {"", "v0\n", "v1\n", "v2\n", "v3\n"}
    assert sum(answers.values()) > 100


def _is_done(bench: Bench) -> bool:
    found = bench.get(kinds.DEPLOYMENT, "web")
    return found is not None and rollout.status(found) == rollout.Done()
