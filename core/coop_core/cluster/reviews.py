"""The reviews that clients post to learn who they are and what they may: bodies read, answers written.

Bodies come as JSON or, from newer Go clients, as protobuf. Of the latter only the few fields of these reviews are
read. Answers are always JSON, which every client takes.
Source: Kubernetes authorization/v1 and authentication/v1, generated.proto.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coop_core.cluster.kinds import Raw

PROTOBUF = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"


class BadReview(Exception):
    """The body is no review."""


@dataclass(frozen=True, slots=True)
class AccessQuestion:
    """What a SelfSubjectAccessReview asks. Either about a resource or, when `path` is given, about a path."""

    namespace: str = ""
    verb: str = ""
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""
    path: str = ""


def access_question(body: bytes, media_type: str) -> AccessQuestion:
    """Reads a SelfSubjectAccessReview. Raises BadReview."""
    if media_type == PROTOBUF:
        return _access_from_protobuf(body)
    spec = _spec(body)
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if isinstance(resource, dict):
        return AccessQuestion(**{name: _text(resource, name) for name in _RESOURCE_FIELDS})
    if isinstance(path, dict):
        return AccessQuestion(path=_text(path, "path"), verb=_text(path, "verb"))
    raise BadReview("exactly one of nonResourceAttributes or resourceAttributes must be specified")


def rules_namespace(body: bytes, media_type: str) -> str:
    """Reads the namespace of a SelfSubjectRulesReview. Raises BadReview."""
    if media_type == PROTOBUF:
        spec = _field(_raw_object(body), 2)
        return _decoded(_field(spec, 1))
    return _text(_spec(body), "namespace")


def access_answer(question: AccessQuestion, *, is_allowed: bool, reason: str = "") -> Raw:
    """A SelfSubjectAccessReview with its answer."""
    if question.path:
        spec: Raw = {"nonResourceAttributes": {"path": question.path, "verb": question.verb}}
    else:
        given = {name: getattr(question, name) for name in _RESOURCE_FIELDS}
        spec = {"resourceAttributes": {name: value for name, value in given.items() if value}}
    status = {"allowed": is_allowed, **({"reason": reason} if reason else {})}
    return _answer("authorization.k8s.io/v1", "SelfSubjectAccessReview", spec, status)


def rules_answer(resource_rules: list[Raw], non_resource_rules: list[Raw]) -> Raw:
    """A SelfSubjectRulesReview with its answer; `incomplete` is false: what is not listed is not allowed."""
    status = {
        "resourceRules": resource_rules,
        "nonResourceRules": non_resource_rules,
        "incomplete": False,
    }
    return _answer("authorization.k8s.io/v1", "SelfSubjectRulesReview", {}, status)


def self_answer(user: str, groups: tuple[str, ...]) -> Raw:
    """A SelfSubjectReview with its answer."""
    status = {"userInfo": {"username": user, "groups": list(groups)}}
    return _answer("authentication.k8s.io/v1", "SelfSubjectReview", None, status)


def _answer(api_version: str, kind: str, spec: Raw | None, status: Raw) -> Raw:
    answered = {"kind": kind, "apiVersion": api_version, "metadata": {"creationTimestamp": None}}
    return {**answered, **({} if spec is None else {"spec": spec}), "status": status}


_RESOURCE_FIELDS = ("namespace", "verb", "group", "version", "resource", "subresource", "name")


def _spec(body: bytes) -> Raw:
    try:
        review = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadReview("the body is not JSON") from error
    spec = review.get("spec") if isinstance(review, dict) else None
    if not isinstance(spec, dict):
        raise BadReview("spec is required")
    return spec


def _text(fields: Raw, name: str) -> str:
    value = fields.get(name) or ""
    if not isinstance(value, str):
        raise BadReview(f"{name} must be a string")
    return value


def _access_from_protobuf(body: bytes) -> AccessQuestion:
    spec = _field(_raw_object(body), 2)
    resource, path = _field(spec, 1), _field(spec, 2)
    if resource is not None:
        numbered = {name: _decoded(_field(resource, n)) for n, name in enumerate(_RESOURCE_FIELDS, start=1)}
        return AccessQuestion(**numbered)
    if path is not None:
        return AccessQuestion(path=_decoded(_field(path, 1)), verb=_decoded(_field(path, 2)))
    raise BadReview("exactly one of nonResourceAttributes or resourceAttributes must be specified")


def _raw_object(body: bytes) -> bytes:
    """The object inside the envelope that Kubernetes puts around protobuf."""
    if not body.startswith(_MAGIC):
        raise BadReview("the body is not protobuf as Kubernetes writes it")
    return _field(body[len(_MAGIC) :], 2) or b""


def _field(message: bytes | None, number: int) -> bytes | None:
    """The last length-delimited field of that number, as protobuf reads repeats; None when there is none."""
    found = None
    for at, value in _fields(message or b""):
        if at == number:
            found = value
    return found


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """The length-delimited fields of a message; numbers are skipped."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        match tag & 7:
            case 0:
                _, position = _varint(message, position)
            case 1:
                position += 8
            case 5:
                position += 4
            case 2:
                size, position = _varint(message, position)
                if position + size > len(message):
                    raise BadReview("the protobuf body ends in the middle of a field")
                yield tag >> 3, message[position : position + size]
                position += size
            case _:
                raise BadReview("the protobuf body has a field of an unknown type")


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(message) and shift < 64:
        byte = message[position]
        value |= (byte & 0x7F) << shift
        position += 1
        if not byte & 0x80:
            return value, position
        shift += 7
    raise BadReview("the protobuf body has a broken number")


def _decoded(value: bytes | None) -> str:
    try:
        return (value or b"").decode()
    except UnicodeDecodeError as error:
        raise BadReview("the protobuf body has text that is not UTF-8") from error
