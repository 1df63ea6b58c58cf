"""The schema that editors get, and the loader: what one refuses, the other does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from coop_core import yamls
from coop_core.errors import CoopError
from coop_core.spec import parse
from coop_core.spec.reading import SERVICE
from coop_core.spec.schema import json_schema

SCHEMA = json_schema()

_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict, "string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list,
}  # fmt: skip
_SAYS_NOTHING = {"$schema", "title", "description", "default", "examples"}


def accepts(schema: dict[str, Any], value: Any) -> bool:
    """Whether `value` is valid, for the keywords that our schema uses; a KeyError for any other."""
    return all(_RULES[word](schema, value) for word in schema if word not in _SAYS_NOTHING)


def _is_type(schema: dict[str, Any], value: Any) -> bool:
    names = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    if isinstance(value, bool):
        return "boolean" in names
    return any(isinstance(value, _TYPES[name]) for name in names)


def _known(schema: dict[str, Any], value: Any) -> bool:
    return not isinstance(value, dict) or all(
        accepts(schema["properties"][key], inner) for key, inner in value.items() if key in schema["properties"]
    )


def _others(schema: dict[str, Any], value: Any) -> bool:
    if not isinstance(value, dict):
        return True
    rule = schema["additionalProperties"]
    others = [inner for key, inner in value.items() if key not in schema.get("properties", {})]
    return all(rule is not False and accepts(rule, inner) for inner in others)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_RULES: dict[str, Any] = {
    "type": _is_type,
    "properties": _known,
    "additionalProperties": _others,
    "required": lambda s, v: not isinstance(v, dict) or all(key in v for key in s["required"]),
    "propertyNames": lambda s, v: not isinstance(v, dict) or all(accepts(s["propertyNames"], key) for key in v),
    "pattern": lambda s, v: not isinstance(v, str) or re.fullmatch(s["pattern"], v) is not None,
    "maxLength": lambda s, v: not isinstance(v, str) or len(v) <= s["maxLength"],
    "minimum": lambda s, v: not _is_number(v) or v >= s["minimum"],
    "maximum": lambda s, v: not _is_number(v) or v <= s["maximum"],
    "not": lambda s, v: not accepts(s["not"], v),
    "const": lambda s, v: v == s["const"],
    "items": lambda s, v: not isinstance(v, list) or all(accepts(s["items"], inner) for inner in v),
    "minProperties": lambda s, v: not isinstance(v, dict) or len(v) >= s["minProperties"],
    "maxProperties": lambda s, v: not isinstance(v, dict) or len(v) <= s["maxProperties"],
    "maxItems": lambda s, v: not isinstance(v, list) or len(v) <= s["maxItems"],
    "uniqueItems": lambda s, v: not isinstance(v, list) or len({json.dumps(inner) for inner in v}) == len(v),
}


def loads(value: Any) -> bool:
    try:
        parse(yamls.dump(value))
    except CoopError:
        return False
    return True


_WORDS = st.sampled_from([
    "hello", "/healthz", "x y", "'open", '"open', "a'b'c", "a\\", "a\\'", "", " ", "Hello", "hello-", "-", "/a b",
    "a.example.org", "a..b", "x" * 64, "x" * 4097, "tab\there", "nul\0", "line\nbreak", "hello\n", "/x\n", "ünï",
])  # fmt: skip
_SCALARS = st.none() | st.booleans() | st.integers(-2, 70_000) | st.just(1.5) | _WORDS | st.text(max_size=6)
_NAMES = st.sampled_from(["GREETING", "PORT", "2A", "A-B", "", "A\n", "ü"])
_ANYTHING = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=3), max_leaves=4
)


def _likely(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that often fit, and often just do not."""
    if "properties" not in schema:
        pairs = st.dictionaries(_NAMES | _WORDS, _SCALARS, max_size=3)
        if schema["type"] == "object":
            return pairs | _ANYTHING
        fitting = st.sampled_from(schema["examples"]) if "examples" in schema else st.nothing()
        return fitting | _SCALARS | _ANYTHING
    known = {key: _likely(inner) for key, inner in schema["properties"].items()}
    odd = st.dictionaries(st.sampled_from(["nam", "host", "x"]), _SCALARS, max_size=1)
    group = st.fixed_dictionaries({}, optional=known)
    return st.builds(lambda right, wrong: {**wrong, **right}, group, st.just({}) | odd) | _ANYTHING


@given(_likely(SCHEMA))
@settings(deadline=None, max_examples=600)
def test_loader_and_schema_agree(value: Any) -> None:
    assert accepts(SCHEMA, value) == loads(value)


@given(
    st.fixed_dictionaries({"name": st.just("hello")}, optional={
        key: _likely(inner) for key, inner in SCHEMA["properties"].items() if key != "name"
    }),
)  # fmt: skip
@settings(deadline=None, max_examples=600)
def test_they_agree_on_each_key_of_a_service_with_a_name(value: Any) -> None:
    assert accepts(SCHEMA, value) == loads(value)


@given(st.text(alphabet="'\"\\a #$\n\t|", max_size=12))
@settings(deadline=None, max_examples=600)
def test_they_agree_on_quotation_marks_and_a_shell_does_too(text: str) -> None:
    import shlex

    value = {"name": "hello", "run": text}
    assert accepts(SCHEMA, value) == loads(value)
    try:
        shlex.split(text)
    except ValueError:
        assert not loads(value)
    else:
        assert loads(value) == bool(text.strip())


def test_every_key_of_the_loader_is_described_with_an_example_or_keys_of_its_own() -> None:
    assert list(SCHEMA["properties"]) == list(SERVICE.fields)
    for key, described in SCHEMA["properties"].items():
        assert described["description"].endswith("."), key
        assert "examples" in described or described["type"] in ("object", "array"), key


def test_defaults_are_the_loaders_own() -> None:
    assert SCHEMA["properties"]["port"]["default"] == parse(b"name: hello").port
    personal = SCHEMA["properties"]["environments"]["properties"]["personal"]["properties"]
    assert personal["replicas"]["default"] == parse(b"name: hello").personal.replicas
    assert "host" not in personal


@pytest.mark.parametrize("text", ["name: true", "name: null", "name: hello\nenvironments: {main: {host: 1.5}}"])
def test_what_yaml_takes_for_no_text_is_to_be_quoted(text: str) -> None:
    with pytest.raises(CoopError) as caught:
        parse(text.encode())
    assert caught.value.remedy.startswith("put it in quotes: ")
    assert not accepts(SCHEMA, yaml.safe_load(text))


def test_the_sample_apps_spec_is_valid() -> None:
    text = (Path(__file__).parents[2] / "sample-app" / "coop.yaml").read_text()
    assert accepts(SCHEMA, yaml.safe_load(text))
