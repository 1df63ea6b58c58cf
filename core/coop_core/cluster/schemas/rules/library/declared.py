"""How a function of the library is written down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Misuse(Exception):
    """What a function does not take; the text says why."""


@dataclass(frozen=True, slots=True)
class Function:
    """One way to call a function.

    takes: types by name, the receiver of a member first; "list(T)" is a list. does: None when the engine does it.
    """

    name: str
    takes: tuple[str, ...]
    gives: str
    does: Callable[..., Any] | None
    is_member: bool = True


@dataclass(frozen=True, slots=True)
class Opaque:
    """A type whose values rules cannot look into. Equal values have equal texts."""

    name: str
    read: Callable[[str], Any]
    write: Callable[[Any], str] = str


def plain(name: str, takes: tuple[str, ...], gives: str, does: Callable[..., Any] | None) -> Function:
    """A function that is no member of anything."""
    return Function(name, takes, gives, does, is_member=False)


def members(type_: str, gives: str, does: dict[str, Callable[..., Any]], *more: str) -> Iterator[Function]:
    """Members of one type that all take and give the same."""
    return (Function(name, (type_, *more), gives, one) for name, one in does.items())


def ordered(type_: str) -> Iterator[Function]:
    """How values of a type are compared. They must have `<`."""
    yield from members(
        type_,
        "bool",
        {"isLessThan": lambda one, other: one < other, "isGreaterThan": lambda one, other: other < one},
        type_,
    )
    yield from members(type_, "int", {"compareTo": lambda one, other: (other < one) - (one < other)}, type_)


def can(read: Callable[..., Any]) -> Callable[..., bool]:
    """Whether `read` takes something."""

    def is_read(*given: Any) -> bool:
        try:
            read(*given)
        except Misuse:
            return False
        return True

    return is_read
