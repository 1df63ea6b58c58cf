"""Which services run together, and in which order."""

from __future__ import annotations

import pytest

from coop_core.errors import CoopError
from coop_core.spec.choosing import by_name, chosen

NEEDS = {"web": ("api", "cache"), "api": ("db",), "db": (), "cache": (), "docs": ()}


def test_what_is_needed_comes_along_and_comes_first() -> None:
    assert chosen(NEEDS, ["web"]) == ["db", "api", "cache", "web"]


def test_what_nobody_needs_stays_away() -> None:
    assert chosen(NEEDS, ["api", "db"]) == ["db", "api"]


def test_a_name_that_is_none_is_told_the_nearest() -> None:
    with pytest.raises(CoopError, match="you asked for wbe") as caught:
        chosen(NEEDS, ["wbe"])
    assert caught.value.remedy == "write web"


def test_a_need_that_is_no_service_names_who_needs_it() -> None:
    with pytest.raises(CoopError, match="web needs queue"):
        chosen({"web": ("queue",)}, ["web"])


def test_services_that_need_each_other_are_shown_as_the_ring_they_are() -> None:
    with pytest.raises(CoopError, match="a → b → a"):
        chosen({"a": ("b",), "b": ("a",)}, ["a"])


def test_a_service_that_needs_itself_is_told_just_that() -> None:
    with pytest.raises(CoopError) as caught:
        chosen({"a": ("a",)}, ["a"])
    assert caught.value.why == "a needs itself"
    assert caught.value.remedy == "remove a from needs in the coop.yaml of a"


def test_two_services_of_one_name_are_an_error_that_names_both_files() -> None:
    assert by_name({"a/coop.yaml": "a", "b/coop.yaml": "b"}) == {"a": "a/coop.yaml", "b": "b/coop.yaml"}
    with pytest.raises(CoopError, match=r"a/coop.yaml and b/coop.yaml both say so") as caught:
        by_name({"a/coop.yaml": "shop", "b/coop.yaml": "shop"})
    assert caught.value.remedy == "change the name in b/coop.yaml"
