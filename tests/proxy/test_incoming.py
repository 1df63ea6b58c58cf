"""Heads and bodies as they come in, before anybody looks at what they ask for."""

from __future__ import annotations

import asyncio

import pytest

from coop_core.proxy import incoming, queries
from coop_core.proxy.answers import Refusal
from coop_core.proxy.heads import HEAD_LIMIT_BYTES, RequestLine
from coop_core.proxy.inbox import Inbox
from coop_core.proxy.incoming import BODY_LIMIT_BYTES, PATH_LIMIT

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def headers(*more: tuple[bytes, bytes]) -> incoming.Headers:
    return incoming.check_headers(((b"Host", b"x"), *more))


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api",
        "/api/",
        "/api/v1/namespaces/dev-ada/pods/web",
        "/a.b/c:d/E_f",
        "/.well-known/x",
        "/a..b",
        "/..a",
    ],
)
def test_a_plain_path_passes(path: str) -> None:
    assert incoming.check(RequestLine("GET", path), headers()).path == path


@pytest.mark.parametrize(
    "path",
    ["//", "/a//b", "/a//", "/.", "/a/./b", "/a/../b", "/a/..", "/...", "/a/.../b", "/%61", "/a%2Fb", "/a;b",
     "/a,b", "/a\\b", "/a+b", "/a@b", "/a*", "/a{b}", "/a~",
     "/\u00e5", "", "*", "a", "/a b", "/" + "a" * PATH_LIMIT],
)  # fmt: skip
def test_a_path_that_could_be_read_in_two_ways_ends_the_connection(path: str) -> None:
    with pytest.raises(Refusal) as refused:
        incoming.check(RequestLine("GET", path), headers())
    assert (refused.value.code, refused.value.closes) == (400, True)


def test_a_body_is_refused_by_its_length_before_any_of_it_is_read() -> None:
    def posted(length: int) -> incoming.Incoming:
        return incoming.check(RequestLine("POST", REVIEWS), headers((b"Content-Length", str(length).encode())))

    assert posted(BODY_LIMIT_BYTES).headers.length == BODY_LIMIT_BYTES
    with pytest.raises(Refusal) as refused:
        posted(BODY_LIMIT_BYTES + 1)
    assert (refused.value.code, refused.value.closes) == (413, True)


def test_a_query_has_a_length_and_so_many_keys_at_most() -> None:
    assert queries.parse("a=" + "b" * (queries.QUERY_LIMIT - 2)) == {"a": "b" * (queries.QUERY_LIMIT - 2)}
    for query in ("a=" + "b" * queries.QUERY_LIMIT, "&".join(f"k{number}=1" for number in range(41))):
        with pytest.raises(Refusal):
            queries.parse(query)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"GET / HTTP/1.1\r\nX: " + b"a" * HEAD_LIMIT_BYTES, id="without an end"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * HEAD_LIMIT_BYTES + b"\r\n\r\n", id="with one"),
        pytest.param(b"\x16\x03\x01", id="TLS"),
        pytest.param(b"get / HTTP/1.1\r\n", id="lower case"),
    ],
)
def test_what_can_become_no_head_is_refused_without_waiting_for_more(raw: bytes) -> None:
    inbox = Inbox()
    inbox.add(raw)
    with pytest.raises(Refusal):
        inbox.request()


def test_a_head_may_come_in_any_pieces() -> None:
    raw = b"GET /api HTTP/1.1\r\nHost: x\r\n\r\n"
    inbox = Inbox()
    for at in range(len(raw)):
        assert inbox.request() is None
        inbox.add(raw[at : at + 1])
    asked = inbox.request()
    assert asked is not None
    assert (asked.path, len(inbox)) == ("/api", 0)


async def test_a_body_is_what_comes_next_and_no_more() -> None:
    inbox = Inbox()
    inbox.add(b"ab")
    waiting = asyncio.ensure_future(inbox.body(4))
    await asyncio.sleep(0)
    inbox.add(b"c")
    assert not waiting.done()
    inbox.add(b"d" + b"GET")
    assert await waiting == b"abcd"
    assert len(inbox) == len(b"GET")
    assert await inbox.body(0) == b""
