"""The first request to a version that went live, over real HTTP."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from aiohttp import web

from coop_devloop import events as e
from coop_devloop.answering import Answers

LIMIT_S = 5.0


async def test_the_first_answer_is_told_with_its_status_and_asked_for_under_the_services_name() -> None:
    hosts: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        hosts.append(request.headers["Host"])
        return web.Response(status=503)

    runner = web.AppRunner(_app(handle))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    answers = Answers(f"http://hello.dev-ada.localhost:{port}")
    answers.observe(e.Entry(0.0, e.WentLive("c1", phases={"rollout": 1.0})))
    async with aclosing(answers.events()) as events:
        answered = await asyncio.wait_for(anext(events), LIMIT_S)
    await runner.cleanup()
    assert (answered.commit, answered.status) == ("c1", 503)
    assert hosts == [f"hello.dev-ada.localhost:{port}"]


async def test_a_newer_version_is_asked_at_once_though_the_older_one_never_answered() -> None:
    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    answers = Answers(f"http://hello.dev-ada.localhost:{port}")
    answers.observe(e.Entry(0.0, e.WentLive("c1", phases={"rollout": 1.0})))
    async with aclosing(answers.events()) as events:
        asking = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        answers.observe(e.Entry(0.0, e.WentLive("c2", phases={"rollout": 1.0})))
        runner = web.AppRunner(_app(_fine))
        server.close()
        await server.wait_closed()
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        answered = await asyncio.wait_for(asking, LIMIT_S)
    await runner.cleanup()
    assert (answered.commit, answered.status) == ("c2", 200)


async def _fine(_request: web.Request) -> web.Response:
    return web.Response()


def _app(handle: web.Handler) -> web.Application:  # type: ignore[name-defined]
    app = web.Application()
    app.router.add_get("/", handle)
    return app
