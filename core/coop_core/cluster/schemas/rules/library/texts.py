"""Strings and lists: what the engine has under other names, or does itself and is declared here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from cel_expr_python import cel

from coop_core.cluster.schemas.rules.library.declared import Function, Misuse, members, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_COMPARABLE = ("int", "double", "bool", "duration", "timestamp", "string")
_GROUP = re.compile(r"\\.|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]|\(\?P?<\w+>|\((?!\?)", re.DOTALL)
"""What opens a group that captures; before that, what only looks like one."""


def _engine(expression: str) -> Callable[..., Any]:
    """The engine's own regular expressions: RE2, as Kubernetes has, where Python's are others."""
    config = cel.NewEnvConfigFromYaml("extensions: [{name: optional}, {name: regex}]")
    environment = cel.NewEnv(config=config, variables={"text": cel.Type.STRING, "pattern": cel.Type.STRING})
    program = environment.compile(expression)

    def run(text: str, pattern: str) -> Any:
        whole = _GROUP.sub(lambda found: "(?:" if found[0][0] == "(" else found[0], pattern)
        result = program.eval(data={"text": text, "pattern": f"({whole})"})
        if result.type() == cel.Type.ERROR:
            raise Misuse(f"Illegal regex: {pattern[:64]}")
        return result.plain_value()

    return run


_find = _engine("regex.extract(text, pattern).orValue('')")
_find_all = _engine("regex.extractAll(text, pattern)")
_matches = _engine("text.matches(pattern)")


def _found(text: str, pattern: str, limit: int = -1) -> list[str]:
    if _matches("", pattern):
        raise Misuse(f"findAll with a pattern that matches nothing at all is not supported here: {pattern[:64]}")
    every: list[str] = _find_all(text, pattern)
    return every if limit < 0 else every[:limit]


def _is_sorted(items: list[Any]) -> bool:
    return all(not items[index + 1] < items[index] for index in range(len(items) - 1))


def _least(items: list[Any]) -> Any:
    if not items:
        raise Misuse("min called on empty list")
    return min(items)


def _greatest(items: list[Any]) -> Any:
    if not items:
        raise Misuse("max called on empty list")
    return max(items)


def _index(items: list[Any], wanted: Any) -> int:
    return next((index for index, one in enumerate(items) if _same(one, wanted)), -1)


def _last_index(items: list[Any], wanted: Any) -> int:
    return next((index for index in range(len(items) - 1, -1, -1) if _same(items[index], wanted)), -1)


def _same(one: Any, other: Any) -> bool:
    """Python takes true for 1."""
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _list_functions() -> Iterator[Function]:
    for type_ in _COMPARABLE:
        yield from members(f"list({type_})", "bool", {"isSorted": _is_sorted})
        yield from members(f"list({type_})", type_, {"min": _least, "max": _greatest})
    for type_ in ("int", "double"):
        yield from members(f"list({type_})", type_, {"sum": sum})
    yield from members("list(dyn)", "int", {"indexOf": _index, "lastIndexOf": _last_index}, "dyn")


def _done_by_the_engine(signatures: str) -> Iterator[Function]:
    """Members of strings, written "name type type > type"."""
    for line in signatures.strip().splitlines():
        taken, _, given = line.partition(">")
        name, *more = taken.split()
        receiver = "list(string)" if name == "join" else "string"
        yield Function(name, (receiver, *more), given.strip(), None)


FUNCTIONS = (
    *members("string", "string", {"find": _find}, "string"),
    *members("string", "list(string)", {"findAll": _found}, "string"),
    *members("string", "list(string)", {"findAll": _found}, "string", "int"),
    *_list_functions(),
    plain("strings.quote", ("string",), "string", None),
    *_done_by_the_engine("""
        charAt int > string
        format list(dyn) > string
        indexOf string > int
        indexOf string int > int
        join > string
        join string > string
        lastIndexOf string > int
        lastIndexOf string int > int
        lowerAscii > string
        replace string string > string
        replace string string int > string
        split string > list(string)
        split string int > list(string)
        substring int > string
        substring int int > string
        trim > string
        upperAscii > string
    """),
)
