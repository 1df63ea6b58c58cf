"""The log below the loop's own lines: every line once, over streams that end and begin again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from coop_core.kube.failures import NotFound, Unavailable
from coop_devloop import tailing

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    import pytest

    from coop_core.kube.client import KubeClient

FIRST, SECOND = "2026-01-01T00:00:00.000000001Z", "2026-01-01T00:00:00.000000002Z"


class Client:
    """Answers each request for the log with the next of `readings`, a few bytes at a time; then the pod is gone."""

    def __init__(self, *readings: list[tuple[str, str]]) -> None:
        self._readings = list(readings)

    async def logs(self, environment: str, pod: str, query: Any) -> AsyncGenerator[bytes, None]:
        if not self._readings:
            raise NotFound("read the log", "gone", code=404)
        text = "".join(f"{at} {line}\n" for at, line in self._readings.pop(0)).encode()
        for start in range(0, len(text), 7):
            yield text[start : start + 7]
        raise Unavailable("read the log", "the stream broke", code=503)


async def told(monkeypatch: pytest.MonkeyPatch, *readings: list[tuple[str, str]]) -> list[str]:
    monkeypatch.setattr(tailing, "_PAUSE_S", 0.0)
    client = cast("KubeClient", Client(*readings))
    return [line async for line in tailing.tail(client, "dev-ada", "hello")]


async def test_lines_of_one_moment_are_all_told_and_indented(monkeypatch: pytest.MonkeyPatch) -> None:
    burst = [(FIRST, "Traceback:"), (FIRST, '  File "app.py"'), (FIRST, "KeyError"), (SECOND, "next")]
    assert await told(monkeypatch, burst) == ["Traceback:", '  File "app.py"', "KeyError", "next"]


async def test_a_log_that_is_read_again_tells_what_is_new_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    first = [(FIRST, "a"), (FIRST, "b")]
    second = [*first, (FIRST, "c"), (SECOND, "d")]
    third = [*second, (SECOND, "e")]
    assert await told(monkeypatch, first, second, third) == ["a", "b", "c", "d", "e"]


async def test_of_a_progress_bar_the_last_state_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await told(monkeypatch, [(FIRST, "10 %\r50 %\rdone\r")]) == ["done"]


async def test_a_container_that_began_anew_tells_its_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await told(monkeypatch, [(FIRST, "a"), (FIRST, "b")], [(SECOND, "a"), (SECOND, "b")]) == list("abab")
