"""The kinds of value that `coop.yaml` knows.

Each reads what was written and describes itself as a JSON Schema, so that the loader and an editor cannot differ.
Patterns are written in what Python and ECMAScript have in common, and match the whole text.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from coop_core import yamls
from coop_core.errors import CoopError, ExitCode
from coop_core.text import one_line
from coop_core.yamls import Node, Scalar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Schema = dict[str, Any]

TEXT_LIMIT = 4096
_WORDS_LIMIT = 100

_WRITTEN = ["string", "number", "boolean"]
"""What YAML may take a word for that is meant as text."""
_VARIABLE = "[A-Za-z_][A-Za-z0-9_.-]*"
# Not blank, no NUL, and every quotation mark closed: what shlex can split.
_COMMAND = r"(?=[\s\S]*\S)(?:[^'\x22\\\0]|\\[^\0]|'[^'\0]*'|\x22(?:[^\x22\\\0]|\\[^\0])*\x22)*"


class Field(Protocol):
    """What one key may hold. `about` is what an editor shows."""

    @property
    def about(self) -> str: ...

    def read(self, problems: Problems, key: str, node: Node) -> Any:
        """The value, or anything at all after telling `problems`."""

    def schema(self) -> Schema | None:
        """None when the key is known only to be refused."""


class Problems:
    """Collects what is wrong in one file."""

    def __init__(self, where: str) -> None:
        self._where = one_line(where)
        self._found: list[tuple[int, str, str]] = []

    def add(self, line: int, why: str, remedy: str) -> None:
        self._found.append((line, why, remedy))

    def refuse(self, key: str, node: Node, remedy: str) -> None:
        """`key` has a value that it cannot have."""
        value = repr(one_line(node.text, 60)) if isinstance(node, Scalar) else "a list or a mapping"
        self.add(node.line, f"{key} is {value}", remedy)

    def count(self) -> int:
        return len(self._found)

    def report(self) -> None:
        """Raises when there was anything."""
        if not self._found:
            return
        found = sorted(self._found)
        why = "; ".join(f"{self._where}:{line}: {told}" for line, told, _ in found)
        remedy = "; ".join(dict.fromkeys(remedy for _, _, remedy in found))
        raise CoopError(f"cannot read {self._where}", why, remedy, ExitCode.CONFIG)


@dataclass(frozen=True, slots=True)
class Word:
    """Text of one form. remedy: what to write instead of anything else."""

    about: str
    pattern: str
    remedy: str
    example: str

    def read(self, problems: Problems, key: str, node: Node) -> str:
        if not isinstance(node, Scalar) or not re.fullmatch(self.pattern, node.text):
            problems.refuse(key, node, self.remedy)
        elif not isinstance(node.value, str):
            problems.refuse(key, node, f"put it in quotes: {_last(key)}: '{node.text}'")
        else:
            return node.text
        return ""

    def schema(self) -> Schema:
        return {"type": "string", "pattern": _whole(self.pattern), "examples": [self.example]}


@dataclass(frozen=True, slots=True)
class Words:
    """A list of words of one form, none of them twice."""

    word: Word

    @property
    def about(self) -> str:
        return self.word.about

    def read(self, problems: Problems, key: str, node: Node) -> tuple[str, ...]:
        if not isinstance(node, yamls.Sequence) or len(node.items) > _WORDS_LIMIT:
            problems.refuse(key, node, f"use a list, e.g. {_last(key)}: [{self.word.example}]")
            return ()
        return tuple(dict.fromkeys(self.word.read(problems, f"{key}[]", item) for item in node.items))

    def schema(self) -> Schema:
        items = {name: value for name, value in self.word.schema().items() if name != "examples"}
        return {"type": "array", "items": items, "maxItems": _WORDS_LIMIT, "examples": [[self.word.example]]}


@dataclass(frozen=True, slots=True)
class Number:
    about: str
    low: int
    high: int
    example: int

    def read(self, problems: Problems, key: str, node: Node) -> int:
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high:
            return value
        told = f"use a number from {self.low} to {self.high}, e.g. {_last(key)}: {self.example}"
        problems.refuse(key, node, told)
        return self.low

    def schema(self) -> Schema:
        return {"type": "integer", "minimum": self.low, "maximum": self.high, "examples": [self.example]}


@dataclass(frozen=True, slots=True)
class Command:
    """A command line, as a shell reads it."""

    about: str
    example: str

    def read(self, problems: Problems, key: str, node: Node) -> str:
        text = node.text if isinstance(node, Scalar) and node.value is not None else ""
        if not text.strip() or len(text) > TEXT_LIMIT or "\0" in text:
            problems.refuse(key, node, f"write text, or leave {key} out")
        elif not re.fullmatch(_COMMAND, text):
            problems.refuse(key, node, "close the quotation marks")
        return text.strip()

    def schema(self) -> Schema:
        return {
            "type": _WRITTEN, "pattern": _whole(_COMMAND), "maxLength": TEXT_LIMIT, "examples": [self.example],
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Variables:
    """Names and values; a number or a boolean stays as its author wrote it."""

    about: str

    def read(self, problems: Problems, key: str, node: Node) -> dict[str, str]:
        if not isinstance(node, yamls.Mapping):
            problems.refuse(key, node, f"use names and values, e.g. {_last(key)}: {{GREETING: hello}}")
            return {}
        found = {}
        for name, (line, value) in node.items.items():
            if not re.fullmatch(_VARIABLE, name):
                problems.add(line, f"{one_line(name, 60)!r} is no name for a variable", "use letters, digits and _")
            elif name == "PORT":
                problems.add(line, f"{key} sets PORT", "remove it and use the key port")
            elif not isinstance(value, Scalar) or value.value is None or "\0" in value.text:
                problems.add(line, f"{key}.{name} is no text", f"write {name}: 'value'; an empty one is ''")
            else:
                found[name] = value.text
        return found

    def schema(self) -> Schema:
        return {
            "type": "object",
            "propertyNames": {"pattern": _whole(_VARIABLE), "not": {"const": "PORT"}},
            "additionalProperties": {"type": _WRITTEN, "pattern": _whole(r"[^\0]*")},
        }


@dataclass(frozen=True, slots=True)
class Refused:
    """A key that means something elsewhere and nothing here."""

    remedy: str
    about: str = ""

    def read(self, problems: Problems, key: str, node: Node) -> str:
        problems.refuse(key, node, self.remedy)
        return ""

    def schema(self) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Group:
    """A mapping of known keys.

    make: called with the keys that are there and right. remedy: what to write instead of what is no mapping.
    """

    about: str
    fields: Mapping[str, Field]
    make: Callable[..., Any]
    remedy: str
    required: tuple[str, ...] = ()

    def read(self, problems: Problems, key: str, node: Node) -> Any:
        if isinstance(node, yamls.Mapping):
            return self.make(**self.values(problems, f"{key}.", node))
        problems.refuse(key, node, self.remedy)
        return self.make()

    def values(self, problems: Problems, inside: str, node: yamls.Mapping) -> dict[str, Any]:
        """The values of the known keys that are there and right."""
        found = {}
        for key, (line, value) in node.items.items():
            if key not in self.fields:
                self._unknown(problems, inside + key, key, line)
                continue
            before = problems.count()
            read = self.fields[key].read(problems, inside + key, value)
            if problems.count() == before:
                found[key] = read
        for key in self.required:
            if key not in node.items:
                problems.add(node.line, f"there is no {inside}{key}", f"add a line like: {key}: hello")
        return found

    def _unknown(self, problems: Problems, path: str, key: str, line: int) -> None:
        nearest = difflib.get_close_matches(key, self.fields, n=1, cutoff=0.6)
        remedy = f"write {nearest[0]}" if nearest else f"use one of: {', '.join(self.fields)}"
        problems.add(line, f"the key {one_line(path, 60)!r} is not known", remedy)

    def schema(self) -> Schema:
        known = {key: (field.about, field.schema()) for key, field in self.fields.items()}
        described: Schema = {
            "type": "object",
            "properties": {
                key: {"description": about, **schema}
                for key, (about, schema) in known.items()
                if schema is not None
            },
            "additionalProperties": False,
        }
        return {**described, "required": list(self.required)} if self.required else described


def _whole(pattern: str) -> str:
    return f"^(?:{pattern})$"


def _last(key: str) -> str:
    return key.rpartition(".")[2]
