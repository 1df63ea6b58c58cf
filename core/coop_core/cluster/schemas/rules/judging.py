"""What compiled rules say of an object, in the words of the real server."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from coop_core.cluster.causes import UNCHECKED, Cause, invalid, required
from coop_core.cluster.schemas.lists import identity, list_keys
from coop_core.cluster.schemas.rules.engine import Exhausted, Failed
from coop_core.cluster.schemas.rules.presenting import Unfit, presented

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw
    from coop_core.cluster.schemas.rules.compiling import Node, Rule

WHOLE = "<nil>"
"""The field of an error about the whole object, as Go prints it."""
_LONGEST_MESSAGE_BYTES = 5 * 1024
_MOST_TOLD = 1 << 20
"""Characters of all that is said against one object: a rule about a list's items may fail for each of them."""


def judged(node: Node, new: Raw, old: Raw | None) -> tuple[Cause, ...]:
    """What the rules say against an object. old: what it was before; None for a new one."""
    judging = _Judging()
    with suppress(_Stop):
        judging.judge(node, new, old, "", is_kept=new == old)
    return tuple(judging.found)


class _Stop(Exception):
    """No further rules are run."""


class _Judging:
    def __init__(self) -> None:
        self.found: list[Cause] = []
        self._left = _MOST_TOLD

    def judge(self, node: Node, value: Any, old: Any, path: str, *, is_kept: bool) -> None:
        """old: the value before, None where none belongs to this one.

        is_kept: whether the value, or what it is a part of, is as it was: what is wrong with it was so before, and
        is no reason to refuse a change elsewhere.
        """
        if value is None:
            return
        wanted = [one for one in node.rules if (one.uses_old or not is_kept) and _applies(one, old)]
        if wanted:
            self._run(node, wanted, value, old, path)
        for one in node.joint:
            self.judge(one, value, old, path, is_kept=is_kept)
        if isinstance(value, dict):
            before = old if isinstance(old, dict) else {}
            for name, below in value.items():
                here = f"{path}.{name}" if path else name
                inner = node.properties.get(name)
                if inner:
                    self._below(inner, below, before.get(name), here, is_kept=is_kept)
                if node.others:
                    self._below(node.others, below, before.get(name), f"{path}[{name}]", is_kept=is_kept)
        elif isinstance(value, list) and node.items:
            keys = list_keys(node.schema) if isinstance(old, list) else None
            known = {identity(one, keys): one for one in old} if keys else {}
            for index, below in enumerate(value):
                past = known.get(identity(below, keys)) if keys else None
                self._below(node.items, below, past, f"{path}[{index}]", is_kept=is_kept)

    def _below(self, node: Node, value: Any, old: Any, path: str, *, is_kept: bool) -> None:
        self.judge(node, value, old, path, is_kept=is_kept if old is None else value == old)

    def _run(self, node: Node, rules: list[Rule], value: Any, old: Any, path: str) -> None:
        type_ = str(node.schema.get("type") or "")
        try:
            now = presented(node.schema, value, is_object=node.is_object)
            past = presented(node.schema, old, value, is_object=node.is_object)
        except (Unfit, ValueError, TypeError, OverflowError) as error:
            for rule in rules:
                self._tell(_wrong(path, type_, f"{error} evaluating rule: {rule.words}"))
            return
        variables = {"self": now, "oldSelf": past, "old": past, "hasOld": past is not None}
        for rule in rules:
            self._run_one(rule, type_, variables, path)

    def _run_one(self, rule: Rule, type_: str, variables: dict[str, Any], path: str) -> None:
        if rule.program is None:
            self._tell(_wrong(path, type_, f"rule compile error: {rule.problem}"))
            return
        try:
            if rule.program.run(variables) is True:
                return
        except Failed as failed:
            self._tell(_wrong(path, type_, _in_words(str(failed), rule)))
            return
        except Exhausted:
            why = (
                "'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to "
                f"call cost exceeds limit for rule: {rule.words}"
            )
            self._tell(_wrong(path, type_, why))
            raise _Stop from None
        where = ".".join(filter(None, (path, rule.path)))
        self._tell(_refusal(rule, where, type_, _message(rule, variables)))

    def _tell(self, cause: Cause) -> None:
        self.found.append(cause)
        self._left -= len(cause.message) + len(cause.field)
        if self._left < 0:
            self.found.append(UNCHECKED)
            raise _Stop


def _applies(rule: Rule, old: Any) -> bool:
    return old is not None or not rule.uses_old or rule.is_for_new_too


def _message(rule: Rule, variables: dict[str, Any]) -> str:
    if rule.says:
        try:
            text = str(rule.says.run(variables)).strip()
        except (Failed, Exhausted):
            text = ""
        if text and "\n" not in text and len(text.encode()) <= _LONGEST_MESSAGE_BYTES:
            return text
    return rule.words if rule.raw.get("message") else f"failed rule: {rule.words}"


def _in_words(failure: str, rule: Rule) -> str:
    if failure.startswith("no such overload"):
        what = "call arguments did not match a supported operator, function or macro signature for rule"
        return f"'{failure}': {what}: {rule.words}"
    return f"{failure} evaluating rule: {rule.words}"


def _refusal(rule: Rule, path: str, type_: str, why: str) -> Cause:
    match rule.raw.get("reason"):
        case "FieldValueForbidden":
            return Cause("FieldValueForbidden", f"Forbidden: {why}", path or WHOLE)
        case "FieldValueRequired":
            return required(path or WHOLE, why)
        case "FieldValueDuplicate":
            return Cause("FieldValueDuplicate", f'Duplicate value: "{type_}"', path or WHOLE)
        case _:
            return _wrong(path, type_, why)


def _wrong(path: str, type_: str, why: str) -> Cause:
    return invalid(path or WHOLE, f'"{type_}"', why)
