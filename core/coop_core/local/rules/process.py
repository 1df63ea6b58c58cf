"""The process that rules run in: one request a line in, one answer a line out, until its input ends.

Time and memory of a request are bounded by the system; what goes over is ended by it. Started by `judge`.

    python -m coop_core.local.rules.process
"""

from __future__ import annotations

import resource
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from coop_core.cluster.schemas.rules.compiling import compiled
from coop_core.cluster.schemas.rules.judging import judged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coop_core.cluster.causes import Cause
    from coop_core.cluster.schemas.rules.compiling import Node

JUDGING_LIMIT_S, COMPILING_LIMIT_S = 1.0, 5.0
"""Of processor time. Kubernetes' own budget for an object is about a second, too."""
MEMORY_LIMIT_BYTES = 1 << 30
"""Of the address space. Where the system does not count that, time alone is the limit."""


class Request(msgspec.Struct, omit_defaults=True):
    """What is asked. key: of the schema; an unknown one is answered with None, and asked again with the schema.

    place: compile only, and say what is wrong with the rules of the schema at that place of its definition.
    """

    key: str
    schema: dict[str, Any] | None = None
    place: str = ""
    new: dict[str, Any] | None = None
    old: dict[str, Any] | None = None


Answer = list[tuple[str, str, str]] | None
"""Reason, message and field of every cause."""


class _Court:
    def __init__(self) -> None:
        self._nodes: dict[str, Node | None] = {}

    def answer(self, request: Request) -> Answer:
        if request.schema is not None:
            with _within(COMPILING_LIMIT_S):
                node, problems = compiled(request.schema, request.place)
            if request.place:
                return _causes(problems)
            self._nodes[request.key] = node
        if request.key not in self._nodes:
            return None
        node = self._nodes[request.key]
        with _within(JUDGING_LIMIT_S):
            return _causes(judged(node, request.new or {}, request.old) if node else ())


@contextmanager
def _within(limit_s: float) -> Iterator[None]:
    """What takes more processor time than this is ended with the process: nothing handles the signal."""
    signal.setitimer(signal.ITIMER_PROF, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _causes(found: tuple[Cause, ...]) -> Answer:
    return [(one.reason, one.message, one.field) for one in found]


def serve(lines: BinaryIO, out: BinaryIO) -> None:
    court = _Court()
    for line in lines:
        out.write(msgspec.json.encode(court.answer(msgspec.json.decode(line, type=Request))) + b"\n")
        out.flush()


def main() -> int:
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    serve(sys.stdin.buffer, sys.stdout.buffer)
    return 0


if __name__ == "__main__":
    sys.exit(main())
