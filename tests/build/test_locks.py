from __future__ import annotations

import pytest
from packaging.requirements import Requirement

from coop_core.build.locks import Asked, Unusable, asked

UV = b"""
version = 1
[[package]]
name = "flask"
version = "3.1.0"
source = { registry = "https://pypi.org/simple" }
[[package]]
name = "numpy"
version = "2.1.0"
source = { registry = "https://pypi.org/simple" }
[[package]]
name = "numpy"
version = "2.2.0"
source = { registry = "https://pypi.org/simple" }
[[package]]
name = "hello"
version = "0.1.0"
source = { editable = "." }
[[package]]
name = "--index-url=https://evil"
version = "1"
"""
POETRY = b"""
[[package]]
name = "flask"
version = "3.1.0"
[[package]]
name = "private"
version = "1.0"
[package.source]
type = "git"
url = "https://example.org/x.git"
[[package]]
name = "mirrored"
version = "1.0"
[package.source]
type = "legacy"
url = "https://example.org/simple"
"""


def poetry(lines: str) -> bytes:
    return f"[tool.poetry.dependencies]\n{lines}\n".encode()


def test_nothing_is_asked_without_a_project_file() -> None:
    assert asked({}) == asked({"pyproject.toml": b"[project]\nname = 'hello'\n"}) == Asked(())


def test_a_uv_lock_pins_what_comes_from_an_index_at_one_version() -> None:
    files = {"pyproject.toml": b"[project]\ndependencies = ['flask>=3']\n", "uv.lock": UV}
    assert asked(files) == Asked(("flask>=3",), ("flask==3.1.0",))


def test_a_poetry_lock_pins_too() -> None:
    files = {"pyproject.toml": poetry('python = "^3.11"\nflask = "^3"'), "poetry.lock": POETRY}
    assert asked(files) == Asked(("flask>=3,<4",), ("flask==3.1.0", "mirrored==1.0"))


def test_what_the_project_itself_lists_comes_before_poetrys_table() -> None:
    text = b"[project]\ndependencies = ['click']\n" + poetry('flask = "*"')
    assert asked({"pyproject.toml": text}).wanted == ("click",)


@pytest.mark.parametrize(("written", "inside", "outside"), [
    ("^1.2.3", "1.9", "2.0"), ("^0.2.3", "0.2.9", "0.3"), ("^0.0.3", "0.0.3", "0.0.4"), ("^0.0", "0.0.9", "0.1"),
    ("^1", "1.9", "2.0"), ("~1.2.3", "1.2.9", "1.3"), ("~1", "1.9", "2.0"), ("~=1.2", "1.9", "2.0"),
    ("1.2.*", "1.2.9", "1.3"), ("1.2", "1.2", "1.3"), (">=1, <3", "2", "3"), ("^1.2, !=1.4", "1.5", "1.4"),
])  # fmt: skip
def test_poetrys_versions_are_said_in_pythons_notation(written: str, inside: str, outside: str) -> None:
    [line] = asked({"pyproject.toml": poetry(f'flask = "{written}"')}).wanted
    specifier = Requirement(line).specifier
    assert specifier.contains(inside)
    assert not specifier.contains(outside)


def test_extras_and_markers_are_kept_and_optional_packages_left_out() -> None:
    lines = """\
    a = "*"
    b = {version = "^1", extras = ["x", "y"], markers = "sys_platform == 'linux'"}
    c = {version = "1", optional = true}
    """
    assert asked({"pyproject.toml": poetry(lines)}).wanted == ("a", "b[x,y]>=1,<2; sys_platform == 'linux'")


def test_a_pipfile_lock_pins_everything() -> None:
    text = b'{"default": {"flask": {"version": "==3.1.0"}, "b": {"version": "==1"}}, "develop": {"c": 1}}'
    assert asked({"Pipfile.lock": text}).wanted == ("b==1", "flask==3.1.0")


@pytest.mark.parametrize(("files", "path", "why"), [
    ({"pyproject.toml": b"[project\n"}, "pyproject.toml", "at line 1"),
    ({"pyproject.toml": b"[project]\ndependencies = 'x'\n"}, "pyproject.toml", "project.dependencies is no list"),
    ({"pyproject.toml": poetry('a = {git = "https://x"}')}, "pyproject.toml", "'a' has no version"),
    ({"pyproject.toml": poetry('a = "1\\n--index-url=x"')}, "pyproject.toml", "longer than a line"),
    ({"pyproject.toml": poetry('"-r x" = "1"')}, "pyproject.toml", "'-r x' has no version"),
    ({"pyproject.toml": poetry('a = "*"'), "poetry.lock": b"\xff"}, "poetry.lock", "decode"),
    ({"pyproject.toml": b"a = " + b"[" * 9999}, "pyproject.toml", "recursion"),
    ({"Pipfile.lock": b"[" * 9999}, "Pipfile.lock", "does not list versions"),
    ({"Pipfile.lock": b"[]"}, "Pipfile.lock", "does not list versions"),
    ({"Pipfile.lock": b'{"default": {"-r x": {"version": "==1"}}}'}, "Pipfile.lock", "something other"),
])  # fmt: skip
def test_a_file_that_cannot_be_used_is_named(files: dict[str, bytes], path: str, why: str) -> None:
    with pytest.raises(Unusable, match=why) as caught:
        asked(files)
    assert caught.value.path == path


@pytest.mark.parametrize("lock", [b"", b"package = 1", b"[[package]]\nname = 1", b"[package]\nx = 1"])
def test_a_lock_that_says_nothing_pins_nothing(lock: bytes) -> None:
    assert asked({"pyproject.toml": b"[project]\ndependencies = ['a']\n", "uv.lock": lock}) == Asked(("a",))
