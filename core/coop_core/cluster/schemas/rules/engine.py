"""CEL with Kubernetes' functions: compiling a rule against the types of its variables, and running it.

A rule is checked in an environment that knows types and runs nothing, and runs in one that knows no types: there,
objects are plain maps, and functions are told apart by what they are given.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from cel_expr_python import cel

from coop_core.cluster.schemas.rules.calling import REPLACED, SCALARS, declared, runnable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.descriptor_pool import DescriptorPool

_EXTENSIONS = "extensions: [{name: optional}, {name: sets}, {name: two-var-comprehensions}"
_KEPT_ENVIRONMENTS = 4
"""One takes milliseconds to make and half a megabyte to keep; rules about one value come one after the other."""
_REPLACED = ", ".join(f'{{name: "{name}"}}' for name in REPLACED)
_CODE = re.compile(r"^(?!ERROR)[A-Z_]+: | \[[A-Z_]+\]$")
_IN_KUBERNETES_WORDS = (
    (re.compile(r" not found in struct '[\w.]*'"), ""),
    (re.compile(r'^Key not found in map : "(.*)"$', re.DOTALL), r"no such key: \1"),
    (re.compile(r"^No matching overloads found : "), "no such overload: "),
    (re.compile(r"^Index error: index=(-?\d+) .*"), r"index out of bounds: \1"),
    (re.compile(r"^divide by zero$"), "division by zero"),
)


class Broken(Exception):
    """A rule that does not compile; the text says where and why."""


class Failed(Exception):
    """A rule that ran into an error; the text says which."""


class Exhausted(Exception):
    """A rule that wanted more rounds or memory than there are."""


class Program:
    """A compiled expression. gives: the type of its result, e.g. "bool"."""

    def __init__(self, expression: cel.Expression, gives: str) -> None:
        self.gives = gives
        self._expression = expression

    def run(self, variables: Mapping[str, Any]) -> Any:
        """A truth or a text, by what it gives. Raises Failed and Exhausted."""
        try:
            result = self._expression.eval(data=dict(variables))
        except (RuntimeError, MemoryError) as error:
            if _is_exhaustion(error):
                raise Exhausted from None
            raise Failed(_plain(str(error))) from None
        if result.type() == cel.Type.ERROR:
            raise Failed(_plain(str(result.value())))
        return result.value()


def _is_exhaustion(error: Exception) -> bool:
    return isinstance(error, MemoryError) or "budget exceeded" in str(error)


class Compiler:
    """Compiles expressions whose variables are of the types in one pool."""

    def __init__(self, pool: DescriptorPool) -> None:
        self._pool = pool
        self._environments: dict[str, cel.Env] = {}

    def program(self, text: str, variables: Mapping[str, str], *, may_bind: bool = False) -> Program:
        """Raises Broken.

        variables: their types, as CEL writes them. may_bind: whether the text may use `cel.bind`, which Kubernetes
        does not know.
        """
        try:
            checked = self._environment(variables, ", {name: bindings}" if may_bind else "").compile(text)
            expression = _running().deserialize(checked.serialize())
        except RuntimeError as error:
            raise Broken(f"compilation failed: {_plain(str(error))}") from None
        try:
            # What compiles and cannot run says so at its first run, whatever it is given.
            expression.eval(data={})
        except (RuntimeError, MemoryError) as error:
            if not _is_exhaustion(error):
                raise Broken(f"compilation failed: not supported here: {_plain(str(error))}") from None
        type_ = checked.return_type()
        return Program(expression, next((name for name, one in SCALARS.items() if one == type_), type_.name()))

    def _environment(self, variables: Mapping[str, str], more: str) -> cel.Env:
        types = ", ".join(f"{{name: {name}, type: '{type_}'}}" for name, type_ in variables.items())
        config = f"{{stdlib: {{exclude_functions: [{_REPLACED}]}}, {_EXTENSIONS}{more}], variables: [{types}]}}"
        if config not in self._environments:
            if len(self._environments) == _KEPT_ENVIRONMENTS:
                self._environments.clear()
            read = cel.NewEnvConfigFromYaml(config)
            self._environments[config] = cel.NewEnv(self._pool, config=read, functions=declared())
        return self._environments[config]


@cache
def _running() -> cel.Env:
    """Where rules run."""
    config = f"{{{_EXTENSIONS}, {{name: strings, version: 2}}, {{name: bindings}}]}}"
    return cel.NewEnv(config=cel.NewEnvConfigFromYaml(config), functions=runnable())


def _plain(message: str) -> str:
    """An error of the engine in Kubernetes' words, as far as there are such."""
    text = message
    while (shorter := _CODE.sub("", text)) != text:
        text = shorter
    for theirs, ours in _IN_KUBERNETES_WORDS:
        text = theirs.sub(ours, text)
    return text
