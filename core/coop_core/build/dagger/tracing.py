"""What a build's steps were, how long they took and which came from the cache: OpenTelemetry, sent by the session.

A receiver on loopback takes the spans of the traces that it was told of and forgets all others. Nothing is read
from what Dagger prints for people.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from coop_core.build.dagger import calls
from coop_core.build.request import Step
from coop_core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

_BODY_LIMIT_BYTES = 32 * 1024 * 1024
_TRACES_KEPT = 4
"""The last spans of a build arrive after its end."""
_SPANS_KEPT = 20_000

_LONGEST_NS = 24 * 3600 * 10**9

_FAILED = 2
_HIDDEN = ("dagger.io/ui.internal", "dagger.io/ui.passthrough")
_CACHED, _PENDING, _PURPOSE = "dagger.io/dag.cached", "dagger.io/dag.pending", "dagger.io/link.purpose"

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


@dataclass(frozen=True, slots=True)
class _Ran:
    """How long a span took, and how it ended."""

    took_ms: float
    has_failed: bool


class _Trace:
    """One build's spans; each step is told once, when its work is done.

    What the engine does lazily has two spans: one for the call, which is over at once and says that its work is
    pending, and a later one with a link to it, which is the work.
    """

    def __init__(self, told: Callable[[Step], None], hidden: Callable[[str], str]) -> None:
        self._told = told
        self._hidden = hidden
        self._seen: set[bytes] = set()
        self._pending: dict[bytes, str] = {}
        """Names of steps whose work is still to come, by the call's span."""
        self._early: dict[bytes, _Ran] = {}
        """Work of which no call was heard yet."""

    def take(self, span: Span) -> None:
        ran = _ran(span)
        if ran is None or span.span_id in self._seen or len(self._seen) > _SPANS_KEPT:
            return
        self._seen.add(span.span_id)
        for call in _continued(span):
            self._work_done(call, ran)
        attributes = {pair.key: pair.value for pair in span.attributes}
        if span.name not in _WORK or any(_is(attributes, key) for key in _HIDDEN):
            return
        payload = attributes["dagger.io/dag.call"].string_value if "dagger.io/dag.call" in attributes else ""
        name = one_line(self._hidden(_name(span.name, payload)), 120)
        if not _is(attributes, _PENDING):
            self._tell(name, ran, was_cached=_is(attributes, _CACHED))
        elif early := self._early.pop(span.span_id, None):
            self._tell(name, early)
        else:
            self._pending[span.span_id] = name

    def _work_done(self, call: bytes, ran: _Ran) -> None:
        name = self._pending.pop(call, "")
        if name:
            self._tell(name, ran)
        elif call not in self._seen:
            self._early[call] = ran

    def _tell(self, name: str, ran: _Ran, *, was_cached: bool = False) -> None:
        self._told(Step(name, was_cached, ran.took_ms, ran.has_failed))


def _ran(span: Span) -> _Ran | None:
    """None while it has not ended: a session tells of spans when they begin, too."""
    took_ns = span.end_time_unix_nano - span.start_time_unix_nano
    if not 0 <= took_ns < _LONGEST_NS or not span.start_time_unix_nano:
        return None
    return _Ran(round(took_ns / 1e6, 1), has_failed=span.status.code == _FAILED)


def _continued(span: Span) -> list[bytes]:
    """The spans whose work this one is; other links have a purpose."""
    return [link.span_id for link in span.links if not any(pair.key == _PURPOSE for pair in link.attributes)]


def _is(attributes: Mapping[str, AnyValue], key: str) -> bool:
    return key in attributes and attributes[key].bool_value


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
