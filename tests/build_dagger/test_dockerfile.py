"""Which line of a Dockerfile failed, and what `.dockerignore` keeps from being sent."""

from __future__ import annotations

import pytest

from coop_core.build.dagger.dockerfile import Instruction, ignored, instructions, line_of, line_with

SHELL = ["/bin/sh", "-c"]


@pytest.mark.parametrize(
    ("dockerfile", "command", "line"),
    [
        ("FROM a\nRUN make", [*SHELL, "make"], 2),
        ("from a\nrun make", [*SHELL, "make"], 2),
        ("FROM a\n\n# RUN make\nRUN make", [*SHELL, "make"], 4),
        ("FROM a\nRUN one \\\n  && two\nRUN three", [*SHELL, "one   && two"], 2),
        ("FROM a\nRUN one \\\n  # why\n  && two", [*SHELL, "one   && two"], 2),
        ("FROM a\nRUN --mount=type=cache,target=/x --network=none make", [*SHELL, "make"], 2),
        ('FROM a\nRUN ["make", "all"]', ["make", "all"], 2),
        ("# escape=`\nFROM a\nRUN one `\n two", [*SHELL, "one  two"], 3),
        ("FROM a\nCOPY <<EOF /x\nRUN make\nEOF\nRUN make", [*SHELL, "make"], 5),
        ("FROM a\nRUN make\nFROM b\nRUN make", [*SHELL, "make"], None),
        ("FROM a\nRUN make", [*SHELL, "other"], None),
        ("FROM a\nRUN make", [], None),
        ("RUN <<EOF", [*SHELL, "x"], None),
        ("", [*SHELL, "make"], None),
    ],
)
def test_a_commands_line_is_found_or_none_is_told(dockerfile: str, command: list[str], line: int | None) -> None:
    assert line_of(dockerfile, command) == line


@pytest.mark.parametrize(
    ("dockerfile", "pattern", "line"),
    [
        ("FROM a\nADD --checksum=x y z", "ADD .*--checksum=", 2),
        ("FROM a\nadd \\\n --checksum=x y z", "ADD .*--checksum=", 2),
        ("FROM a\nADD --checksum=x y z\nADD --checksum=v y z", "ADD .*--checksum=", None),
        ("FROM a\nRUN ADD --checksum=x", "ADD .*--checksum=", None),
        ("#syntax=x\nFROM a", r"#\s*syntax\s*=", 1),
    ],
)
def test_what_an_instruction_says_is_found_where_it_begins(dockerfile: str, pattern: str, line: int | None) -> None:
    assert line_with(dockerfile, pattern) == line


def test_instructions_know_where_they_begin() -> None:
    assert instructions("\n# a\nFROM x\nRUN a\\\n# c\n b\n") == [
        Instruction(3, "FROM", "x"), Instruction(4, "RUN", "a b"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "patterns"),
    [
        ("", []),
        ("# nothing\n\n   \n", []),
        ("\ufeffa\n", ["a"]),
        ("/a/b/\n./c\nd//e\nf/./../g\n//h\n", ["a/b", "c", "d/e", "g", "h"]),
        ("*\n! keep.py \n!/dir/\n", ["*", "!keep.py", "!dir"]),
        ("**/*.pyc\r\n", ["**/*.pyc"]),
        (".\n/\n!\n", []),
    ],
)
def test_patterns_are_cleaned_as_docker_does(text: str, patterns: list[str]) -> None:
    assert ignored(text) == patterns


def test_what_must_be_sent_is_asked_for_last() -> None:
    assert ignored("*\n", ["Dockerfile"]) == ["*", "!Dockerfile"]
    assert ignored("# nothing", ["Dockerfile"]) == []
