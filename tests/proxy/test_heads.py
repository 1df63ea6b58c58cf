from __future__ import annotations

from contextlib import suppress

import pytest

from coop_core.proxy import heads, incoming
from coop_core.proxy.answers import Refusal
from tests.growth import assert_in_proportion


def test_a_header_is_a_name_and_its_words() -> None:
    raw = b"A:  b  c \t d  \r\nB:\r\nC: \t \r\nD:x\xff"
    assert heads.headers(raw) == ((b"A", b"b  c \t d"), (b"B", b""), (b"C", b""), (b"D", b"x\xff"))


@pytest.mark.parametrize(
    "piece", [" ", "\t ", "a", "a ", "a  b", "a:", "/", "/a", "%", "?", "&a=b", ",a;b", "Bearer "]
)
@pytest.mark.parametrize("begin", ["X-A: ", "", "Accept: ", "Authorization: Bearer ", "Connection: "])
@pytest.mark.parametrize("end", ["", "\x01"])
def test_no_head_takes_more_than_in_proportion_to_its_length(piece: str, begin: str, end: str) -> None:
    def read(text: str) -> None:
        raw = text.encode()
        with suppress(Refusal):
            heads.line(b"GET /" + raw + b" HTTP/1.1")
        with suppress(Refusal):
            incoming.check_headers(heads.headers(b"Host: x\r\n" + raw))

    assert_in_proportion(read, piece, begin, end)
