"""What a definition may say about its rules, the expressions aside.

Source: Kubernetes apiextensions-apiserver, pkg/apis/apiextensions/validation, x-kubernetes-validations.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from coop_core.cluster.causes import Cause, invalid, required, unsupported
from coop_core.cluster.schemas.rules import fields
from coop_core.cluster.schemas.rules.fields import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coop_core.cluster.kinds import Raw

REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
_TEXTS = ("rule", "message", "messageExpression", "reason", "fieldPath")
_STEP = re.compile(r"\.(?P<name>[^.\[\]]+)|\['(?P<quoted>(?:[^'\\]|\\.)*)'\]")
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "'": "'", "\\": "\\"}


def rule_mistakes(schema: Raw, path: str) -> Iterator[Cause]:
    """The mistakes in the rules that a schema has itself, beside those in their expressions."""
    found = schema.get(RULES) or []
    if not isinstance(found, list):
        yield invalid(f"{path}.{RULES}", '"value"', "must be a list")
        return
    for index, rule in enumerate(found):
        place = f"{path}.{RULES}[{index}]"
        if not isinstance(rule, dict):
            yield invalid(place, '"value"', "must be an object")
            continue
        wrong = [name for name in _TEXTS if not isinstance(rule.get(name) or "", str)]
        if wrong or not isinstance(rule.get("optionalOldSelf") or False, bool):
            yield invalid(f"{place}.{wrong[0] if wrong else 'optionalOldSelf'}", '"value"', "is of the wrong type")
            continue
        yield from _texts(rule, place)
        if rule.get("reason") and rule["reason"] not in REASONS:
            yield unsupported(f"{place}.reason", rule["reason"], REASONS)
        if rule.get("fieldPath") and field_path(rule["fieldPath"], schema) is None:
            yield invalid(f"{place}.fieldPath", json.dumps(rule["fieldPath"]), "must be a valid path")


def _texts(rule: Raw, place: str) -> Iterator[Cause]:
    text, message = (str(rule.get(name) or "").strip() for name in ("rule", "message"))
    if not text:
        yield required(f"{place}.rule", "rule is not specified")
    elif rule.get("message") and not message:
        yield invalid(f"{place}.message", json.dumps(rule["message"]), "must be non-empty if specified")
    elif "\n" in message:
        yield invalid(f"{place}.message", json.dumps(rule["message"]), "must not contain line breaks")
    elif "\n" in text and not message:
        yield required(f"{place}.message", "message must be specified if rule contains line breaks")
    if rule.get("messageExpression") and not rule["messageExpression"].strip():
        yield required(f"{place}.messageExpression", "messageExpression must be non-empty if specified")


def misplaced(schema: Raw, path: str) -> Iterator[Cause]:
    """Rules where only values are checked: in anyOf, oneOf and not."""
    for name in ("anyOf", "oneOf"):
        for index, one in enumerate(fields.joint(schema, name)):
            yield from _forbidden(one, f"{path}.{name}[{index}]")
    if isinstance(schema.get("not"), dict):
        yield from _forbidden(schema["not"], f"{path}.not")


def _forbidden(schema: Raw, path: str) -> Iterator[Cause]:
    if fields.has_rules(schema):
        yield Cause("FieldValueForbidden", "Forbidden: must be empty to be structural", f"{path}.{RULES}")


def field_path(text: str, schema: Raw) -> str | None:
    """A rule's fieldPath as errors have it, e.g. "names[a]" for ".names['a']"; None when there is no such field."""
    path, at = "", 0
    while at < len(text):
        step = _STEP.match(text, at)
        if not step:
            return None
        name = step["name"] or re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), step["quoted"])
        known, others = fields.properties(schema), fields.others(schema)
        if name in known:
            schema, path = known[name], f"{path}.{name}" if path else name
        elif others and not known:
            schema, path = others, f"{path}[{name}]"
        else:
            return None
        at = step.end()
    return path or None
