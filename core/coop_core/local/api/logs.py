"""/log of a pod: which container is meant, and its output as a stream of text.

Where the lines come from is the runtime's affair; it implements `PodLogs`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from aiohttp import web

from coop_core.clock import parse_rfc3339
from coop_core.cluster.kinds import POD
from coop_core.local.api import statuses
from coop_core.local.api.representing import HEADERS
from coop_core.local.api.requests import is_true, whole_number
from coop_core.local.api.statuses import bad_request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from coop_core.cluster.kinds import Raw
    from coop_core.cluster.requests import Verb
    from coop_core.local.api.requests import Call
    from coop_core.local.objects import Objects


@dataclass(frozen=True, slots=True)
class LogRequest:
    """What of a container's output is wanted."""

    container: str
    follow: bool = False
    """Go on until the container has ended for good."""
    previous: bool = False
    """The output of the instance before the current one."""
    tail_lines: int | None = None
    """Only the last so many lines; None for all."""
    since_s: float | None = None
    """Only lines that are at most this many seconds old; None for all."""
    timestamps: bool = False
    """Begin each line with its time: RFC 3339 with nanoseconds, and a space."""
    limit_bytes: int | None = None
    """End after this many bytes."""


class PodLogs(Protocol):
    """Where the output of containers is read."""

    def read(self, namespace: str, pod: str, request: LogRequest) -> AsyncIterator[bytes]:
        """Whole lines, several at once where there are; ends at the end of what was asked for."""


class LogHandler:
    """Serves GET /api/v1/namespaces/{namespace}/pods/{name}/log."""

    def __init__(self, objects: Objects, logs: PodLogs) -> None:
        self._objects = objects
        self._logs = logs

    async def serve(self, call: Call, verb: Verb) -> web.StreamResponse:
        if verb != "get":
            raise statuses.method_not_allowed()
        pod = self._objects.find(POD, call.namespace, call.target.name)
        if pod is None:
            raise statuses.not_found(POD, call.target.name)
        request = self._request(call, pod)
        response = web.StreamResponse(headers={**HEADERS, "Content-Type": "text/plain"})
        response.enable_chunked_encoding()
        await response.prepare(call.http)
        if _has_started(pod, request.container):
            left = request.limit_bytes
            async for chunk in self._logs.read(call.namespace, call.target.name, request):
                await response.write(chunk if left is None else chunk[:left])
                left = None if left is None else left - len(chunk)
                if left is not None and left <= 0:
                    break
        await response.write_eof()
        return response

    def _request(self, call: Call, pod: Raw) -> LogRequest:
        query = call.query
        request = LogRequest(
            container=container_of(pod, query.get("container", "")),
            follow=is_true(query, "follow"),
            previous=is_true(query, "previous"),
            tail_lines=whole_number(query, "tailLines"),
            since_s=self._since_s(query),
            timestamps=is_true(query, "timestamps"),
            limit_bytes=whole_number(query, "limitBytes"),
        )
        if request.limit_bytes == 0:
            raise bad_request("limitBytes must be greater than 0")
        if query.get("stream", "All") != "All":
            raise bad_request("stream: the local platform keeps both streams together; only All is supported")
        _refuse_absent(pod, request)
        return request

    def _since_s(self, query: Mapping[str, str]) -> float | None:
        seconds, moment = whole_number(query, "sinceSeconds"), query.get("sinceTime", "")
        if seconds is not None and moment:
            raise bad_request("at most one of `sinceTime` or `sinceSeconds` may be specified")
        if not moment:
            return seconds
        at_s = parse_rfc3339(moment)
        if at_s is None:
            raise bad_request("sinceTime must be an RFC 3339 time")
        return max(0.0, self._objects.clock.now_s() - at_s)


def container_of(pod: Raw, asked: str) -> str:
    """The container whose log is meant. Raises Refused (400) when that is left open, or there is no such one."""
    name, spec = pod["metadata"]["name"], pod["spec"]
    plain = [container["name"] for container in spec.get("containers") or ()]
    initial = [container["name"] for container in spec.get("initContainers") or ()]
    if asked:
        if asked not in plain + initial:
            raise bad_request(f"container {asked[:63]} is not valid for pod {name}")
        return asked
    if len(plain) == 1:
        return str(plain[0])
    choices = f"choose one of: [{' '.join(plain)}]"
    if initial:
        choices += f" or one of the init containers: [{' '.join(initial)}]"
    raise bad_request(f"a container name must be specified for pod {name}, {choices}")


def _status_of(pod: Raw, container: str) -> Raw | None:
    status = pod.get("status") or {}
    both = [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]
    return next((entry for entry in both if entry["name"] == container), None)


def _has_started(pod: Raw, container: str) -> bool:
    """A pod that is not scheduled yet, or not looked at yet, has an empty log."""
    return bool(pod["spec"].get("nodeName")) or _status_of(pod, container) is not None


def _refuse_absent(pod: Raw, request: LogRequest) -> None:
    """Raises `statuses.Refused` (400) when the instance whose output is wanted never ran."""
    status = _status_of(pod, request.container)
    if status is None:
        return
    name, container = pod["metadata"]["name"], request.container
    if request.previous and not (status.get("lastState") or {}).get("terminated"):
        raise bad_request(f'previous terminated container "{container}" in pod "{name}" not found')
    waiting = (status.get("state") or {}).get("waiting")
    has_run = (status.get("lastState") or {}).get("terminated") is not None
    if waiting is not None and not has_run:
        reason = waiting.get("reason") or "ContainerCreating"
        raise bad_request(f'container "{container}" in pod "{name}" is waiting to start: {reason}')
