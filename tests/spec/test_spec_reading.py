from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coop_core.errors import CoopError, ExitCode
from coop_core.spec import EnvironmentSpec, ServiceSpec, for_environment, parse

FULL = b"""\
name: hello
port: 9000
run: python -m hello
test: python -m unittest
health: /healthz
env: {GREETING: hello, DEBUG: no, LEVEL: 0x10, RATE: 1.50, ON: on, YES: true}
environments:
  main: {replicas: 3, env: {GREETING: good day}, host: hello.example.org}
  personal: {replicas: 0}
"""


def problem(text: str) -> tuple[str, str]:
    with pytest.raises(CoopError) as caught:
        parse(text.encode())
    assert caught.value.exit_code == ExitCode.CONFIG
    return caught.value.why, caught.value.remedy


def test_every_key_is_read() -> None:
    spec = parse(FULL)
    assert (spec.name, spec.port, spec.run, spec.test) == ("hello", 9000, "python -m hello", "python -m unittest")
    assert spec.health == "/healthz"
    assert spec.main == EnvironmentSpec(3, {"GREETING": "good day"}, "hello.example.org")
    assert spec.personal == EnvironmentSpec(0)


def test_values_of_variables_stay_as_they_are_written() -> None:
    assert parse(FULL).env == {
        "GREETING": "hello", "DEBUG": "no", "LEVEL": "0x10", "RATE": "1.50", "ON": "on", "YES": "true",
    }  # fmt: skip


def test_a_name_is_enough() -> None:
    assert parse(b"name: hello\n") == ServiceSpec("hello")
    assert ServiceSpec("hello").port == 8080


def test_an_environment_has_its_own_values_over_the_common_ones() -> None:
    spec = parse(FULL)
    main, personal = for_environment(spec, "main"), for_environment(spec, "dev-ada")
    assert (main.replicas, main.env["GREETING"], main.host, main.is_personal) == (
        3,
        "good day",
        "hello.example.org",
        False,
    )
    assert (personal.replicas, personal.env["GREETING"], personal.host, personal.is_personal) == (
        0,
        "hello",
        "",
        True,
    )
    assert main.env["DEBUG"] == "no"


def test_the_sample_apps_spec_is_a_good_one() -> None:
    text = (Path(__file__).parents[2] / "sample-app" / "coop.yaml").read_bytes()
    assert parse(text).name == "hello"
    assert text.count(b"\n") == 10


@pytest.mark.parametrize(("text", "why", "remedy"), [
    ("nam: hello", "coop.yaml:1: the key 'nam' is not known; coop.yaml:1: there is no name",
     "write name; add a line like: name: hello"),
    ("name: hello\n\nprot: 80", "coop.yaml:3: the key 'prot' is not known", "write port"),
    ("name: hello\nzzz: 80", "coop.yaml:2: the key 'zzz' is not known",
     "use one of: name, run, port, build, test, health, env, needs, watch, environments"),
    ("name: hello\nport: eighty", "coop.yaml:2: port is 'eighty'", "use a number from 1 to 65535, e.g. port: 8080"),
    ("name: hello\nport: 0", "coop.yaml:2: port is '0'", "use a number from 1 to 65535, e.g. port: 8080"),
    ("name: hello\nport: true", "coop.yaml:2: port is 'true'", "use a number from 1 to 65535, e.g. port: 8080"),
    ("name: Hello", "coop.yaml:1: name is 'Hello'",
     "use lower-case letters, digits and dashes, and start with a letter, e.g. name: hello"),
    ("name: [a]", "coop.yaml:1: name is a list or a mapping",
     "use lower-case letters, digits and dashes, and start with a letter, e.g. name: hello"),
    ("name: hello\nrun: echo 'x", "coop.yaml:2: run is \"echo 'x\"", "close the quotation marks"),
    ("name: hello\nrun:", "coop.yaml:2: run is ''", "write text, or leave run out"),
    ("name: hello\nhealth: healthz", "coop.yaml:2: health is 'healthz'",
     "use a path that starts with a slash, e.g. health: /healthz"),
    ("name: hello\nenv: [A]", "coop.yaml:2: env is a list or a mapping",
     "use names and values, e.g. env: {GREETING: hello}"),
    ("name: hello\nenv:\n  A:", "coop.yaml:3: env.A is no text", "write A: 'value'; an empty one is ''"),
    ("name: hello\nenv:\n  A: {b: c}", "coop.yaml:3: env.A is no text", "write A: 'value'; an empty one is ''"),
    ("name: hello\nenv:\n  2A: x", "coop.yaml:3: '2A' is no name for a variable", "use letters, digits and _"),
    ("name: hello\nenv:\n  PORT: 1", "coop.yaml:3: env sets PORT", "remove it and use the key port"),
    ("name: hello\nenvironments:\n  staging: {}", "coop.yaml:3: the key 'environments.staging' is not known",
     "use one of: main, personal"),
    ("name: hello\nenvironments:\n  main:\n    replica: 2", 
     "coop.yaml:4: the key 'environments.main.replica' is not known", "write replicas"),
    ("name: hello\nenvironments:\n  main: {replicas: -1}", "coop.yaml:3: environments.main.replicas is '-1'",
     "use a number from 0 to 100, e.g. replicas: 2"),
    ("name: hello\nenvironments:\n  main: {host: 'https://x'}", "coop.yaml:3: environments.main.host is 'https://x'",
     "use a host name alone, e.g. host: hello.example.org"),
    ("name: hello\nenvironments:\n  personal: {host: x}", "coop.yaml:3: environments.personal.host is 'x'",
     "remove it: everybody's personal environment has a host of its own"),
    ("", "coop.yaml:1: it is not one mapping of keys to values", "start it with: name: hello"),
    ("name: a\n---\nname: b", "coop.yaml:3: it is not one mapping of keys to values", "start it with: name: hello"),
])  # fmt: skip
def test_a_problem_has_its_line_and_what_to_write(text: str, why: str, remedy: str) -> None:
    assert problem(text) == (why, remedy)


def test_all_problems_are_told_at_once_in_order_of_line() -> None:
    why, _ = problem("name: X\nport: x\nenv:\n  PORT: 1\nfoo: 1\n")
    assert [part.split(":")[1] for part in why.split("; ")] == ["1", "2", "4", "5"]


def test_a_problem_names_the_file_that_was_given() -> None:
    with pytest.raises(CoopError, match="services/web/coop"):
        parse(b"port: 1", "services/web/coop.yaml")


def test_hostile_text_does_not_reach_the_terminal() -> None:
    why, remedy = problem('name: "\\e[31mred"\n"\\e]0;title\\a": 1\n')
    assert "\x1b" not in why + remedy


@given(st.dictionaries(
    st.sampled_from(["name", "port", "run", "test", "health", "env", "environments", "x"]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.dictionaries(st.sampled_from(["main", "personal", "replicas", "env", "A"]), inner),
    ),
))  # fmt: skip
def test_any_mapping_ends_in_a_spec_or_an_error(value: dict[str, object]) -> None:
    from coop_core import yamls

    try:
        parse(yamls.dump(value))
    except CoopError as error:
        assert error.why.startswith("coop.yaml:")
