"""What a build's steps were, how long they took and which came from the cache: OpenTelemetry, sent by the session.

A receiver on loopback takes the spans of the traces that it was told of and forgets all others. Nothing is read
from what Dagger prints for people.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections import OrderedDict
from typing import TYPE_CHECKING

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from coop_core.build.dagger import calls
from coop_core.build.request import Step
from coop_core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.proto.trace.v1.trace_pb2 import Span

_BODY_LIMIT_BYTES = 32 * 1024 * 1024
_TRACES_KEPT = 4
"""The last spans of a build arrive after its end."""
_SPANS_KEPT = 20_000

_FAILED = 2
_HIDDEN = ("dagger.io/ui.internal", "dagger.io/ui.passthrough")

# The fields of Dagger's API that do work; all others describe what to do.
_WORK = {
    "Host.directory": "upload the service",
    "Container.from": "base image",
    "Container.withExec": "run",
    "Directory.dockerBuild": "Dockerfile",
    "Container.publish": "publish",
}


class Traces:
    """The receiver. `url` is what the session is told to send to; it cannot be guessed."""

    def __init__(self) -> None:
        self.url = ""
        self._followed: OrderedDict[bytes, _Trace] = OrderedDict()
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        path = f"/{secrets.token_urlsafe(16)}/v1/traces"
        app = web.Application(client_max_size=_BODY_LIMIT_BYTES)
        app.router.add_post(path, self._receive)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}{path}"

    async def close(self) -> None:
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    def follow(self, trace_id: bytes, told: Callable[[Step], None], hidden: Callable[[str], str]) -> None:
        """From now on, tells the steps of the trace. hidden: takes secrets out of a name."""
        self._followed[trace_id] = _Trace(told, hidden)
        while len(self._followed) > _TRACES_KEPT:
            self._followed.popitem(last=False)

    async def _receive(self, request: web.Request) -> web.Response:
        try:
            sent = ExportTraceServiceRequest.FromString(await request.read())
        except Exception as error:  # protobuf's own, which differs by implementation
            raise web.HTTPBadRequest from error
        for resource in sent.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    if trace := self._followed.get(span.trace_id):
                        trace.take(span)
        return web.Response(content_type="application/x-protobuf")


class _Trace:
    """One build's spans; each is told once, when it has ended."""

    def __init__(self, told: Callable[[Step], None], hidden: Callable[[str], str]) -> None:
        self._told = told
        self._hidden = hidden
        self._seen: set[bytes] = set()

    def take(self, span: Span) -> None:
        is_over = span.end_time_unix_nano >= span.start_time_unix_nano > 0
        if not is_over or span.span_id in self._seen or len(self._seen) > _SPANS_KEPT:
            return
        attributes = {pair.key: pair.value for pair in span.attributes}
        if span.name not in _WORK or any(attributes[key].bool_value for key in _HIDDEN if key in attributes):
            return
        self._seen.add(span.span_id)
        call = attributes["dagger.io/dag.call"].string_value if "dagger.io/dag.call" in attributes else ""
        cached = attributes.get("dagger.io/dag.cached")
        self._told(
            Step(
                name=one_line(self._hidden(_name(span.name, call)), 120),
                was_cached=bool(cached and cached.bool_value),
                took_ms=round((span.end_time_unix_nano - span.start_time_unix_nano) / 1e6, 1),
                has_failed=span.status.code == _FAILED,
            )
        )


def _name(span: str, call: str) -> str:
    """The step in words: what is run, pulled or published, where the session says it."""
    what = _WORK[span]
    try:
        arguments = calls.texts(base64.b64decode(call, validate=True))
    except (binascii.Error, ValueError):
        return what
    if span == "Container.withExec":
        words = arguments.get("args", [])
        return f"{what} {calls.command(words)}" if words else what
    return " ".join([what, *arguments.get("address", [])])
