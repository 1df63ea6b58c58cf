"""Logs of pods over HTTP."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from coop_core.cluster.kinds import POD
from coop_core.local.api import LogRequest
from tests.local_api.api_client import PODS, Api, Lines, pod

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw
    from coop_core.local.objects import Objects

RUNNING = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}


@pytest.fixture
def running(objects: Objects) -> Raw:
    """A pod of one container that has been started."""
    return place(objects, pod("a"), RUNNING)


def place(objects: Objects, body: Raw, state: Raw, last: Raw | None = None) -> Raw:
    body["metadata"]["namespace"] = "main"
    body["spec"]["nodeName"] = "local"
    statuses = [
        {"name": c["name"], "image": "", "imageID": "", "ready": True, "restartCount": 0, "state": state}
        | ({"lastState": last} if last else {})
        for c in body["spec"]["containers"]
    ]
    made = objects.create(POD, body)
    return objects.update_status(POD, {**made, "status": {"phase": "Running", "containerStatuses": statuses}})


@pytest.mark.usefixtures("running")
async def test_the_only_container_is_meant_when_none_is_named(api: Api, lines: Lines) -> None:
    lines.written.put_nowait(b"one\ntwo\n")
    lines.written.put_nowait(None)
    answer = await api.get(f"{PODS}/a/log", Accept="application/json, */*")
    assert (answer.code, answer.content) == (200, b"one\ntwo\n")
    assert answer.headers["Content-Type"] == "text/plain"
    assert lines.requests == [LogRequest("web")]


@pytest.mark.usefixtures("running")
async def test_a_followed_log_arrives_line_by_line(api: Api, lines: Lines, session: Any) -> None:
    url, headers = f"{api.url}{PODS}/a/log?follow=true", api._headers
    async with asyncio.timeout(5), session.get(url, headers=headers) as response:
        for line in (b"one\n", b"two\n"):
            lines.written.put_nowait(line)
            assert await response.content.readline() == line
        lines.written.put_nowait(None)
        assert await response.content.readline() == b""
    assert lines.requests[0].follow


@pytest.mark.usefixtures("running")
async def test_what_is_wanted_of_a_log_is_handed_on(api: Api, lines: Lines) -> None:
    lines.written.put_nowait(None)
    query = "container=web&tailLines=5&sinceSeconds=60&timestamps=true&limitBytes=10&insecureSkipTLSVerifyBackend=1"
    assert (await api.get(f"{PODS}/a/log?{query}")).code == 200
    assert lines.requests == [LogRequest("web", tail_lines=5, since_s=60, timestamps=True, limit_bytes=10)]


@pytest.mark.usefixtures("running")
async def test_no_more_bytes_come_than_were_asked_for(api: Api, lines: Lines) -> None:
    for _ in range(3):
        lines.written.put_nowait(b"12345\n")
    assert (await api.get(f"{PODS}/a/log?limitBytes=8")).content == b"12345\n12"


@pytest.mark.parametrize(
    "query",
    [
        "container=other",
        "tailLines=-1",
        "tailLines=x",
        "sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z",
        "sinceTime=yesterday",
        "limitBytes=0",
        "previous=true",
        "stream=Stderr",
    ],
)
@pytest.mark.usefixtures("running")
async def test_a_wish_that_cannot_be_met_is_a_bad_request(api: Api, query: str) -> None:
    answer = await api.get(f"{PODS}/a/log?{query}")
    assert (answer.code, answer.json["reason"]) == (400, "BadRequest")


async def test_of_several_containers_one_must_be_named(api: Api, objects: Objects) -> None:
    body = pod("b")
    body["spec"]["containers"].append({"name": "helper", "image": "helper:1"})
    place(objects, body, RUNNING)
    answer = await api.get(f"{PODS}/b/log")
    assert answer.json["message"] == "a container name must be specified for pod b, choose one of: [web helper]"


async def test_a_container_that_never_ran_has_no_log_yet(api: Api, objects: Objects) -> None:
    place(objects, pod("a"), {"waiting": {"reason": "ErrImagePull"}})
    answer = await api.get(f"{PODS}/a/log")
    assert answer.json["message"] == 'container "web" in pod "a" is waiting to start: ErrImagePull'
    await api.made(PODS, pod("unscheduled"))
    assert (await api.get(f"{PODS}/unscheduled/log")).content == b""


async def test_a_container_that_waits_to_be_restarted_keeps_its_log(
    api: Api, objects: Objects, lines: Lines
) -> None:
    ended = {"terminated": {"exitCode": 1, "reason": "Error"}}
    place(objects, pod("a"), {"waiting": {"reason": "CrashLoopBackOff"}}, ended)
    for query in ("", "previous=true"):
        lines.written.put_nowait(b"boom\n")
        lines.written.put_nowait(None)
        assert (await api.get(f"{PODS}/a/log?{query}")).content == b"boom\n"


async def test_the_log_of_no_pod_is_a_404(api: Api) -> None:
    answer = await api.get(f"{PODS}/ghost/log")
    assert (answer.code, answer.json["message"]) == (404, 'pods "ghost" not found')
