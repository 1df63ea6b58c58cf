"""How often a remote is looked at, and who waits for whom."""

from __future__ import annotations

import asyncio

import pytest

from coop_core.agent.watching import (
    ACTIVE_FOR_S,
    BY_PROCESS,
    BY_REQUEST,
    JITTER,
    LONGEST_ERROR_TICK_S,
    PER_HOST_S,
    Pace,
    Ticks,
)
from coop_core.git.threads import Turns, in_thread


def pauses(pace: Pace, now_s: float, ticks: Ticks = BY_REQUEST, neighbours: int = 1) -> list[float]:
    return [pace.next_s(now_s, ticks, neighbours) for _ in range(200)]


@pytest.mark.parametrize("ticks", [BY_REQUEST, BY_PROCESS])
def test_a_repository_is_looked_at_often_after_a_change_and_less_often_when_quiet(ticks: Ticks) -> None:
    active, quiet = (pauses(Pace(0.0), now_s, ticks) for now_s in (1.0, ACTIVE_FOR_S + 1))
    assert max(active) <= ticks.active_s * (1 + JITTER)
    assert min(quiet) >= ticks.quiet_s * (1 - JITTER) > max(active)


def test_pauses_differ_so_that_remotes_are_not_all_asked_at_once() -> None:
    assert len(set(pauses(Pace(0.0), 1.0))) > 100


def test_errors_make_the_pause_longer_up_to_a_limit() -> None:
    middles = []
    for errors in (0, 1, 2, 3, 50):
        middles.append(sum(pauses(Pace(0.0, errors=errors), 1.0)) / 200)
    assert middles == sorted(middles)
    assert max(pauses(Pace(0.0, errors=10**9), 1.0)) <= LONGEST_ERROR_TICK_S * (1 + JITTER)


def test_a_remote_that_asks_for_patience_gets_it() -> None:
    assert min(pauses(Pace(0.0, errors=1, retry_after_s=300), 1.0)) >= 300 * (1 - JITTER)


def test_many_remotes_of_one_host_share_what_it_is_asked() -> None:
    number = 2000
    together = sum(number / pause_s for pause_s in pauses(Pace(0.0), 1.0, neighbours=number)) / 200
    assert together == pytest.approx(PER_HOST_S, rel=0.1)


async def test_a_turn_that_hangs_counts_for_a_while_only() -> None:
    turns, hung = Turns(at_once=1, lent_s=0.05), asyncio.Event()

    async def hang() -> None:
        async with turns.turn():
            hung.set()
            await asyncio.Event().wait()

    hanging = asyncio.create_task(hang())
    await hung.wait()
    async with asyncio.timeout(5), turns.turn():
        assert not hanging.done()
    hanging.cancel()
    await asyncio.wait([hanging])
    taken = 0
    async with turns.turn():
        taken += 1
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01), turns.turn():
                taken += 1
    assert taken == 1


async def test_what_a_thread_finds_or_raises_comes_back() -> None:
    assert await in_thread(lambda: 1) == 1
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda: 1 // 0)
