"""The library as the engine takes it: declared by types for checking, and by kinds of values for running."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from cel_expr_python import cel
from google.protobuf import duration_pb2, timestamp_pb2

from coop_core.cluster.schemas.rules.library import addresses, amounts, texts, versions
from coop_core.cluster.schemas.rules.library.declared import Misuse

if TYPE_CHECKING:
    from collections.abc import Callable

    from coop_core.cluster.schemas.rules.library.declared import Function, Opaque

Type = cel.Type
_FUNCTIONS: tuple[Function, ...] = (
    *texts.FUNCTIONS, *amounts.FUNCTIONS, *versions.FUNCTIONS, *addresses.FUNCTIONS,
)  # fmt: skip
_OPAQUE: dict[str, Opaque] = {one.name: one for one in (*amounts.TYPES, *versions.TYPES, *addresses.TYPES)}
OPAQUE_NAMES = tuple(_OPAQUE)

SCALARS = {
    "bool": Type.BOOL,
    "int": Type.INT,
    "uint": Type.UINT,
    "double": Type.DOUBLE,
    "string": Type.STRING,
    "bytes": Type.BYTES,
    "timestamp": Type.TIMESTAMP,
    "duration": Type.DURATION,
}
_KINDS = (*SCALARS.values(), Type.LIST, Type.MAP, Type.NULL)
_ORDER = ("_<_", "_<=_", "_>_", "_>=_")
REPLACED = (*_ORDER, "string")
"""CEL's own functions that Kubernetes takes more with: declared here, whole."""
_NUMBERS = ("int", "uint", "double")


@cache
def declared() -> list[cel.FunctionDecl]:
    """Every function for checking, with those of CEL itself that Kubernetes takes more with."""
    overloads: dict[str, list[cel.Overload]] = defaultdict(list)
    for number, one in enumerate(_FUNCTIONS):
        overloads[one.name].append(
            cel.Overload(
                f"{one.name}_{number}",
                return_type=_type(one.gives),
                parameters=[_type(name) for name in one.takes],
                is_member=one.is_member,
            )
        )
    for sign in _ORDER:
        pairs = [(name, name) for name in SCALARS] + [(a, b) for a in _NUMBERS for b in _NUMBERS if a != b]
        overloads[sign] = [
            cel.Overload(f"{sign}{a}_{b}", return_type=Type.BOOL, parameters=[SCALARS[a], SCALARS[b]])
            for a, b in pairs
        ]
    overloads["string"] += [
        cel.Overload(f"{name}_to_string", return_type=Type.STRING, parameters=[type_])
        for name, type_ in SCALARS.items()
    ]
    return [cel.FunctionDecl(name, found) for name, found in overloads.items()]


def _type(name: str) -> cel.Type:
    if name.startswith("list("):
        return Type.List(_type(name.removeprefix("list(").removesuffix(")")))
    if name == "map":
        return Type.Map(Type.STRING, Type.List(Type.STRING))
    return Type.DYN if name == "dyn" else SCALARS.get(name) or Type(name)


@cache
def runnable() -> list[cel.FunctionDecl]:
    """Every function for running: what has one name is one function for each kind of arguments."""
    chosen: dict[tuple[str, bool, tuple[int, ...]], _Chosen] = {}
    for one in _FUNCTIONS:
        if one.does is None:
            continue
        for kinds in _kinds(one.takes):
            chosen.setdefault((one.name, one.is_member, kinds), _Chosen()).add(one)
    overloads: dict[str, list[cel.Overload]] = defaultdict(list)
    for number, ((name, is_member, kinds), does) in enumerate(chosen.items()):
        overloads[name].append(
            cel.Overload(
                f"{name}_{number}",
                return_type=does.gives,
                parameters=[_KINDS[kind] for kind in kinds],
                is_member=is_member,
                impl=does,
            )
        )
    return [cel.FunctionDecl(name, found) for name, found in overloads.items()]


def _kinds(takes: tuple[str, ...]) -> list[tuple[int, ...]]:
    """The kinds of arguments, by their places in `_KINDS`."""
    found: list[tuple[int, ...]] = [()]
    for name in takes:
        if name == "dyn":
            found = [(*kinds, kind) for kinds in found for kind in range(len(_KINDS))]
        else:
            kind = Type.LIST if name.startswith("list(") else SCALARS.get(name, Type.MAP)
            found = [(*kinds, _KINDS.index(kind)) for kinds in found]
    return found


class _Chosen:
    """The functions that are called alike: an opaque value is a map of its type's name to its text."""

    def __init__(self) -> None:
        self._by_types: dict[tuple[str, ...], tuple[Callable[..., Any], Opaque | None]] = {}
        self.gives = Type.DYN

    def add(self, function: Function) -> None:
        assert function.does is not None, "it is run here"
        types = tuple(name if name in _OPAQUE else "" for name in function.takes)
        self._by_types.setdefault(types, (function.does, _OPAQUE.get(function.gives)))

    def __call__(self, *given: Any) -> Any:
        types = tuple(_opaque(one) for one in given)
        if types not in self._by_types:
            raise Misuse("no such overload")
        does, gives = self._by_types[types]
        read = [_OPAQUE[type_].read(one[type_]) if type_ else one for type_, one in zip(types, given, strict=True)]
        result = does(*read)
        return {gives.name: gives.write(result)} if gives else _sendable(result)


def _sendable(value: Any) -> Any:
    """A result as the engine takes it. Raises Misuse for a number that CEL does not have."""
    match value:
        case bool():
            return value
        case int() if not -(2**63) <= value < 2**63:
            raise Misuse("integer overflow")
        case timedelta():
            duration = duration_pb2.Duration()
            duration.FromTimedelta(value)
            return duration
        case datetime():
            stamp = timestamp_pb2.Timestamp()
            stamp.FromDatetime(value)
            return stamp
        case _:
            return value


def _opaque(value: Any) -> str:
    """The type of an opaque value; "" for any other."""
    return (
        next((name for name in value if name in _OPAQUE), "") if isinstance(value, dict) and len(value) == 1 else ""
    )
