"""The table and the headings as lines."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from coop_tui.board.lines import cut, fitted, text_of, width, wrapped
from coop_tui.board.table import table
from tests.dashboard.board_cluster import HELLO

if TYPE_CHECKING:
    from coop_core.cluster.views import ServiceView


def text(rows: list[ServiceView], cells: int, *, elapsed_s: float = 0.0) -> list[str]:
    made = table(rows, cells, elapsed_s=elapsed_s)
    return [text_of(line).rstrip() for line in (made.head, *made.lines)]


def test_columns_stand_under_their_headings() -> None:
    head, first, second = text([HELLO, replace(HELLO, service="a-longer-name")], 140)
    for heading, value in (("SERVICE", "hello"), ("SYNC", "✓ Synced"), ("HEALTH", "● Healthy"), ("PODS", "1/1")):
        assert head.index(heading) == first.index(value, first.index("dev-ada") + 7)
    assert head.index("AGE") == second.index("5m")


@pytest.mark.parametrize("cells", [40, 60, 80, 100, 140, 200])
def test_no_line_is_wider_than_the_terminal_but_a_tiny_one(cells: int) -> None:
    rows = [replace(HELLO, environment="dev-somebody-with-a-name", service="a-service-with-a-long-name")] * 2
    rows.append(replace(HELLO, message="a cause that is much longer than any terminal is wide " * 5))
    longest = max(map(width, text(rows, cells)))
    assert longest <= max(cells, 76)


def test_addresses_give_way_on_a_narrow_terminal() -> None:
    assert "hello.dev-ada.localhost:4780" in text([HELLO], 120)[1]
    made = table([HELLO], 80)
    assert not made.has_urls
    assert "URL" not in text_of(made.head)


def test_a_cause_stands_under_its_row_and_belongs_to_it() -> None:
    sick = replace(HELLO, health="Degraded", message="exit code 1", ready=0, version="")
    made = table([sick, HELLO], 100)
    assert made.owners == (0, 0, 1)
    assert "✗ Degraded" in text_of(made.lines[0])
    assert text_of(made.lines[1]).strip() == "╰ exit code 1"


def test_a_version_on_its_way_is_shown_beside_the_one_that_serves() -> None:
    assert "3f2a1bc → 9c1d2e0" in text([replace(HELLO, next_version="9c1d2e0")], 120)[1]


def test_ages_go_on_between_two_looks_at_the_cluster() -> None:
    assert "5m10s" in text([HELLO], 120, elapsed_s=10.0)[1]


def test_a_state_that_nobody_knows_is_shown_as_it_is() -> None:
    assert "? Confused" in text([replace(HELLO, health="Confused")], 120)[1]


def test_text_is_cut_and_padded_by_cells_not_by_characters() -> None:
    assert fitted("日本", 6) == "日本  "
    assert (cut("日本語", 5), width(fitted("日本語", 4))) == ("日本…", 4)


def test_wrapping_breaks_at_spaces_and_loses_nothing() -> None:
    assert wrapped("the quick brown fox", 10) == ["the quick", "brown fox"]
    assert wrapped("", 10) == [""]
    assert wrapped("x" * 25, 10) == ["x" * 10, "x" * 10, "x" * 5]
    assert all(width(piece) <= 9 for piece in wrapped("日本語" * 10, 9))


def test_a_service_that_sleeps_is_said_to() -> None:
    row = replace(HELLO, ready=0, wanted=0, is_asleep=True)
    assert "asleep" in text_of(table([row], 120).lines[0])
