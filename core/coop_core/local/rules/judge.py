"""The platform's side of the process that rules run in."""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import time
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from coop_core.cluster import definitions
from coop_core.cluster.causes import UNCHECKED, Cause

if TYPE_CHECKING:
    from collections.abc import Callable

    from coop_core.cluster.definitions import Served
    from coop_core.cluster.kinds import Raw

PROGRAM = "coop_core.local.rules.process"
_PATIENCE_S = 10.0
"""For an answer, starting included; the process itself bounds its own time far more strictly."""
_BLOCK_BYTES = 1 << 16
_OVER = "validation failed due to running out of cost budget, no further validation rules will be run"
_HIDING = ("FieldValueNotSupported", "FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany",
           "FieldValueTypeInvalid")  # fmt: skip
"""Mistakes that rules need not be prepared for."""


class Lost(Exception):
    """The process ended instead of answering; reason and message say what that means for what was judged."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        super().__init__(process.args)
        code = process.returncode
        self.reason, self.message = (
            ("FieldValueInvalid", f'Invalid value: "object": {_OVER}')
            # A signal ended it: the system's, for taking too long, or ours, for not answering.
            if code is None or code < 0
            else (
                "InternalError",
                f"Internal error: rules cannot be run here: their process ended with code {code}; "
                f"`{sys.executable} -m {PROGRAM}` says why",
            )
        )


class Judge:
    """Starts the process when there is something to judge, and again after it ended.

    Waits for answers without letting anything else run: a write is one step.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._end: Callable[[], object] = lambda: None

    def of_definition(self, new: Raw, old: Raw | None) -> tuple[Cause, ...]:
        """What is wrong with the rules of a definition; nothing when they are as they were."""
        if old is not None and old["spec"] == new["spec"]:
            return ()
        found: list[Cause] = []
        for place, schema in definitions.schemas_with_rules(new).items():
            try:
                found += _causes(self._ask({"key": "", "schema": schema, "place": place}))
            except Lost as lost:
                # The next might take as long, and everybody waits.
                return (*found, Cause(lost.reason, lost.message, place))
        return tuple(found)

    def of_object(self, custom: Served, new: Raw, old: Raw | None) -> tuple[Cause, ...]:
        """What is wrong with an object by its schema and by the rules there.

        old: what the object was before; None for a new one.
        """
        found = custom.causes(new, old)
        if not custom.rules:
            return found
        if any(cause.reason in _HIDING for cause in found):
            return (*found, UNCHECKED)
        request: dict[str, Any] = {"key": custom.rules, "new": new, "old": old}
        try:
            answer = self._ask(request)
            if answer is None:
                answer = self._ask({**request, "schema": custom.schema})
        except Lost as lost:
            return (*found, Cause(lost.reason, lost.message, "<nil>"))
        return found + _causes(answer)

    def close(self) -> None:
        self._end()
        self._process = None

    def _ask(self, request: Raw) -> list[list[str]] | None:
        process = self._running()
        try:
            line = _exchanged(process, msgspec.json.encode(request) + b"\n")
            answer: list[list[str]] | None = msgspec.json.decode(line)
        except (OSError, msgspec.DecodeError) as error:
            with suppress(subprocess.TimeoutExpired):
                process.wait(0 if isinstance(error, TimeoutError) else 1)
            self.close()
            raise Lost(process) from error
        return answer

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        # In a session of its own: Ctrl-C in the platform's terminal is for the platform, and its end ends this.
        process = subprocess.Popen(
            [sys.executable, "-m", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )
        assert process.stdin, "a pipe"
        os.set_blocking(process.stdin.fileno(), False)
        self._process = process
        self._end = weakref.finalize(self, _end, process)
        return process


def _exchanged(process: subprocess.Popen[bytes], request: bytes) -> bytearray:
    """The line that answers a request. Raises OSError when it is not taken, or there is none, in time."""
    assert process.stdin and process.stdout, "both are pipes"
    found, left, until_s = bytearray(), memoryview(request), time.monotonic() + _PATIENCE_S
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdin, selectors.EVENT_WRITE)
        selector.register(process.stdout, selectors.EVENT_READ)
        while not found.endswith(b"\n"):
            ready = [key.fileobj for key, _ in selector.select(max(0.0, until_s - time.monotonic()))]
            if not ready:
                raise TimeoutError
            if process.stdin in ready:
                left = left[os.write(process.stdin.fileno(), left) :]
                if not left:
                    selector.unregister(process.stdin)
            if process.stdout in ready:
                block = os.read(process.stdout.fileno(), _BLOCK_BYTES)
                if not block:
                    raise BrokenPipeError
                found += block
    return found


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):
            assert pipe, "both are pipes"
            pipe.close()


def _causes(answer: list[list[str]] | None) -> tuple[Cause, ...]:
    return tuple(Cause(reason, message, field) for reason, message, field in answer or ())
