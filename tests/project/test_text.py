"""Hostile text, made fit for a terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coop_core.text import lines, one_line


@pytest.mark.parametrize(
    ("hostile", "plain"),
    [
        ("\x1b]0;owned\x07title", "title"),
        ("\x1b]52;c;cm0gLXJm\x1b\\copied", "copied"),
        ("\x1b[2J\x1b[31mred\x1b[0m", "red"),
        ("\x9b2Jc1", "c1"),
        ("left\u202egnp.exe", "leftgnp.exe"),
        ("zero\u200bwidth", "zerowidth"),
        ("two\nlines\r\n", "two lines"),
        ("tab\there", "tab here"),
        ("bell\x07 nul\x00 del\x7f", "bell nul del"),
        ("lone \ud800 surrogate", "lone  surrogate"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
    ],
)
def test_nothing_but_the_words_stays(hostile: str, plain: str) -> None:
    assert one_line(hostile) == plain


@given(st.text())
def test_any_text_ends_as_one_printable_line(text: str) -> None:
    cleaned = one_line(text, 40)
    assert len(cleaned) <= 40
    assert not [char for char in cleaned if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")]


@given(st.text())
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert one_line(one_line(text)) == one_line(text)


def test_a_cut_text_says_so() -> None:
    assert one_line("x" * 300, 10) == "x" * 9 + "…"


def test_every_kind_of_line_break_ends_a_line() -> None:
    assert lines("a\nb\r\nc\rd") == ["a", "b", "c", "d"]


def test_a_megabyte_of_escapes_costs_no_megabyte_of_work() -> None:
    assert one_line("\x1b[31m" * 200_000) == ""
