"""Steps out of the spans that a session sends, over HTTP as it sends them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest

from coop_core.build.dagger import calls
from coop_core.build.dagger.tracing import Traces
from coop_core.build.request import Step
from tests.build_dagger.spans import call_payload, export, span, work_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TRACE = bytes(range(16))


class Receiver:
    def __init__(self, traces: Traces) -> None:
        self.traces = traces
        self.steps: list[Step] = []

    async def post(self, body: bytes, url: str = "") -> int:
        async with aiohttp.ClientSession() as session, session.post(url or self.traces.url, data=body) as answer:
            return answer.status


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    traces = Traces()
    await traces.start()
    made = Receiver(traces)
    traces.follow(TRACE, made.steps.append, lambda text: text.replace("hush", "•••"))
    yield made
    await traces.close()


def exec_payload(*words: str) -> str:
    return call_payload("withExec", {"args": list(words), "stdin": "x"})


async def test_a_step_is_named_by_what_it_runs(receiver: Receiver) -> None:
    shell = exec_payload("/bin/sh", "-c", "pip install -r hush.txt")
    sent = span(TRACE, "Container.withExec", took_ms=1500, dag_call=shell, dag_cached=False)
    assert await receiver.post(export([sent])) == 200
    assert receiver.steps == [Step("run pip install -r •••.txt", was_cached=False, took_ms=1500.0)]


async def test_cache_hits_and_failures_are_told(receiver: Receiver) -> None:
    cached = span(TRACE, "Container.from", dag_cached=True, dag_call=call_payload("from", {"address": "python:3"}))
    failed = span(TRACE, "Container.withExec", failed=True)
    await receiver.post(export([cached, failed]))
    assert [(step.name, step.was_cached, step.has_failed) for step in receiver.steps] == [
        ("base image python:3", True, False), ("run", False, True),
    ]  # fmt: skip


async def test_only_work_that_ended_is_a_step_and_each_once(receiver: Receiver) -> None:
    running = span(TRACE, "Container.withExec")
    running.end_time_unix_nano = 0
    unset = span(TRACE, "Container.withExec")
    unset.end_time_unix_nano = 11651379494838206464  # Go's zero time, as some exporters write it
    sent = span(TRACE, "Host.directory")
    inside = span(TRACE, "Container.withExec", ui_internal=True)
    plain = span(TRACE, "Container.withEnvVariable")
    await receiver.post(export([running, unset, sent, inside, plain]))
    await receiver.post(export([sent]))
    assert [step.name for step in receiver.steps] == ["upload the service"]


@pytest.mark.parametrize("is_early", [False, True])
async def test_what_is_done_later_than_it_is_called_counts_as_long_as_the_work_took(
    receiver: Receiver, is_early: bool
) -> None:
    called = span(TRACE, "Container.withExec", took_ms=0.1, dag_call=exec_payload("make"), dag_pending=True)
    worked = work_of(called, took_ms=900.0, failed=True)
    for sent in [worked, called] if is_early else [called, worked]:
        assert receiver.steps == []
        await receiver.post(export([sent]))
    assert receiver.steps == [Step("run make", was_cached=False, took_ms=900.0, has_failed=True)]
    await receiver.post(export([called, worked]))
    assert len(receiver.steps) == 1


async def test_what_only_caused_a_step_is_none(receiver: Receiver) -> None:
    cause = span(TRACE, "Container.from", dag_pending=True)
    other = span(TRACE, "Container.withExec", dag_pending=True)
    await receiver.post(export([cause, work_of(other, took_ms=1.0, cause=cause.span_id)]))
    assert receiver.steps == []


async def test_nobody_elses_trace_is_told(receiver: Receiver) -> None:
    await receiver.post(export([span(bytes(16), "Container.publish")]))
    assert receiver.steps == []


async def test_old_builds_are_forgotten_but_not_at_once(receiver: Receiver) -> None:
    newer: list[Step] = []
    receiver.traces.follow(bytes([1] * 16), newer.append, str)
    await receiver.post(export([span(TRACE, "Container.publish")]))
    assert len(receiver.steps) == 1
    for number in range(2, 7):
        receiver.traces.follow(bytes([number] * 16), newer.append, str)
    await receiver.post(export([span(TRACE, "Container.publish")]))
    assert len(receiver.steps) == 1


async def test_nonsense_and_strangers_change_nothing(receiver: Receiver) -> None:
    assert await receiver.post(b"\xff\xff\xff") == 400
    base = receiver.traces.url.split("/v1/")[0].rpartition("/")[0]
    assert await receiver.post(export([span(TRACE, "Container.publish")]), f"{base}/v1/traces") == 404
    hostile = span(TRACE, "Container.withExec", dag_call=exec_payload("\x1b[2Jrm\nx"))
    await receiver.post(export([hostile, span(TRACE, "Container.from", dag_call="%%%")]))
    assert [step.name for step in receiver.steps] == ["run rm x", "base image"]


@pytest.mark.parametrize("call", [b"\x22", b"\x22\xff", b"\x08", b"\x0b", b"\xff" * 12, b"\x22\x03\x0a\x01"])
def test_a_call_that_is_cut_is_no_call(call: bytes) -> None:
    with pytest.raises(ValueError):
        calls.texts(call)
