from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coop_core.proxy.patience import (
    HEADER_DEADLINE_S,
    IDLE_LIMIT_S,
    LINGER_S,
    WRITE_LIMIT_S,
    Patience,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import Callable

BEGAN_S = 1000.0


def rests(patience: Patience, at_s: float) -> None:
    patience.has_sent()
    patience.rests(at_s)


def sends_again(patience: Patience, at_s: float) -> None:
    rests(patience, 0)
    patience.sends(at_s)


def is_blocked(patience: Patience, at_s: float) -> None:
    patience.has_sent()
    patience.blocks(at_s)


@pytest.mark.parametrize(
    ("happens", "limit_s", "then"),
    [
        pytest.param(lambda patience, at_s: None, HEADER_DEADLINE_S, Verdict.CUT, id="nothing"),
        pytest.param(sends_again, HEADER_DEADLINE_S, Verdict.CUT, id="a second head"),
        pytest.param(rests, IDLE_LIMIT_S, Verdict.CLOSE, id="rest"),
        pytest.param(is_blocked, WRITE_LIMIT_S, Verdict.CUT, id="a reader that takes nothing"),
        pytest.param(
            lambda patience, at_s: patience.leaves(at_s, lingers=False), WRITE_LIMIT_S, Verdict.CUT, id="an end"
        ),
        pytest.param(
            lambda patience, at_s: patience.leaves(at_s, lingers=True), LINGER_S, Verdict.CUT, id="a refusal"
        ),
    ],
)
def test_each_thing_may_take_its_time_and_no_longer(
    happens: Callable[[Patience, float], None], limit_s: float, then: Verdict
) -> None:
    patience = Patience(BEGAN_S)
    happens(patience, BEGAN_S)
    assert patience.verdict(BEGAN_S + limit_s) is Verdict.WAIT
    assert patience.verdict(BEGAN_S + limit_s + 0.1) is then


def test_an_answer_may_take_as_long_as_it_does_while_the_client_takes_it() -> None:
    patience = Patience(BEGAN_S)
    patience.has_sent()
    assert patience.verdict(BEGAN_S + 1e6) is Verdict.WAIT
    patience.blocks(BEGAN_S + 1e6)
    assert patience.is_blocked
    patience.takes()
    assert not patience.is_blocked
    assert patience.verdict(BEGAN_S + 2e6) is Verdict.WAIT


def test_bytes_of_a_head_do_not_make_it_younger() -> None:
    patience = Patience(BEGAN_S)
    patience.sends(BEGAN_S + HEADER_DEADLINE_S)
    assert patience.verdict(BEGAN_S + HEADER_DEADLINE_S + 0.1) is Verdict.CUT


@pytest.mark.parametrize("lingers", [True, False])
def test_who_leaves_is_not_heard_any_more(lingers: bool) -> None:
    patience = Patience(BEGAN_S)
    assert not patience.is_over
    patience.leaves(BEGAN_S, lingers=lingers)
    assert patience.is_over
