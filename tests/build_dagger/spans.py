"""Spans as Dagger's engine makes them, sent as its session sends them: OTLP over HTTP, in protobuf."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING, Any

import aiohttp
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

if TYPE_CHECKING:
    from collections.abc import Iterable


def _delimited(number: int, body: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(body)) + body


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def call_payload(field: str, args: dict[str, str | list[str]]) -> str:
    """`dagger.io/dag.call`: a callpbv1.Call in base64, with a number among its fields as the real one has."""
    body = _delimited(1, b"xxh3:receiver") + _delimited(3, field.encode()) + bytes([7 << 3]) + _varint(300)
    for name, value in args.items():
        if isinstance(value, str):
            literal = _delimited(7, value.encode())
        else:
            literal = _delimited(8, b"".join(_delimited(1, _delimited(7, word.encode())) for word in value))
        body += _delimited(4, _delimited(1, name.encode()) + _delimited(2, literal))
    return base64.b64encode(body).decode()


def span(trace_id: bytes, name: str, *, took_ms: float = 1.0, failed: bool = False, **attributes: Any) -> Span:
    """attributes: by Dagger's names, with `_` for what is no Python name: dag_call, dag_cached, ui_internal."""
    start_ns = time.time_ns()
    made = Span(
        trace_id=trace_id, span_id=bytes.fromhex(f"{start_ns & (2**64 - 1):016x}"), name=name,
        start_time_unix_nano=start_ns, end_time_unix_nano=start_ns + int(took_ms * 1e6),
        status=Status(code=Status.STATUS_CODE_ERROR if failed else Status.STATUS_CODE_UNSET),
    )  # fmt: skip
    for key, value in attributes.items():
        any_value = AnyValue(bool_value=value) if isinstance(value, bool) else AnyValue(string_value=value)
        made.attributes.append(KeyValue(key=f"dagger.io/{key.replace('_', '.')}", value=any_value))
    return made


def work_of(call: Span, *, took_ms: float, failed: bool = False, cause: bytes = b"cause---") -> Span:
    """The span of work that `call`, which was pending, did later."""
    made = span(call.trace_id, f"resume {call.name}", took_ms=took_ms, failed=failed, ui_passthrough=True)
    purpose = KeyValue(key="dagger.io/link.purpose", value=AnyValue(string_value="cause"))
    made.links.append(Span.Link(trace_id=call.trace_id, span_id=cause, attributes=[purpose]))
    made.links.append(Span.Link(trace_id=call.trace_id, span_id=call.span_id))
    return made


def export(spans: Iterable[Span]) -> bytes:
    request = ExportTraceServiceRequest(resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=list(spans))])])
    return bytes(request.SerializeToString())


async def send(url: str, traceparent: str, reached: Iterable[tuple[str, Any]]) -> None:
    """The spans of what was just reached, as children of the caller's trace."""
    trace_id = bytes.fromhex(traceparent.split("-")[1]) if traceparent else bytes(16)
    made = []
    for name, chain in reached:
        for call in chain if name == "Container.sync" else ():
            if call.field == "from":
                payload = call_payload("from", {"address": call.args["address"]})
                made.append(span(trace_id, "Container.from", dag_call=payload, dag_cached=True))
            elif call.field == "withExec":
                payload = call_payload("withExec", {"args": call.args["args"]})
                made.append(span(trace_id, "Container.withExec", dag_call=payload, dag_pending=True))
                made.append(work_of(made[-1], took_ms=20.0))
        if name == "Container.publish":
            payload = call_payload("publish", {"address": chain[-1].args["address"]})
            made.append(span(trace_id, name, took_ms=5.0, dag_call=payload))
    async with aiohttp.ClientSession() as session, session.post(url, data=export(made)) as answer:
        await answer.read()
