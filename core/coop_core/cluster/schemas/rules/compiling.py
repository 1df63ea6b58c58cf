"""The rules of one schema, compiled: a tree in the schema's shape, as far as there are rules."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coop_core.cluster.causes import Cause, invalid
from coop_core.cluster.schemas.rules import fields
from coop_core.cluster.schemas.rules.calling import OPAQUE_NAMES
from coop_core.cluster.schemas.rules.declaring import Declarations
from coop_core.cluster.schemas.rules.engine import Broken, Compiler
from coop_core.cluster.schemas.rules.statements import field_path

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw
    from coop_core.cluster.schemas.rules.engine import Program

_WORDS = re.compile(r"""\"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|//.*""")
"""What is written in a rule for people: texts and comments."""
_WITH_OPTIONAL_OLD = "cel.bind(oldSelf, hasOld ? optional.of(old) : optional.none(), (\n{}\n))"
"""The engine takes no optional values from outside."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. program: None when it does not compile, for the reason in `problem`."""

    raw: Raw
    path: str
    """Where it puts its errors, below the value that it is about."""
    program: Program | None = None
    says: Program | None = None
    """What computes its message."""
    uses_old: bool = False
    problem: str = ""

    @property
    def is_for_new_too(self) -> bool:
        """Whether it is run where there is no past, although it looks there."""
        return self.raw.get("optionalOldSelf") is True

    @property
    def words(self) -> str:
        """The rule in a message: its own message, or its text."""
        return str(self.raw.get("message") or self.raw.get("rule")).strip()


@dataclass(slots=True)
class Node:
    """The rules about one value, and those below. is_object: whether the value is a whole object."""

    schema: Raw
    is_object: bool
    rules: tuple[Rule, ...] = ()
    items: Node | None = None
    others: Node | None = None
    properties: dict[str, Node] = field(default_factory=dict)
    joint: tuple[Node, ...] = ()
    """Those of allOf, about the same value."""


def compiled(schema: Raw, place: str = "") -> tuple[Node | None, tuple[Cause, ...]]:
    """The rules of a schema, None when there are none, and what is wrong with them.

    place: where the schema is in its definition.
    """
    compiling = _Compiling(schema)
    return compiling.node(schema, schema, place, is_object=True), tuple(compiling.problems)


class _Compiling:
    def __init__(self, schema: Raw) -> None:
        self.problems: list[Cause] = []
        self._declarations = Declarations(OPAQUE_NAMES)
        self._declarations.type_of(schema, is_object=True)
        self._compiler = Compiler(self._declarations.pool())

    def node(
        self, stated: Raw, schema: Raw, place: str, *, is_object: bool | None = None, past: str = ""
    ) -> Node | None:
        """stated: where the rules are: the schema itself, or a part of its allOf.

        past: the place of the list whose items have none; "" where old and new values belong together.
        """
        if not fields.has_rules(stated):
            return None
        node = Node(schema, fields.is_embedded(schema) if is_object is None else is_object)
        node.rules = self._rules(stated, node, place, past)
        for name, below in fields.properties(stated).items():
            inner = fields.properties(schema).get(name)
            found = inner and self.node(below, inner, f"{place}.properties[{name}]", past=past)
            if found:
                node.properties[name] = found
        if (items := fields.items(stated)) and (item := fields.items(schema)):
            is_map = schema.get("x-kubernetes-list-type") == "map"
            node.items = self.node(items, item, f"{place}.items", past=past or ("" if is_map else place))
        if (values := fields.others(stated)) and (value := fields.others(schema)):
            node.others = self.node(values, value, f"{place}.additionalProperties", past=past)
        joint = (
            self.node(one, schema, f"{place}.allOf[{index}]", is_object=node.is_object, past=past)
            for index, one in enumerate(fields.joint(stated, "allOf"))
        )
        node.joint = tuple(one for one in joint if one)
        return node

    def _rules(self, stated: Raw, node: Node, place: str, past: str) -> tuple[Rule, ...]:
        found = fields.rules(stated)
        type_ = self._declarations.type_of(node.schema, is_object=node.is_object) if found else ""
        if found and not type_:
            why = (
                "Internal error: rule declared on schema that does not support validation rules type: "
                f"'{node.schema.get('type', '')}'"
            )
            self.problems.append(Cause("InternalError", why, f"{place}.{fields.RULES}"))
        return tuple(
            self._rule(rule, node.schema, type_, f"{place}.{fields.RULES}[{index}]", past)
            for index, rule in enumerate(found)
            if type_
        )

    def _rule(self, raw: Raw, schema: Raw, type_: str, place: str, past: str) -> Rule:
        text, says = str(raw.get("rule") or ""), str(raw.get("messageExpression") or "")
        path = field_path(str(raw.get("fieldPath") or ""), schema) or ""
        is_optional = raw.get("optionalOldSelf") is True
        try:
            program, uses_old = self._program(text, type_, "bool", is_optional)
        except Broken as broken:
            why = str(broken) if str(broken).startswith("compilation") else f"cel expression {broken}"
            self.problems.append(invalid(f"{place}.rule", json.dumps(text), why))
            return Rule(raw, path, problem=why)
        if uses_old and past:
            why = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {past}"
            self.problems.append(invalid(f"{place}.rule", json.dumps(text), why))
        if not uses_old and "optionalOldSelf" in raw:
            why = "may not be set if oldSelf is not used in rule"
            self.problems.append(invalid(f"{place}.optionalOldSelf", json.dumps(raw["optionalOldSelf"]), why))
        message = None
        try:
            message = self._program(says, type_, "string", is_optional)[0] if says else None
        except Broken as broken:
            self.problems.append(
                invalid(f"{place}.messageExpression", json.dumps(says), f"messageExpression {broken}")
            )
        return Rule(raw, path, program, message, uses_old)

    def _program(self, text: str, type_: str, gives: str, is_optional: bool) -> tuple[Program, bool]:
        """An expression compiled, and whether it looks at the past. Raises Broken."""
        now = {"self": type_}
        uses_old = bool(re.search(r"\boldSelf\b", _WORDS.sub("", text)))
        if uses_old:
            past = {"oldSelf": f"optional_type<{type_}>" if is_optional else type_}
            program = self._compiler.program(text, now | past)
        else:
            program = self._compiler.program(text, now)
        if program.gives != gives:
            raise Broken(f"must evaluate to a {gives}")
        if uses_old and is_optional:
            given = {**now, "old": type_, "hasOld": "bool"}
            program = self._compiler.program(_WITH_OPTIONAL_OLD.format(text), given, may_bind=True)
        return program, uses_old
