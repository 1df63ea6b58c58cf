"""The fields of Kubernetes' messages: numbers, names in JSON and types, as `scripts/protobuf-fields` wrote them.

A message is called as its type in Go, with the last two parts of the package, e.g. "apps/v1.DeploymentSpec". The
file is read when the first protobuf comes, and of it only the messages that are met.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

from coop_core.cluster.protobuf.wire import BYTES, EIGHT_BYTES, NUMBER

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Kind

Shape = Literal["one", "list", "map"]

_WIRE = {"bool": NUMBER, "int32": NUMBER, "int64": NUMBER, "float64": EIGHT_BYTES}
_TYPE = re.compile(
    r"(?P<pointer>\*)?(?P<shape>\[\](?!byte\b)|map\[string\])?(?P<of>\[\]byte|[\w/.]+)(?P<omit>,omitempty)?"
)
_SHAPES: dict[str | None, Shape] = {None: "one", "[]": "list", "map[string]": "map"}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message."""

    number: int
    name: str
    """In JSON; "-" for a message whose own fields stand in its place."""
    of: str
    """A plain type of Go ("bool", "int32", "int64", "float64", "string", "[]byte") or a message."""
    shape: Shape
    is_pointer: bool
    """Whether JSON has the field when the wire has it, even if it says zero."""
    omits_empty: bool
    """Whether JSON leaves out zero."""

    @property
    def wire(self) -> int:
        """The type of its values on the wire."""
        return BYTES if self.shape == "map" else _WIRE.get(self.of, BYTES)

    @property
    def is_inline(self) -> bool:
        return self.name == "-"

    @property
    def is_always_there(self) -> bool:
        """Whether JSON has it even when the wire has not: Go has a value for it, and does not leave it out."""
        is_bytes = self.shape == "one" and self.of == "[]byte"
        return not (self.is_pointer or self.omits_empty or is_bytes)


@dataclass(frozen=True, slots=True)
class Message:
    fields: dict[int, Field]
    """By their numbers."""
    always: frozenset[int]
    """The fields that are always there."""
    is_list: bool
    """Whether its JSON is a list, its only field."""


def name_of(kind: Kind) -> str | None:
    """What the message of a kind is called, if it has one; None for a custom kind, which never has."""
    return None if kind.is_custom else f"{kind.group.partition('.')[0] or 'core'}/{kind.version}.{kind.name}"


def knows(name: str) -> bool:
    """Whether the table has a message of that name."""
    return name in _written()


@cache
def message(name: str) -> Message:
    """Raises LookupError for a name that the table does not have."""
    head, *lines = _written()[name].splitlines()
    items = head.partition(" ")[2]
    fields = [_field(line) for line in ([f"1 items {items}"] if items else lines)]
    always = frozenset(field.number for field in fields if field.is_always_there)
    return Message({field.number: field for field in fields}, always, is_list=bool(items))


def _field(line: str) -> Field:
    number, name, written = line.split(" ")
    found = _TYPE.fullmatch(written)
    assert found, line
    return Field(
        int(number),
        name,
        of=found["of"],
        shape=_SHAPES[found["shape"]],
        is_pointer=bool(found["pointer"]),
        omits_empty=bool(found["omit"]),
    )


@cache
def _written() -> dict[str, str]:
    """What the file says of each message."""
    text = files("coop_core.cluster.protobuf").joinpath("fields.txt").read_text("utf-8")
    blocks = text.partition("\n\n")[2].strip().split("\n\n")
    return {re.split(r"\s", block, maxsplit=1)[0]: block for block in blocks}
