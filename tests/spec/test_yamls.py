from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from coop_core import yamls
from coop_core.errors import CoopError, ExitCode


def refused(text: bytes) -> CoopError:
    with pytest.raises(CoopError) as caught:
        yamls.load_all(text, "x.yaml")
    assert caught.value.exit_code == ExitCode.CONFIG
    assert caught.value.remedy
    return caught.value


@given(st.binary(max_size=400))
def test_any_bytes_end_in_a_value_or_in_an_error_with_a_line(text: bytes) -> None:
    try:
        yamls.load_all(text, "x.yaml")
    except CoopError as error:
        assert error.why.startswith("x.yaml:")


@given(st.text(alphabet="[]{}:,-?&*!|>'\"%@`#ab \n\t\\0", max_size=200))
@settings(max_examples=300)
def test_any_punctuation_ends_in_a_value_or_an_error(text: str) -> None:
    try:
        yamls.load_all(text.encode(), "x.yaml")
    except CoopError as error:
        assert error.why.startswith("x.yaml:")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(_JSON)
@settings(max_examples=300)
def test_what_is_written_is_read_again(value: Any) -> None:
    assert yamls.load(yamls.dump([value]), "x.yaml") == [value]


@given(st.text(max_size=30) | st.from_regex(r"[-+.0-9eE_:xo]{1,12}", fullmatch=True))
@settings(max_examples=500)
def test_a_parser_of_older_yaml_reads_the_same_text(text: str) -> None:
    assert yaml.safe_load(yamls.dump({"a": text}).decode()) == {"a": text}


@pytest.mark.parametrize(
    "text", ["y", "N", "on", "no", "1e3", "0o17", "12:30", "null", "~", "=", "2024-01-01", "1234e567"]
)
def test_a_text_that_another_parser_misreads_is_quoted(text: str) -> None:
    assert yamls.dump({"a": text}) == f"a: '{text}'\n".encode()


def test_writing_is_canonical() -> None:
    shared = {"z": 1, "a": "x\ny\n"}
    assert yamls.dump({"b": shared, "a": [shared]}) == (
        b"a:\n- a: |\n    x\n    y\n  z: 1\nb:\n  a: |\n    x\n    y\n  z: 1\n"
    )


def test_words_mean_what_yaml_1_2_says() -> None:
    found = yamls.load(b"[no, on, yes, true, null, ~, 0o17, 0x1f, 1:30, 1e3, .inf, 010, 'true', !!str 5]", "x.yaml")
    assert found == ["no", "on", "yes", True, None, None, 15, 31, "1:30", 1000.0, math.inf, 10, "true", "5"]


def test_keys_are_texts() -> None:
    assert yamls.load(b"1: a\ntrue: b\n", "x.yaml") == {"1": "a", "true": "b"}


def test_nodes_know_their_lines() -> None:
    (node,) = yamls.nodes(b"a: 1\nb:\n  c: 2\n", "x.yaml")
    assert isinstance(node, yamls.Mapping)
    line, inner = node.items["b"]
    assert (line, inner.line) == (2, 3)


def test_an_empty_file_is_nothing() -> None:
    assert yamls.load(b"", "x.yaml") is None
    assert yamls.load(b"# only a comment\n", "x.yaml") is None
    assert yamls.load(b"\xef\xbb\xbfa: 1", "x.yaml") == {"a": 1}


@pytest.mark.parametrize(("text", "why"), [
    (b"a: 1\na: 2\n", "x.yaml:2: 'a' is there already, in line 1"),
    (b"a: !!python/name:x y\n", "x.yaml:1: the tag tag:yaml.org,2002:python/name:x is not read"),
    (b"a: &x 1\n<<: *x\n", "x.yaml:2: merge keys (<<) are not read"),
    (b"a: *x\n", "x.yaml:1: nothing is called *x here"),
    (b"a: &x [*x]\n", "x.yaml:1: nothing is called *x here"),
    (b"[a]: 1\n", "x.yaml:1: a key is a list or a mapping"),
    (b"a:\n\tb: 1\n", "x.yaml:2: found character that cannot start any token"),
    (b"a: 1\n\xff\n", "x.yaml:2: the file is not UTF-8"),
    (b"a: 1\nb: \x00\n", "x.yaml:2: control characters are not allowed"),
    (b"a: [1\n", "x.yaml:2: did not find expected ',' or ']'"),
])  # fmt: skip
def test_what_is_not_read_is_named_with_its_line(text: bytes, why: str) -> None:
    assert refused(text).why == why


def test_several_documents_are_refused_where_one_is_meant() -> None:
    assert yamls.load_all(b"a: 1\n---\nb: 2\n", "x.yaml") == [{"a": 1}, {"b": 2}]
    with pytest.raises(CoopError, match="several documents"):
        yamls.load(b"a: 1\n---\nb: 2\n", "x.yaml")


@pytest.mark.parametrize("text", [
    b"[" * 200_000, b"{" * 200_000, b"[{a: " * 100_000, b"- " * 200_000, b"? " * 200_000, b"a:\n" * 3 + b"- " * 500,
    b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
        b"%c: &%c [%s]\n" % (98 + i, 98 + i, b",".join([b"*%c" % (97 + i)] * 9)) for i in range(9)
    ),
    b"x" * (yamls.SIZE_LIMIT_BYTES + 1), b"- 1\n" * 150_000, b"&a " * 100_000, b"!" * 1000, b"'" * 99_999,
])  # fmt: skip
def test_a_bomb_is_refused(text: bytes) -> None:
    refused(text)


def chain(links: int, levels: int) -> bytes:
    """Lists of `levels` levels, each with the one before in its middle."""
    lines = [f"- &a0 {'[' * levels}1{']' * levels}"]
    lines += [f"- &a{i} {'[' * levels}*a{i - 1}{']' * levels}" for i in range(1, links)]
    return "\n".join(lines).encode()


def depth(value: Any) -> int:
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@given(st.integers(1, 8), st.integers(1, 40))
def test_aliases_count_as_deep_as_what_they_stand_for(links: int, levels: int) -> None:
    whole = 1 + links * levels
    if whole > yamls.DEPTH_LIMIT:
        assert f"more than {yamls.DEPTH_LIMIT} levels deep" in refused(chain(links, levels)).why
    else:
        assert depth(yamls.load(chain(links, levels), "x.yaml")) == whole


def test_a_long_chain_of_aliases_is_refused_at_its_line() -> None:
    error = refused(chain(56, 58))
    assert error.why == f"x.yaml:2: it is nested more than {yamls.DEPTH_LIMIT} levels deep"
    assert error.remedy == "flatten it"


def test_a_bomb_does_not_end_the_process() -> None:
    code = (
        "import resource\nresource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20))\n"
        "from coop_core import yamls\nfrom coop_core.errors import CoopError\n"
        "for text in (b'[' * 1_000_000, b'{a: ' * 250_000, b'- ' * 500_000):\n"
        "    try:\n        yamls.load(text, 'x')\n    except CoopError:\n        print('refused')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.split() == ["refused"] * 3
